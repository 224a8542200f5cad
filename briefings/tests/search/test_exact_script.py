"""Among equals, what is written in the characters that were typed comes first.

Equal is what has the words in the same field: a headline in another script still comes before a
lead in the same one.
"""

from datetime import date

import pytest
from django.utils.html import strip_tags

from briefings.models import Audience, Entry
from briefings.search.query import parse_query
from briefings.tests.makers import make_published
from briefings.tests.search.sights import search_entries

pytestmark = pytest.mark.django_db


def find(typed: str) -> list[str]:
    """The years of what is found, one entry of each."""
    entries = Entry.objects.visible_to(Audience.PUBLIC).newest_first()
    return [str(entry.edition.date.year) for entry in search_entries(parse_query(typed), entries)]


def publish(year: int, field: str, text: str) -> None:
    """An entry with the text in one field; the field's own words hold nothing that is asked."""
    stored = f"<p>{text}</p>" if field == "body" else text
    others = {"headline": f"第{year}期", "lead": "導言", "body": "<p>正文</p>"}
    make_published(others | {field: stored}, date=date(year, 3, 1))


PAIRS = [
    ("頭髮", "頭發"),
    ("頭發", "頭髮"),
    ("台灣", "臺灣"),
    ("臺灣", "台灣"),
    ("头发", "頭髮"),
    ("台湾", "臺灣"),
    ("頭髮", "头发"),
    ("着力", "著力"),
    ("新质生产力", "新質生產力"),
    ("新質生產力", "新质生产力"),
]


@pytest.mark.parametrize("field", ["headline", "lead", "body"])
@pytest.mark.parametrize(("typed", "otherwise"), PAIRS)
def test_what_is_written_as_typed_comes_before_what_is_newer(typed, otherwise, field):
    publish(2021, field, f"談{typed}的事")
    publish(2023, field, f"談{otherwise}的事")

    assert find(typed) == find(f'"{typed}"') == ["2021", "2023"]
    assert find(otherwise) == ["2023", "2021"]


def test_among_those_written_as_typed_the_newer_comes_first():
    publish(2020, "body", "頭髮")
    publish(2021, "body", "頭發")
    publish(2022, "body", "頭髮")
    publish(2023, "body", "頭發")

    assert find("頭髮") == ["2022", "2020", "2023", "2021"]
    assert find("頭發") == ["2023", "2021", "2022", "2020"]


def test_the_field_weighs_more_than_the_script():
    publish(2021, "lead", "頭髮")
    publish(2022, "body", "頭髮")
    publish(2020, "headline", "頭發")

    assert find("頭髮") == ["2020", "2021", "2022"]


def test_both_ways_of_writing_in_one_text_are_as_typed_for_either():
    publish(2020, "body", "台灣，或作臺灣")
    publish(2021, "body", "臺灣")
    publish(2022, "body", "台灣")

    assert find("台灣") == ["2022", "2020", "2021"]
    assert find("臺灣") == ["2021", "2020", "2022"]


def test_of_several_terms_all_are_to_be_as_typed():
    publish(2020, "body", "頭髮和台灣")
    publish(2021, "body", "頭髮和臺灣")
    publish(2022, "body", "頭發和臺灣")

    assert find("頭髮 台灣")[0] == "2020"
    assert find("頭發 臺灣")[0] == "2022"


@pytest.mark.parametrize("between", ["\n", "\u3000", "\xad"])
def test_what_is_invisible_between_characters_makes_no_other_script(between):
    publish(2021, "lead", f"談頭{between}髮的事")
    publish(2023, "lead", "談頭發的事")

    assert find("頭髮") == ["2021", "2023"]


def test_where_all_is_written_alike_the_newer_comes_first():
    for year in (2021, 2022, 2023):
        publish(year, "body", "工業")

    assert find("工業") == find("工业") == ["2023", "2022", "2021"]


def test_order_by_date_knows_no_script(client):
    publish(2021, "headline", "頭髮")
    publish(2023, "headline", "頭發")

    hits = client.get("/search/", {"q": "頭髮", "sort": "newest"}).context["hits"]

    assert [strip_tags(hit.headline) for hit in hits] == ["頭發", "頭髮"]


def test_the_search_page_shows_what_is_written_as_typed_first(client):
    publish(2021, "headline", "頭髮")
    publish(2023, "headline", "頭發")

    hits = client.get("/search/", {"q": "頭髮"}).context["hits"]

    assert [strip_tags(hit.headline) for hit in hits] == ["頭髮", "頭發"]
