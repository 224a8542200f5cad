from datetime import date

import pytest

from briefings.models import Audience
from briefings.tests.makers import make_draft, make_published
from briefings.views.archive import make_timeline

pytestmark = pytest.mark.django_db


def read(client, path: str):
    return client.get(path).context


def test_a_timeline_has_the_years_in_which_nothing_was_written():
    timeline = make_timeline([(2026, 4), (2023, 1)])

    assert [(one.year, one.count, one.share) for one in timeline] == [
        (2026, 4, 100),
        (2025, 0, 0),
        (2024, 0, 0),
        (2023, 1, 25),
    ]


def test_a_theme_without_entries_has_no_timeline():
    assert make_timeline([]) == []


def test_a_themes_page_counts_its_entries_by_year(client):
    make_published({"themes": ["稅"]}, {"themes": ["稅"]}, date=date(2026, 5, 1))
    make_published({"themes": ["稅"]}, {}, date=date(2025, 5, 1))
    make_published({"themes": ["稅"]}, date=date(2024, 5, 1), audience=Audience.MEMBERS)

    timeline = read(client, "/themes/稅/")["timeline"]

    assert [(one.year, one.count) for one in timeline] == [(2026, 2), (2025, 1)]


def test_a_year_shows_the_entries_of_that_year(client):
    make_published({"headline": "新", "themes": ["稅"]}, date=date(2026, 5, 1))
    make_published({"headline": "舊", "themes": ["稅"]}, date=date(2025, 5, 1))

    page = read(client, "/themes/稅/?year=2025")

    assert [entry.headline for entry in page["entries"]] == ["舊"]
    assert len(page["timeline"]) == 2


@pytest.mark.parametrize("query", ["year=x", "year=99999", "year=%00", "page=9"])
def test_a_year_or_page_that_is_not_there_is_not_found(query, client):
    make_published({"themes": ["稅"]})

    assert client.get(f"/themes/稅/?{query}").status_code == 404


def test_related_themes_are_those_that_share_most_entries(client):
    make_published(*({"themes": names.split()} for names in ("稅 航運 創科", "稅 創科", "房屋")))
    make_draft({"themes": ["稅", "未出版"]})

    related = read(client, "/themes/稅/")["related_themes"]

    assert [(theme.name, found) for theme, found in related] == [("創科", 2), ("航運", 1)]
