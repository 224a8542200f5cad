"""What search engines may find: exactly what the public may read."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.contrib.sitemaps import Sitemap
from django.db.models import QuerySet
from django.urls import reverse

from briefings.contexts import absolute_url
from briefings.models import Audience, Edition, Entry, Theme


class SiteSitemap(Sitemap):
    """Addresses at SITE_URL, whatever host the crawler asked."""

    def get_domain(self, site: Any = None) -> str:
        return urlsplit(absolute_url("/")).netloc

    def get_protocol(self, protocol: str | None = None) -> str:
        return urlsplit(absolute_url("/")).scheme


class PageSitemap(SiteSitemap):
    def items(self) -> list[str]:
        return ["home", "edition_list", "theme_list", "phrases", "about", "privacy"]

    def location(self, item: str) -> str:
        return reverse(f"briefings:{item}")


class EditionSitemap(SiteSitemap):
    def items(self) -> QuerySet[Edition]:
        return Edition.objects.visible_to(Audience.PUBLIC).newest_first()

    def lastmod(self, item: Edition) -> datetime:
        return item.updated_at


class EntrySitemap(SiteSitemap):
    def items(self) -> QuerySet[Entry]:
        return Entry.objects.visible_to(Audience.PUBLIC).newest_first()

    def lastmod(self, item: Entry) -> datetime:
        return item.updated_at


class ThemeSitemap(SiteSitemap):
    def items(self) -> QuerySet[Theme]:
        return Theme.objects.visible_to(Audience.PUBLIC).order_by("name")


SITEMAPS: dict[str, type[Sitemap]] = {
    "pages": PageSitemap,
    "editions": EditionSitemap,
    "entries": EntrySitemap,
    "themes": ThemeSitemap,
}
