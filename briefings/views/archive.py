"""The home page, editions, themes, and what the publication says of itself."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.generic import ListView, TemplateView

from briefings.finding import Chosen, find_all
from briefings.forms import YearForm
from briefings.models import Audience, Edition, Entry, Theme
from briefings.schema_org import describe_edition_page, write_json_ld
from briefings.views.pages import (
    PAGE_LENGTH,
    DescribingView,
    GoneWhenWithdrawn,
    LastingPage,
    ReaderView,
    public_volumes,
    readable_editions,
    readable_entries,
)

RECENT_EDITIONS = 6
RELATED_THEMES = 8


class HomeView(DescribingView, LastingPage, TemplateView):
    template_name = "briefings/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        newest, *recent = readable_editions(self.audience)[: RECENT_EDITIONS + 1] or [None]
        latest = newest and self.describe(newest)
        if latest:
            kwargs["publication"] = latest.publication
        return super().get_context_data(
            latest=latest,
            recent_editions=recent,
            themes=find_all(self.archive).count_themes(),
            **kwargs,
        )


class EditionListView(ReaderView, LastingPage, ListView):
    template_name = "briefings/edition_list.html"
    context_object_name = "editions"
    paginate_by = PAGE_LENGTH

    def get_queryset(self) -> QuerySet[Edition]:
        form = YearForm(self.request.GET)
        if not form.is_valid():
            raise Http404
        self.year = form.cleaned_data["year"]
        editions = readable_editions(self.audience)
        return editions.filter(date__year=self.year) if self.year else editions

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        editions = Edition.objects.visible_to(self.audience)
        years = [day.year for day in editions.dates("date", "year", order="DESC")]
        if self.year and self.year not in years:
            raise Http404
        context = super().get_context_data(year=self.year, years=years, **kwargs)
        is_start = not self.year and context["page_obj"].number == 1
        return context | {"volumes": public_volumes() if is_start else []}


class EditionDetailView(DescribingView, LastingPage, GoneWhenWithdrawn):
    model = Edition
    template_name = "briefings/edition_detail.html"

    def get_queryset(self) -> QuerySet[Edition]:
        return Edition.objects.visible_to(self.audience)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        edition = self.describe(self.object)
        neighbours = self.find_neighbours(self.object)
        # Other sites are told of what everybody may read.
        schema = "" if edition.is_for_members else write_json_ld(describe_edition_page(edition))
        return super().get_context_data(
            **{**kwargs, "edition": edition},
            schema=schema,
            previous=neighbours.earlier,
            following=neighbours.later,
        )


class ThemeListView(ReaderView, LastingPage, TemplateView):
    template_name = "briefings/theme_list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        themes = find_all(self.archive).count_themes()
        return super().get_context_data(themes=themes, **kwargs)


def send_on(
    slug: str, view_name: str, audience: Audience = Audience.PUBLIC
) -> HttpResponsePermanentRedirect:
    """From an address that a theme had to the one it has; not found if the reader sees neither."""
    themes = Theme.objects.visible_to(audience)
    theme = get_object_or_404(themes, former_addresses__slug=slug)
    return HttpResponsePermanentRedirect(reverse(view_name, args=[theme.slug]))


class ThemeDetailView(ReaderView, LastingPage, ListView):
    template_name = "briefings/theme_detail.html"
    context_object_name = "entries"
    paginate_by = PAGE_LENGTH

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        slug = kwargs["slug"]
        themes = self.archive.catalogue.theme_of.values()
        theme = next((theme for theme in themes if theme.slug == slug), None)
        if theme is None:
            return send_on(slug, "briefings:theme_detail", self.audience)
        self.theme = theme
        return super().get(request, *args, **kwargs)

    def list_all(self) -> QuerySet[Entry]:
        return readable_entries(self.audience).filter(themed_entries__tag=self.theme)

    def get_queryset(self) -> QuerySet[Entry]:
        form = YearForm(self.request.GET)
        if not form.is_valid():
            raise Http404
        self.year = form.cleaned_data["year"]
        entries = self.list_all()
        return entries.filter(edition__date__year=self.year) if self.year else entries

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        everything = find_all(self.archive).narrow(Chosen(theme=self.theme))
        years = everything.count_years()
        if self.year and self.year not in dict(years):
            raise Http404
        return super().get_context_data(
            theme=self.theme,
            entry_count=len(everything),
            year=self.year,
            timeline=make_timeline(years),
            related_themes=[
                found for found in everything.count_themes() if found.theme != self.theme
            ][:RELATED_THEMES],
            **kwargs,
        )


@dataclass(frozen=True)
class YearOfTheme:
    year: int
    count: int
    share: int  # of the fullest year, in hundredths: the length of its bar


def make_timeline(counts: list[tuple[int, int]]) -> list[YearOfTheme]:
    """From the newest year to the oldest, with those between in which nothing was written."""
    known = dict(counts)
    if not known:
        return []
    most = max(known.values())
    years = range(max(known), min(known) - 1, -1)
    return [YearOfTheme(y, known.get(y, 0), round(100 * known.get(y, 0) / most)) for y in years]


class AboutView(LastingPage, TemplateView):
    template_name = "briefings/about.html"


class PrivacyView(LastingPage, TemplateView):
    template_name = "briefings/privacy.html"
