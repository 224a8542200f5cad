"""Base64 of which most is shared says what the text says."""

from base64 import b64decode
from weakref import WeakSet

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.body_parts import BodyPart, Passage, Passages

# Of lines: with their ends, some may end a passage.
LENGTHS = st.sampled_from([1, 50, 99, 103, 104, 111, 207])


def end_lines(text: str) -> str:
    """As they are in a message."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


@pytest.mark.parametrize("near", ["100%b %% ", "5%" * 200])
def test_percent_signs_stand_for_themselves(near):
    text = f"{near}[[greeting]] %s{near}[[mail]]%"
    values = {"greeting": "%b%%", "mail": "%d"}

    lines = b"".join(BodyPart(text, Passages()).fill(values))

    assert b64decode(lines).decode() == f"{near}%b%% %s{near}%d%"


PIECES = (
    st.text(max_size=200)
    | st.builds(lambda text, times: text * times, st.text(max_size=3), st.integers(90, 120))
    | st.just("[[greeting]]")
    | st.just("[[mail]]")
)


@given(st.lists(PIECES, max_size=12), st.text("陳a", max_size=9))
def test_base64_of_shared_pieces_is_that_of_the_whole(pieces, name):
    text = "".join(pieces)
    values = {"greeting": f"{name}，您好：", "mail": "https://example.org/m"}
    lines = b"".join(BodyPart(text, Passages()).fill(values))

    filled = text.replace("[[greeting]]", values["greeting"]).replace("[[mail]]", values["mail"])
    assert b64decode(lines).decode() == end_lines(filled)
    assert all(len(line) <= 76 for line in lines.split(b"\r\n"))
    assert b"=" not in lines.rstrip(b"=\r\n")


@given(st.lists(st.text(max_size=9), min_size=2, max_size=12))
def test_one_text_is_filled_for_names_of_any_length(names):
    text = "甲" * 140 + "[[greeting]]" + "乙" * 150 + "[[greeting]]丙[[mail]]" + "丁" * 160
    part = BodyPart(text, Passages())

    for name in names:
        lines = b"".join(part.fill({"greeting": name, "mail": f"/m/{name}"}))
        filled = text.replace("[[greeting]]", name).replace("[[mail]]", f"/m/{name}")
        assert b64decode(lines).decode() == filled


LINES = st.builds(lambda word, length: f"{word * length}\n", st.sampled_from("甲乙丙"), LENGTHS)
ODD_LINES = st.sampled_from(["\n", "短行\n", "[[greeting]]\n", "[[greeting]]", "沒有完的一行"])
TEXTS = st.lists(LINES | ODD_LINES, max_size=12)


@given(st.lists(TEXTS, min_size=2, max_size=6), st.text("陳a", max_size=3))
def test_a_text_has_the_same_lines_whatever_was_read_before(texts, name):
    """Or a copy that is sent again would have other bytes."""
    values = {"greeting": f"{name}，您好："}
    passages = Passages()

    for lines in texts:
        text = "".join(lines)
        alone = BodyPart(text, Passages()).fill(values)
        assert BodyPart(text, passages).fill(values) == alone
        assert b64decode(b"".join(alone)).decode() == end_lines(
            text.replace("[[greeting]]", values["greeting"])
        )


def test_what_texts_have_in_common_is_encoded_once():
    """Wherever it stands in each."""
    passages = Passages()
    paragraphs = [f"{word * 103}\n" for word in "甲乙丙丁"]
    one = list(passages.read("".join(paragraphs)))
    other = list(passages.read("".join(["戊" * 103 + "\n短\n", *paragraphs[1:], "結尾"])))

    assert len(one) == 4
    assert len(other) == 5
    assert [passage in one for passage in other] == [False, False, True, True, False]


def test_no_more_is_kept_than_memory_allows(monkeypatch):
    monkeypatch.setattr("subscribers.body_parts._MOST_KEPT", 1000)
    passages = Passages()
    read: WeakSet[Passage] = WeakSet()

    for number in range(20):
        text = f"{'甲' * 103}\n第 {number} 段{'乙' * 200}"
        for passage in passages.read(text):
            read.add(passage)
        del passage
        assert len(read) <= 6  # of 104 and of some 206 characters
