from datetime import date

import pytest

from briefings.models import Theme
from briefings.tests.makers import make_published

pytestmark = pytest.mark.django_db


def search(client, **parameters):
    return client.get("/search/", parameters).context


def found(context) -> list[str]:
    return [hit["entry"].headline for hit in context["hits"]]


@pytest.mark.parametrize("query", ["新質生產力", "新质生产力", "新 質生產力", "「新質生產力」"])
def test_a_phrase_is_found_in_whatever_form_it_is_typed(query, client):
    make_published({"headline": "一篇", "body": "<p>論新質生產力。</p>"}, {"headline": "別的"})

    assert found(search(client, q=query)) == ["一篇"]


def test_matches_are_marked_as_they_stand_in_the_text(client):
    make_published({"headline": "臺灣之行", "body": "<p>經臺灣海峽。</p>"})

    page = client.get("/search/", {"q": "台湾"}).content.decode()

    assert "<mark>臺灣</mark>之行" in page
    assert "經<mark>臺灣</mark>海峽" in page


def test_what_was_typed_and_what_was_found_are_escaped(client):
    make_published({"headline": "a<b>c 要點", "body": "<p>要點 &lt;script&gt;</p>"})

    page = client.get("/search/", {"q": '要點 "><script>'}).content.decode()

    assert "<script" not in page
    assert "<b>" not in page


def test_filters_narrow_by_theme_and_year(client):
    make_published({"headline": "甲二三", "themes": ["甲"]}, date=date(2023, 1, 1))
    make_published(
        {"headline": "甲二六", "themes": ["甲"]}, {"headline": "乙二六", "themes": ["乙"]}
    )

    assert found(search(client, q="正文", theme="甲", year="2026")) == ["甲二六"]


def test_each_filter_counts_what_choosing_it_would_show(client):
    make_published({"themes": ["甲"]}, date=date(2023, 1, 1))
    make_published({"themes": ["甲"]}, {"themes": ["乙"]}, date=date(2026, 1, 1))

    context = search(client, q="正文", theme="甲", year="2026")

    assert {theme.name: theme.found for theme in context["themes"]} == {"甲": 1, "乙": 1}
    assert context["years"] == [(2026, 1), (2023, 1)]


def test_the_total_is_exact_and_results_come_in_pages(client):
    for day in range(1, 24):
        make_published(date=date(2026, 1, day))

    context = search(client, q="正文", page="2")

    assert context["page_obj"].paginator.count == 23
    assert len(context["hits"]) == 3


def test_links_to_further_pages_keep_query_and_filters(client):
    for day in range(1, 23):
        make_published({"themes": ["甲"]}, date=date(2026, 1, day))

    page = client.get("/search/", {"q": "正文", "theme": "甲"}).content.decode()

    assert "?q=%E6%AD%A3%E6%96%87&amp;theme=%E7%94%B2&amp;page=2" in page


def test_a_search_without_result_offers_help(client):
    page = client.get("/search/", {"q": "無此一物"}).content.decode()

    assert "沒有短評提到「無此一物」" in page
    assert 'href="/themes/"' in page


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", ["正文舊", "新一", "新二", "更舊"]),
        ("newest", ["新一", "新二", "正文舊", "更舊"]),
        ("oldest", ["更舊", "正文舊", "新一", "新二"]),
    ],
)
def test_the_reader_chooses_the_order(sort, order, client):
    make_published({"headline": "更舊"}, date=date(2023, 1, 1))
    make_published({"headline": "正文舊"}, date=date(2024, 1, 1))
    make_published({"headline": "新一"}, {"headline": "新二"}, date=date(2026, 1, 1))

    assert found(search(client, q="正文", sort=sort)) == order


@pytest.mark.parametrize(
    "parameters",
    [
        {"page": "x"},
        {"sort": "random"},
        {"page": "-1"},
        {"page": "99999999999999999999"},
        {"theme": "沒有"},
        {"theme": "a b'\"\0"},
        {"year": "二零"},
        {"year": "99999999999999999999"},
        {"year": "-5"},
    ],
)
def test_a_parameter_that_makes_no_sense_is_left_out(parameters, client):
    make_published({"headline": "一篇"})

    context = search(client, q="正文", **parameters)

    assert found(context) == ["一篇"]


@pytest.mark.parametrize("query", ["\0", "。", '"', "*", " ", "「」", "a\0b", "NEAR(", "字" * 5000])
def test_nothing_typed_is_an_error(query, client):
    make_published()

    response = client.get("/search/", {"q": query})

    assert response.status_code == 200


def test_an_unknown_theme_is_named_as_such(client):
    page = client.get("/search/", {"q": "正文", "theme": "沒有"}).content.decode()

    assert "沒有這個政策主題。" in page


def test_a_theme_nobody_wrote_about_is_no_filter(client):
    Theme.objects.create(name="空題", slug="空題")

    assert search(client, q="正文", theme="空題")["theme"] is None


def test_search_results_are_not_for_search_engines(client):
    page = client.get("/search/", {"q": "正文"}).content.decode()

    assert '<meta name="robots" content="noindex, follow">' in page
