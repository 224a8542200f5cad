"""What search engines may find: exactly what the public may read."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.contrib.sitemaps import Sitemap
from django.db.models import OuterRef, QuerySet, Subquery
from django.urls import reverse

from briefings.contexts import absolute_url
from briefings.languages import list_addresses
from briefings.models import Audience, Edition, Entry, State, Theme


class SiteSitemap(Sitemap):
    """Addresses at SITE_URL, whatever host the crawler asked."""

    def get_domain(self, site: Any = None) -> str:
        return urlsplit(absolute_url("/")).netloc

    def get_protocol(self, protocol: str | None = None) -> str:
        return urlsplit(absolute_url("/")).scheme

    def get_urls(self, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        """Each page with its addresses in other languages."""
        urls = super().get_urls(*args, **kwargs)
        site = absolute_url("")
        for url in urls:
            addresses = list_addresses(url["location"].removeprefix(site))
            url["alternates"] = [
                {"lang_code": language, "location": f"{site}{address}"}
                for language, address in addresses
            ]
        return urls


class PageSitemap(SiteSitemap):
    def items(self) -> list[str]:
        return ["home", "edition_list", "theme_list", "phrases", "about", "privacy"]

    def location(self, item: str) -> str:
        return reverse(f"briefings:{item}")


class EditionSitemap(SiteSitemap):
    """Publishing is no save, and its entries are part of an edition's page."""

    def items(self) -> QuerySet[Edition]:
        entries = Entry.objects.filter(edition=OuterRef("pk"), state=State.PUBLISHED)
        editions = Edition.objects.visible_to(Audience.PUBLIC).newest_first()
        return editions.annotate(changed_at=_find_last(entries))

    def lastmod(self, item: Edition) -> datetime:
        changed_at: datetime | None = item.changed_at  # type: ignore[attr-defined]  # annotated
        return max(moment for moment in (item.opened_at, item.updated_at, changed_at) if moment)


class EntrySitemap(SiteSitemap):
    def items(self) -> QuerySet[Entry]:
        entries = Entry.objects.visible_to(Audience.PUBLIC).newest_first()
        return entries.select_related("edition")

    def lastmod(self, item: Entry) -> datetime:
        opened_at = item.edition.opened_at if item.edition else None
        return max(opened_at or item.updated_at, item.updated_at)


class ThemeSitemap(SiteSitemap):
    """A theme's page changes with the entries that it lists."""

    def items(self) -> QuerySet[Theme]:
        entries = Entry.objects.visible_to(Audience.PUBLIC)
        listed = entries.filter(themed_entries__tag=OuterRef("pk"))
        themes = Theme.objects.visible_to(Audience.PUBLIC).order_by("name")
        annotated: QuerySet[Theme] = themes.annotate(changed_at=_find_last(listed))
        return annotated

    def lastmod(self, item: Theme) -> datetime:
        changed_at: datetime = item.changed_at  # type: ignore[attr-defined]  # annotated
        return changed_at


def _find_last(entries: QuerySet[Entry]) -> Subquery:
    """When the last of them was saved."""
    return Subquery(entries.order_by("-updated_at").values("updated_at")[:1])


SITEMAPS: dict[str, type[Sitemap]] = {
    "pages": PageSitemap,
    "editions": EditionSitemap,
    "entries": EntrySitemap,
    "themes": ThemeSitemap,
}
