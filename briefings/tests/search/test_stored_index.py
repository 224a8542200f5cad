"""What the index finds, in its tail and in its segments, on whichever database the tests run on."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opencc import OpenCC

from briefings.search.fold import fold
from briefings.search.index import EntryText, find_entry_ids, index_entry, open_index, remove_entry
from briefings.search.matching import Tier, list_tokens, match
from briefings.search.merging import make_segments
from briefings.search.query import Query, parse_query
from briefings.search.synonyms import Synonyms
from briefings.search.tokens import is_han
from briefings.tests.search.samples import SENTENCES
from briefings.tests.search.sights import see_all

pytestmark = pytest.mark.django_db

within_one_test = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Few characters, so that texts and queries meet: Han in both scripts, words, all kinds of gaps.
texts = st.text("新質质生產产業5Gaé２ 　\n、。「」\u200b\0①😀", max_size=25)
queries = texts.map(lambda text: text[:4])
to_simplified = OpenCC("t2s").convert


@pytest.fixture(params=["tail", "segment"])
def write(request):
    """Have an entry indexed by a text, which is then in the tail or in a segment."""

    def write_entry(entry_id: int, text: EntryText) -> None:
        index_entry(entry_id, text)
        if request.param == "segment":
            make_segments([entry_id])

    return write_entry


def text_of(body: str = "", *, headline: str = "", lead: str = "") -> EntryText:
    return EntryText(headline, lead, body)


def find(typed: str, tier: Tier = Tier.BODY) -> set[int]:
    return find_by(parse_query(typed), tier)


def find_by(query: Query, tier: Tier = Tier.BODY) -> set[int]:
    index = open_index()
    matches = match(query, see_all(index), index.look_up(list_tokens(query)))
    rows = matches.rows[matches.tiers <= tier]
    return set(see_all(index).entry_ids[rows].tolist())


def answers(text: EntryText, query: Query) -> bool:
    """The oracle: every term looked for in every field's folded text, without an index."""
    return all(
        any(next(phrase.find_in(fold(field)), None) for field in text for phrase in term.phrases)
        for term in query.terms
    )


@within_one_test
@given(st.builds(EntryText, texts, texts, texts), queries)
def test_the_index_finds_what_brute_force_finds(write, text, typed):
    query = parse_query(typed)
    write(1, text)

    assert not query or find(typed) == ({1} if answers(text, query) else set())


SYNONYMS = Synonyms([["新質", "5G", "生產 2"], ["a產業", "業質质"]])


@within_one_test
@given(st.builds(EntryText, texts, texts, texts), queries)
def test_with_other_wordings_too_it_finds_what_brute_force_finds(write, text, typed):
    query = SYNONYMS.expand(parse_query(typed))
    write(1, text)

    assert not query or find_by(query) == ({1} if answers(text, query) else set())


def test_of_each_term_one_wording_is_enough_and_none_is_too_few(write):
    query = Synonyms([["強積金", "MPF"], ["大灣區", "GBA"]]).expand(parse_query("MPF 大灣區"))
    write(1, text_of("強積金", headline="GBA"))
    write(2, text_of("強積金和MPF"))

    assert find_by(query) == {1}


@within_one_test
@given(st.sampled_from(SENTENCES), st.data())
def test_any_part_between_han_characters_is_found_in_either_script(write, sentence, data):
    edges = [i for i, character in enumerate(sentence) if is_han(fold(character))]
    start, last = sorted(data.draw(st.tuples(st.sampled_from(edges), st.sampled_from(edges))))
    part = sentence[start : last + 1]
    write(1, text_of(sentence))

    assert find(f'"{part}"') == find(f'"{to_simplified(part)}"') == {1}


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("新质生产力", "發展新質生產力的要求"),
        ("新質生產力", "发展新质生产力的要求"),
        ("５G", "5G網絡"),
        ("5G", "５Ｇ網絡"),
        ("台灣", "對臺灣的出口"),
        ("臺灣", "對台灣的出口"),
        ("5G、工業", "5G工業"),
        ("2023年", "２０２３年底"),
        ("第14屆", "第14屆全國人大"),
        ("稅", "減稅"),
        ("稅", "稅務"),
        ("made in china", "Made in China 2025"),
        ("OR", "this or that"),
        ("'5G'", "5G"),
        ("𠮷野", "𠮷野家"),
    ],
)
def test_it_finds(write, typed, written):
    write(1, text_of(written))

    assert find(typed) == {1}


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("工業發展", "工業、發展"),
        ("工業發展", "工業的發展"),
        ("202", "2023年"),
        ("3.2", "13.2"),
        ("工業 關稅", "工業"),
    ],
)
def test_it_does_not_find(write, typed, written):
    write(1, text_of(written))

    assert find(typed) == set()


@pytest.mark.parametrize(
    "typed", ["AND", "工業*:A", "headline:工業", "a' | 'b", 'a"b', "\\", "工\0業"]
)
def test_no_query_is_an_error_or_an_operator(write, typed):
    write(1, text_of("無關"))

    assert not parse_query(typed) or find(typed) == set()


def test_no_phrase_runs_from_one_field_into_the_next(write):
    write(1, text_of(headline="工業", lead="發展"))

    assert find("工業發展") == set()


def test_terms_may_stand_in_different_fields(write):
    write(1, text_of("關稅", headline="工業"))

    assert find("工業 關稅") == {1}


@pytest.mark.parametrize(("tier", "found"), [(Tier.HEADLINE, {1}), (Tier.LEAD, {1, 2})])
def test_it_tells_where_the_terms_stand(write, tier, found):
    write(1, text_of(headline="工業"))
    write(2, text_of(lead="工業"))
    write(3, text_of("工業"))

    assert find("工業", tier) == found


def test_all_terms_in_headline_and_lead_come_before_those_that_are_not(write):
    write(1, text_of("發展", headline="工業"))
    write(2, text_of(lead="發展", headline="工業"))

    assert find("工業 發展", Tier.LEAD) == {2}


def test_a_newer_text_takes_the_place_of_the_older(write):
    write(1, text_of("工業"))
    write(1, text_of("關稅"))

    assert find("工業") == set()
    assert find("關稅") == {1}


def test_what_is_removed_is_not_found(write):
    write(1, text_of("工業"))
    remove_entry(1)

    assert find("工業") == set()
    assert find_entry_ids() == set()


def test_removing_what_is_not_held_does_nothing(write):
    write(1, text_of("工業"))
    remove_entry(2)

    assert find_entry_ids() == {1}


def test_a_text_that_says_the_same_changes_nothing(write, django_assert_num_queries):
    write(1, text_of("工業"))
    before = open_index()

    with django_assert_num_queries(1):
        index_entry(1, text_of("工業"))

    assert open_index() is before


LONG = "".join(chr(0x4E00 + i * 7919 % 20_000) for i in range(30_000))  # hardly a bigram twice


@pytest.mark.parametrize("place", [*range(0, 30_000, 3_301), 30_000 - 200])
def test_a_phrase_is_found_wherever_it_stands_in_a_long_text(write, place):
    write(1, text_of(LONG))

    assert find(LONG[place : place + 200]) == {1}


@pytest.mark.parametrize("count", [255, 256, 455, 456, 30_000])
def test_a_bigram_repeated_without_end_hides_nothing(write, count):
    write(1, text_of("稅" * count + "務"))

    assert find("稅" * 199 + "務") == {1}
    assert find("務稅") == set()


def test_a_text_of_long_words_fits(write):
    write(1, text_of(" ".join(f"{'é' * 100}{number}" for number in range(5_000))))

    assert find(f"{'é' * 100}4999") == {1}
