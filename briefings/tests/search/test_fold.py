import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opencc import OpenCC

from briefings.search.fold import fold
from briefings.tests.search.samples import SENTENCES


@pytest.mark.parametrize(
    "forms",
    [
        "新質生產力 新质生产力",
        "臺灣 台灣 台湾",
        "衞生 衛生 卫生",
        "著力 着力",
        "這裏 這裡 这里",
        "羣眾 群衆 群众",
        "答覆 答复",
        "瞭解 了解",
        "憑藉 憑借 凭借",
        "鍾 鐘 钟 锺",
        "復甦 复苏",
        "計劃 計畫 计划",
        "説 說 说",
        "二零二三 二〇二三 二○二三",
        "沢 澤 泽",
        "5G ５G ５Ｇ 5g",
        "café Café CAFÉ CAFE",
        "CO2 CO₂ co2",
    ],
)
def test_forms_of_one_word_fold_together(forms):
    folded = {fold(form) for form in forms.split()}

    assert len(folded) == 1


@pytest.mark.parametrize(("one", "other"), [("稅", "說"), ("欠", "缺"), ("未", "末"), ("5", "G")])
def test_words_of_their_own_stay_apart(one, other):
    assert fold(one) != fold(other)


def test_note_marks_are_no_part_of_a_word():
    assert fold("5G¹、①5G") == "5g 、 5g"


EVERYTHING = "".join(map(chr, range(sys.maxunicode + 1)))
# Lone surrogates too: who asks by JSON can send them.
texts = st.text(st.characters())


@given(texts)
def test_folding_keeps_the_length(text):
    assert len(fold(text)) == len(text)


@given(texts)
def test_folding_twice_changes_nothing_more(text):
    assert fold(fold(text)) == fold(text)


@given(texts, texts)
def test_what_stands_beside_a_text_changes_nothing_in_it(one, other):
    assert fold(one + other) == fold(one) + fold(other)


def test_folding_keeps_the_length_of_every_character_there_is():
    folded = fold(EVERYTHING)

    assert len(folded) == len(EVERYTHING)
    assert fold(folded) == folded


@pytest.mark.parametrize("standard", ["t2s", "t2hk", "t2tw"])
@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_folds_like_its_conversion(sentence, standard):
    converted = OpenCC(standard).convert(sentence)

    assert fold(converted) == fold(sentence)
