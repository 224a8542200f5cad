from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest

from briefings.models import Edition, Entry
from briefings.tests.makers import make_entry, make_published

pytestmark = pytest.mark.django_db

MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def at(day: int) -> datetime:
    return datetime(2026, 1, day, 4, tzinfo=UTC)


def test_the_sitemap_has_every_page_at_the_sites_own_address(client, settings):
    settings.SITE_URL = "https://news.example"
    make_published({"headline": "entry", "themes": ["theme"]})

    sitemap = client.get("/sitemap.xml").content.decode()

    for path in ("/", "/editions/2026-11-20/", "/entries/entry/", "/themes/theme/", "/about/"):
        assert f"<loc>https://news.example{path}</loc>" in sitemap


def read_dates(client) -> dict[str, str]:
    root = ElementTree.fromstring(client.get("/sitemap.xml").content)
    pages = {page.findtext(f"{MAP}loc"): page.findtext(f"{MAP}lastmod") for page in root}
    return {address.split("example", 1)[1]: day for address, day in pages.items() if day}


def test_a_page_is_dated_by_when_it_last_changed(client, settings):
    settings.SITE_URL = "https://news.example"
    edition = make_published({"headline": "entry", "themes": ["theme"]})
    Edition.objects.update(updated_at=at(1), published_at=at(3))
    Entry.objects.update(updated_at=at(2))
    assert set(read_dates(client).values()) == {"2026-01-03", "2026-01-02"}

    edition.entries.update(updated_at=at(9))

    assert read_dates(client) == {
        "/editions/2026-11-20/": "2026-01-09",
        "/entries/entry/": "2026-01-09",
        "/themes/theme/": "2026-01-09",
    }


def test_what_the_public_may_not_read_dates_no_page(client, settings):
    settings.SITE_URL = "https://news.example"
    edition = make_published({"headline": "entry", "themes": ["theme"]})
    Edition.objects.update(updated_at=at(1), published_at=at(1))
    make_entry(edition, themes=["theme"])
    Entry.objects.exclude(headline="entry").update(updated_at=at(9))
    Entry.objects.filter(headline="entry").update(updated_at=at(1))

    assert set(read_dates(client).values()) == {"2026-01-01"}
