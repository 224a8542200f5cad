"""The newest public entries, with their full text, as Atom, RSS and JSON Feed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Self, cast
from xml.sax.xmlreader import AttributesImpl

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.feedgenerator import Atom1Feed, Rss201rev2Feed, SyndicationFeed
from django.utils.http import urlencode
from django.utils.text import Truncator
from django.utils.xmlutils import SimplerXMLGenerator
from django.views.decorators.http import conditional_page, require_safe

from briefings.catalogue import open_archive
from briefings.contexts import DESCRIBED, absolute_url
from briefings.finding import Chosen, find, understand_query
from briefings.forms import SearchForm
from briefings.html import carry_pictures
from briefings.models import Audience, Edition, Entry, Publication, Theme
from briefings.notes import number_notes
from briefings.search.query import Query
from briefings.views.archive import send_on

LANGUAGE = "zh-Hant-HK"
LENGTH = 30  # entries in a feed
EMPTY_SINCE = datetime(1970, 1, 1, tzinfo=UTC)

# XML 1.0 has no way to write these, and pasted text sometimes holds them.
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True)
class Search:
    """What a reader would be told of, as the search page understands it."""

    query: Query
    text: str
    chosen: Chosen

    @classmethod
    def read(cls, address: QueryDict) -> Self:
        """Raises Http404 for what finds nothing whatever is published."""
        form = SearchForm(address)
        if not form.is_valid():
            raise Http404
        text = form.cleaned_data["q"]
        query = understand_query(text, open_archive(Audience.PUBLIC))
        if not query:
            raise Http404
        return cls(query, text, form.chosen)

    def list_newest(self) -> list[int]:
        """Ids of entries, as many as a feed has."""
        answers = find(self.query, open_archive(Audience.PUBLIC)).narrow(self.chosen)
        return answers.list_ids(slice(0, LENGTH), "newest")

    @property
    def title(self) -> str:
        theme, year, author = self.chosen.theme, self.chosen.year, self.chosen.author
        narrowed = [str(theme)] if theme else []
        narrowed += [f"{year}年"] if year else []
        narrowed += [author] if author else []
        return "，".join([f"搜尋「{Truncator(self.text).chars(60)}」", *narrowed])

    @property
    def parameters(self) -> str:
        theme = self.chosen.theme and self.chosen.theme.slug
        given = {
            "q": self.text,
            "theme": theme,
            "year": self.chosen.year,
            "author": self.chosen.author,
        }
        return urlencode({name: value for name, value in given.items() if value})


@dataclass(frozen=True)
class Channel:
    """What a feed is about: the whole publication, one theme of it, or a search."""

    publication: Publication
    theme: Theme | None = None
    search: Search | None = None

    @classmethod
    def find(cls, slug: str | None) -> Self:
        themes = Theme.objects.visible_to(Audience.PUBLIC)
        return cls(Publication.load(), get_object_or_404(themes, slug=slug) if slug else None)

    @classmethod
    def find_search(cls, address: QueryDict) -> Self:
        return cls(Publication.load(), search=Search.read(address))

    @property
    def title(self) -> str:
        part = self.search.title if self.search else self.theme
        return f"{self.publication}：{part}" if part else self.publication.name

    @property
    def description(self) -> str:
        return self.theme.description if self.theme else self.publication.tagline

    @property
    def author(self) -> str:
        return f"{self.publication.organisation} {self.publication.department}"

    @property
    def url(self) -> str:
        if self.search:
            return absolute_url(f"{reverse('briefings:search')}?{self.search.parameters}")
        return absolute_url(
            self.theme.get_absolute_url() if self.theme else reverse("briefings:home")
        )

    def feed_url(self, kind: str) -> str:
        if self.search:
            path = reverse(f"briefings:search_feed_{kind}")
            return absolute_url(f"{path}?{self.search.parameters}")
        if self.theme:
            return absolute_url(reverse(f"briefings:theme_feed_{kind}", args=[self.theme.slug]))
        return absolute_url(reverse(f"briefings:feed_{kind}"))

    def newest_entries(self) -> list[Entry]:
        entries = Entry.objects.visible_to(Audience.PUBLIC)
        if self.theme:
            entries = entries.filter(themed_entries__tag=self.theme)
        if self.search:
            entries = entries.filter(pk__in=self.search.list_newest())
        newest = entries.newest_first().select_related("edition")
        newest = newest.prefetch_related(*DESCRIBED)  # type: ignore[misc]
        return list(newest[:LENGTH])


def opened_at(entry: Entry) -> datetime:
    """When the public could first read it."""
    edition = cast(Edition, entry.edition)  # there is one, or nobody could read it
    return cast(datetime, edition.opened_at)


def changed_at(entry: Entry) -> datetime:
    corrected = [correction.made_at for correction in entry.corrections.all()]
    return max(opened_at(entry), entry.updated_at, *corrected)


def render_content(entry: Entry) -> str:
    """The lead and the commentary as HTML that needs no stylesheet."""
    noted = number_notes(entry.body, entry.pk)
    body = carry_pictures(noted.html, settings.SITE_URL)
    context = {"entry": entry, "body": body, "notes": noted.notes}
    return render_to_string("briefings/feed_content.html", context)


def name_authors(entry: Entry) -> list[str]:
    return [drop_unwritable(byline.author.name) for byline in entry.bylines.all()]


def drop_unwritable(text: str) -> str:
    return _NOT_IN_XML.sub("", text)


class Dated:
    """Django says that a feed without entries changed just now, whenever it is asked."""

    items: list[dict[str, Any]]

    def latest_post_date(self) -> datetime:
        known: datetime = super().latest_post_date() if self.items else EMPTY_SINCE  # type: ignore[misc]
        return known


class FullAtom(Dated, Atom1Feed):
    """Django's generator writes summaries only."""

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        for name in item["authors"]:
            handler.startElement("author", AttributesImpl({}))
            handler.addQuickElement("name", name)
            handler.endElement("author")
        handler.addQuickElement("content", item["content"], {"type": "html"})


