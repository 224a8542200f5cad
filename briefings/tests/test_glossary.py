"""The glossary's rows as house style and search go by them."""

import pytest

from briefings.catalogue import open_archive
from briefings.finding import understand_query
from briefings.glossary import load_glossary
from briefings.house_style import check_style
from briefings.models import Audience, GlossaryTerm, Theme, ThemeAlias

pytestmark = pytest.mark.django_db


def make_term(name: str, *wordings: str, discouraged: str = "", **fields) -> GlossaryTerm:
    term = GlossaryTerm.objects.create(name=name, **fields)
    for text in wordings:
        term.wordings.create(text=text)
    if discouraged:
        term.wordings.create(text=discouraged, is_discouraged=True)
    return term


def make_theme(name: str, *aliases: str) -> Theme:
    theme = Theme.objects.create(name=name, slug=name)
    for alias in aliases:
        ThemeAlias.objects.create(theme=theme, name=alias)
    return theme


def also(typed: str) -> set[str]:
    return set(understand_query(typed, open_archive(None)).also)


def test_a_text_is_checked_by_the_stored_glossary():
    make_term("香港特別行政區政府", discouraged="港府")

    [finding] = check_style("標題", "港府表示。", "", load_glossary())

    assert (finding.rule, finding.suggestions) == ("discouraged", ("香港特別行政區政府",))


def test_the_glossary_is_two_queries_however_long(django_assert_num_queries):
    for number in range(3):
        make_term(f"第{number}號", f"寫法{number}")

    with django_assert_num_queries(2):
        assert len(load_glossary().terms) == 3


def test_what_an_editor_changes_counts_at_once():
    term = make_term("香港特別行政區政府")
    load_glossary()
    term.wordings.create(text="港府", is_discouraged=True)

    assert load_glossary().terms[0].discouraged == ("港府",)


def test_wordings_find_each_other():
    make_term("強制性公積金計劃", "強積金", "MPF")

    assert also("mpf") == {"強制性公積金計劃", "強積金"}


def test_a_wording_not_to_be_used_is_looked_for_but_not_told():
    make_term("香港特別行政區政府", discouraged="港府")

    query = understand_query("香港特別行政區政府", open_archive(None))

    assert [phrase.runs for phrase in query.terms[0].others] == [("港府",)]
    assert query.also == ()
    assert also("港府") == {"香港特別行政區政府"}


def test_a_theme_is_found_by_its_aliases_and_they_by_it():
    make_theme("粵港澳大灣區", "GBA", "灣區經濟")

    assert also("GBA") == {"粵港澳大灣區", "灣區經濟"}
    assert also("粵港澳大灣區") == {"GBA", "灣區經濟"}


def test_an_alias_and_a_wording_that_are_the_same_join_theme_and_term():
    make_theme("強積金改革", "MPF")
    make_term("強制性公積金計劃", "MPF")

    assert also("強積金改革") == {"MPF", "強制性公積金計劃"}


def test_a_theme_that_the_reader_may_not_see_is_not_told():
    make_theme("未公布的計劃", "神秘計劃")

    assert understand_query("神秘計劃", open_archive(Audience.PUBLIC)).also == ()


def test_a_changed_glossary_counts_at_once(django_assert_num_queries):
    term = make_term("強制性公積金計劃", "強積金")
    assert also("強積金") == {"強制性公積金計劃"}

    with django_assert_num_queries(1):  # whether anything changed
        also("強積金")

    term.wordings.create(text="MPF")
    assert also("強積金") == {"強制性公積金計劃", "MPF"}
    term.wordings.update(is_discouraged=True)
    assert also("強積金") == {"強制性公積金計劃"}


def test_nothing_typed_has_no_other_wording():
    assert not also("。")
