import pytest

from briefings.tests.makers import make_published

pytestmark = pytest.mark.django_db


def test_the_sitemap_has_every_page_at_the_sites_own_address(client, settings):
    settings.SITE_URL = "https://news.example"
    make_published({"headline": "entry", "themes": ["theme"]})

    sitemap = client.get("/sitemap.xml").content.decode()

    for path in ("/", "/editions/2026-11-20/", "/entries/entry/", "/themes/theme/", "/about/"):
        assert f"<loc>https://news.example{path}</loc>" in sitemap