class FullRSS(Dated, Rss201rev2Feed):
    def rss_attributes(self) -> dict[str, str]:
        return {
            **super().rss_attributes(),
            "xmlns:content": "http://purl.org/rss/1.0/modules/content/",
            "xmlns:dc": "http://purl.org/dc/elements/1.1/",
        }

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        for name in item["authors"]:
            handler.addQuickElement("dc:creator", name)
        handler.addQuickElement("content:encoded", item["content"])


def conditional_by_content(
    view: Callable[..., HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """An unchanged feed is told by its ETag alone: when its newest entry is withdrawn, the date of
    what is left is older than the one that readers have.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.META.pop("HTTP_IF_MODIFIED_SINCE", None)
        found: HttpResponseBase = conditional_page(view)(request, *args, **kwargs)
        return found

    return answer


@method_decorator(conditional_by_content, name="__call__")
class AtomFeed(Feed):
    feed_type: type[SyndicationFeed] = FullAtom
    kind = "atom"
    language = LANGUAGE
    item_guid_is_permalink = True

    def get_object(self, request: HttpRequest, slug: str | None = None) -> Channel:
        return Channel.find(slug)

    def title(self, channel: Channel) -> str:
        return drop_unwritable(channel.title)

    def subtitle(self, channel: Channel) -> str:
        return drop_unwritable(channel.description)

    def description(self, channel: Channel) -> str:
        return drop_unwritable(channel.description)

    def link(self, channel: Channel) -> str:
        return channel.url

    def feed_url(self, channel: Channel) -> str:
        return channel.feed_url(self.kind)

    def author_name(self, channel: Channel) -> str:
        return drop_unwritable(channel.author)

    def items(self, channel: Channel) -> list[Entry]:
        return channel.newest_entries()

    def item_title(self, entry: Entry) -> str:
        return drop_unwritable(entry.headline)

    def item_description(self, entry: Entry) -> str:
        return drop_unwritable(entry.lead)

    def item_link(self, entry: Entry) -> str:
        return absolute_url(entry.get_absolute_url())

    def item_guid(self, entry: Entry) -> str:
        return self.item_link(entry)

    def item_pubdate(self, entry: Entry) -> datetime:
        return opened_at(entry)

    def item_updateddate(self, entry: Entry) -> datetime:
        return changed_at(entry)

    def item_categories(self, entry: Entry) -> list[str]:
        return [drop_unwritable(theme.name) for theme in entry.themes.all()]

    def item_extra_kwargs(self, entry: Entry) -> dict[str, Any]:
        return {
            "content": drop_unwritable(render_content(entry)),
            "authors": name_authors(entry),
        }


class RSSFeed(AtomFeed):
    feed_type = FullRSS
    kind = "rss"


class _OfTheme:
    """A feed that follows its theme to a new address."""

    kind: str

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            answer: HttpResponse = super().__call__(request, *args, **kwargs)  # type: ignore[misc]
        except Http404:
            return send_on(kwargs["slug"], f"briefings:theme_feed_{self.kind}")
        return answer


class ThemeAtomFeed(_OfTheme, AtomFeed):
    pass


class ThemeRSSFeed(_OfTheme, RSSFeed):
    pass


class SearchAtomFeed(AtomFeed):
    """Of any search, so that a reader hears when a phrase is next written about."""

    def get_object(self, request: HttpRequest, slug: str | None = None) -> Channel:
        return Channel.find_search(request.GET)


class SearchRSSFeed(SearchAtomFeed):
    feed_type = FullRSS
    kind = "rss"


@require_safe
@conditional_by_content
def json_feed(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    return write_json_feed(Channel.find(slug))


@require_safe
@conditional_by_content
def search_json_feed(request: HttpRequest) -> HttpResponse:
    return write_json_feed(Channel.find_search(request.GET))


def write_json_feed(channel: Channel) -> HttpResponse:
    """JSON Feed 1.1, https://jsonfeed.org/version/1.1"""
    return JsonResponse(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": channel.title,
            "description": channel.description,
            "home_page_url": channel.url,
            "feed_url": channel.feed_url("json"),
            "language": LANGUAGE,
            "authors": [{"name": channel.author}],
            "items": [describe_item(entry) for entry in channel.newest_entries()],
        },
        content_type="application/feed+json; charset=utf-8",
        json_dumps_params={"ensure_ascii": False},
    )


@require_safe
def theme_json_feed(request: HttpRequest, slug: str) -> HttpResponseBase:
    try:
        return json_feed(request, slug)
    except Http404:
        return send_on(slug, "briefings:theme_feed_json")


def describe_item(entry: Entry) -> dict[str, object]:
    url = absolute_url(entry.get_absolute_url())
    authors = [{"name": name} for name in name_authors(entry)]
    return {
        "id": url,
        "url": url,
        "title": entry.headline,
        "summary": entry.lead,
        "content_html": render_content(entry),
        "date_published": opened_at(entry).isoformat(),
        "date_modified": changed_at(entry).isoformat(),
        **({"authors": authors} if authors else {}),  # or they are the feed's
        "tags": [theme.name for theme in entry.themes.all()],
    }
