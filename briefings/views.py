"""The public archive. Every page takes what it shows from `visible_to(Audience.PUBLIC)`."""

import logging
from typing import Any

from django.core.files.storage import default_storage
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponsePermanentRedirect,
)
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.encoding import escape_uri_path
from django.utils.http import http_date, quote_etag
from django.views.decorators.http import require_safe
from django.views.generic import DetailView, ListView, TemplateView
from django.views.generic.base import ContextMixin

from briefings.contexts import EditionContext, absolute_url, describe_edition
from briefings.forms import SearchForm, YearForm
from briefings.glossary import find_theme_called, understand_query
from briefings.html import to_text
from briefings.models import (
    CAME_OUT,
    Audience,
    Edition,
    Entry,
    EntryQuerySet,
    Picture,
    Printout,
    PrintoutState,
    Publication,
    Theme,
    Volume,
)
from briefings.pdf import PDFRefused
from briefings.pictures import file_of
from briefings.printing import ask_for, find_pdf, is_forgotten, make_order
from briefings.search.index import search_entries
from briefings.search.misses import record_miss
from briefings.search.query import Query
from briefings.search.snippets import highlight, make_snippet, render_fragments

logger = logging.getLogger(__name__)

PAGE_LENGTH = 20
RECENT_EDITIONS = 6
RELATED_ENTRIES = 4


def public_editions() -> QuerySet[Edition]:
    """With `placed_entries`, in order: those that the public may read, and the withdrawn, whose
    places count but of which nothing is shown.
    """
    entries = Entry.objects.filter(state__in=CAME_OUT)
    return (
        Edition.objects.visible_to(Audience.PUBLIC)
        .newest_first()
        .prefetch_related(Prefetch("entries", entries, to_attr="placed_entries"))
    )


def public_entries() -> EntryQuerySet:
    """With all that a list of them shows, in two queries."""
    entries = Entry.objects.visible_to(Audience.PUBLIC).newest_first()
    return entries.select_related("edition").prefetch_related("themes")  # type: ignore[misc]


def public_volumes() -> QuerySet[Volume]:
    """With `size` in bytes, as it was when its PDF was last made; None if it never was."""
    made = Printout.objects.filter(volume=OuterRef("pk"), state=PrintoutState.READY)
    size = made.order_by("-pk").values("size")[:1]
    return Volume.objects.open_to_readers().annotate(size=Subquery(size))


class LastingPage(ContextMixin):
    """A page that states its own address: the site's, without what only filters or tracks."""

    request: HttpRequest

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        page = context.get("page_obj")
        query = f"?page={page.number}" if page and page.number > 1 else ""
        context["canonical_url"] = absolute_url(escape_uri_path(self.request.path) + query)
        return context


class GoneWhenWithdrawn(DetailView):
    """In the place of what the public could read and no longer may, a page that says so (410).

    It says when, and the editor's note, and nothing of what stood there: that may be the reason.
    """

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().get(request, *args, **kwargs)
        except Http404:
            slug = kwargs["slug"]
            taken = self.model._default_manager.taken_from_public().filter(slug=slug).first()
            if taken is None:
                raise
            return show_withdrawal(request, taken)


def show_withdrawal(request: HttpRequest, taken: Edition | Entry) -> HttpResponse:
    act = taken if taken.withdrawn_at or isinstance(taken, Edition) else taken.edition
    page = render(request, "briefings/withdrawn.html", {"taken": taken, "act": act}, status=410)
    page["Cache-Control"] = "no-cache"  # it can come back
    return page


class HomeView(LastingPage, TemplateView):
    template_name = "briefings/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        latest, *recent = public_editions()[: RECENT_EDITIONS + 1] or [None]
        return super().get_context_data(
            latest=latest and describe_edition(latest),
            recent_editions=recent,
            themes=Theme.objects.visible_to(Audience.PUBLIC).order_by("-entry_count", "name"),
            **kwargs,
        )


class EditionListView(LastingPage, ListView):
    template_name = "briefings/edition_list.html"
    context_object_name = "editions"
    paginate_by = PAGE_LENGTH

    def get_queryset(self) -> QuerySet[Edition]:
        form = YearForm(self.request.GET)
        if not form.is_valid():
            raise Http404
        self.year = form.cleaned_data["year"]
        editions = public_editions()
        return editions.filter(date__year=self.year) if self.year else editions

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        editions = Edition.objects.visible_to(Audience.PUBLIC)
        years = [day.year for day in editions.dates("date", "year", order="DESC")]
        if self.year and self.year not in years:
            raise Http404
        context = super().get_context_data(year=self.year, years=years, **kwargs)
        is_start = not self.year and context["page_obj"].number == 1
        return context | {"volumes": public_volumes() if is_start else []}


class EditionDetailView(LastingPage, GoneWhenWithdrawn):
    model = Edition
    template_name = "briefings/edition_detail.html"

    def get_queryset(self) -> QuerySet[Edition]:
        return Edition.objects.visible_to(Audience.PUBLIC)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        previous, following = find_neighbours(self.object)
        return super().get_context_data(
            **{**kwargs, "edition": describe_edition(self.object)},
            previous=previous,
            following=following,
        )


def find_neighbours(edition: Edition) -> tuple[Edition | None, Edition | None]:
    """The public editions before and after, in the order of the lists."""
    editions = Edition.objects.visible_to(Audience.PUBLIC).newest_first()
    same_day = list(editions.filter(date=edition.date))
    place = same_day.index(edition)
    return (
        next(iter(same_day[place + 1 :]), None) or editions.filter(date__lt=edition.date).first(),
        same_day[place - 1] if place else editions.filter(date__gt=edition.date).last(),
    )


@require_safe
def edition_pdf(request: HttpRequest, slug: str) -> HttpResponseBase:
    if taken := Edition.objects.taken_from_public().filter(slug=slug).first():
        return show_withdrawal(request, taken)
    edition = get_object_or_404(Edition.objects.visible_to(Audience.PUBLIC), slug=slug)
    return send_pdf(request, edition, f"{edition.label}（{edition.date}）")


@require_safe
def volume_pdf(request: HttpRequest, slug: str) -> HttpResponseBase:
    volume = get_object_or_404(Volume.objects.open_to_readers(), slug=slug)
    return send_pdf(request, volume, volume.title)


def send_pdf(request: HttpRequest, of: Edition | Volume, title: str) -> HttpResponseBase:
    """The PDF as it should now be; where a worker has yet to build it, a page that asks again."""
    try:
        order = make_order(of)
    except PDFRefused as refusal:
        return show_refusal(request, of, str(refusal))
    if name := find_pdf(order):
        return send_stored_pdf(request, name, title)
    printout = ask_for(order)
    if printout.is_ready:  # where tasks run at once
        return send_stored_pdf(request, order.name, title)
    if printout.is_refused:
        return show_refusal(request, of, printout.reason)
    if is_forgotten(printout, timezone.now()):
        return show_refusal(request, of, "no worker came for it")
    answer = render(
        request, "briefings/pdf_waiting.html", {"of": of, "printout": printout}, status=202
    )
    answer["Refresh"] = answer["Retry-After"] = "3"  # seconds; works without a script
    answer["Cache-Control"] = "no-store"
    return answer


def show_refusal(request: HttpRequest, of: Edition | Volume, reason: str) -> HttpResponse:
    """Readers are told that there is none; why, only editors are, at the desk and in the log."""
    logger.info("No PDF of %s for a reader: %s", of, reason)
    return render(request, "briefings/pdf_refused.html", {"of": of}, status=503)


def send_stored_pdf(request: HttpRequest, name: str, title: str) -> HttpResponseBase:
    modified = default_storage.get_modified_time(name)
    etag = quote_etag(escape_uri_path(name))  # the name says what is in the file
    unchanged = get_conditional_response(request, etag, int(modified.timestamp()))
    answer = unchanged or FileResponse(
        default_storage.open(name),
        content_type="application/pdf",
        filename=f"{Publication.load()}{title}.pdf",
    )
    answer["ETag"] = etag
    answer["Last-Modified"] = http_date(modified.timestamp())
    # An edition can be withdrawn: nobody is to answer for us with a copy.
    answer["Cache-Control"] = "no-cache"
    return answer


@require_safe
def picture(request: HttpRequest, name: str) -> HttpResponseBase:
    """For whoever knows its address, which nobody can guess: members' mail asks for it too."""
    found = get_object_or_404(Picture, name=name)
    etag = quote_etag(name)  # the name says what is in the file
    answer = get_conditional_response(request, etag) or FileResponse(
        default_storage.open(file_of(found.name)),
        content_type="image/png" if name.endswith(".png") else "image/jpeg",
    )
    answer["ETag"] = etag
    answer["Cache-Control"] = "public, max-age=31536000, immutable"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


class EntryDetailView(LastingPage, GoneWhenWithdrawn):
    model = Entry
    template_name = "briefings/entry_detail.html"

    def get_queryset(self) -> QuerySet[Entry]:
        return Entry.objects.visible_to(Audience.PUBLIC).select_related("edition__imprint")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        page = place_entry(self.object, describe_edition(self.object.edition))
        return super().get_context_data(**{**kwargs, **page})


def place_entry(entry: Entry, edition: EditionContext) -> dict[str, Any]:
    """What an entry's page shows of it and of the edition round it."""
    place = [other.id for other in edition.entries].index(entry.pk)
    return {
        "entry": edition.entries[place],
        "edition": edition,
        "previous": edition.entries[place - 1] if place else None,
        "following": next(iter(edition.entries[place + 1 :]), None),
        "related": find_related(entry)[:RELATED_ENTRIES],
    }


def find_related(entry: Entry) -> QuerySet[Entry]:
    """Public entries of other editions that share its themes, the most shared first."""
    return (
        public_entries()
        .exclude(edition=entry.edition)
        .filter(themed_entries__tag__themed_entries__content_object=entry)
        .annotate(shared=Count("pk"))
        .order_by("-shared", "-edition__date", "position", "-pk")
        .prefetch_related(None)
    )


class ThemeListView(LastingPage, ListView):
    template_name = "briefings/theme_list.html"
    context_object_name = "themes"

    def get_queryset(self) -> QuerySet[Theme]:
        return Theme.objects.visible_to(Audience.PUBLIC).order_by("-entry_count", "name")


def send_on(slug: str, view_name: str) -> HttpResponsePermanentRedirect:
    """From an address that a theme had to the one it has; not found if the public sees neither."""
    themes = Theme.objects.visible_to(Audience.PUBLIC)
    theme = get_object_or_404(themes, former_addresses__slug=slug)
    return HttpResponsePermanentRedirect(reverse(view_name, args=[theme.slug]))


class ThemeDetailView(LastingPage, ListView):
    template_name = "briefings/theme_detail.html"
    context_object_name = "entries"
    paginate_by = PAGE_LENGTH

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        theme = Theme.objects.visible_to(Audience.PUBLIC).filter(slug=kwargs["slug"]).first()
        if theme is None:
            return send_on(kwargs["slug"], "briefings:theme_detail")
        self.theme = theme
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Entry]:
        return public_entries().filter(themed_entries__tag=self.theme)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(theme=self.theme, **kwargs)


class SearchView(TemplateView):
    template_name = "briefings/search.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = SearchForm(self.request.GET)
        form.is_valid()
        typed = form.cleaned_data.get("q", "")
        themes = Theme.objects.visible_to(Audience.PUBLIC)
        query = understand_query(typed, themes)
        theme, year = form.cleaned_data.get("theme"), form.cleaned_data.get("year")
        found = search_entries(query, public_entries())
        in_theme = found.filter(themed_entries__tag=theme) if theme else found
        in_year = found.filter(edition__date__year=year) if year else found
        both = in_theme.filter(edition__date__year=year) if year else in_theme
        sort = form.cleaned_data.get("sort", "")
        if sort:
            both = both.newest_first() if sort == "newest" else both.oldest_first()
        page = Paginator(both, PAGE_LENGTH).get_page(self.request.GET.get("page"))
        is_whole_search = not (theme or year or "page" in self.request.GET)
        if query and not page and is_whole_search:
            record_miss(typed)
        return super().get_context_data(
            form=form,
            query=query,
            named_theme=find_theme_called(typed, query, themes),
            theme=theme,
            year=year,
            sort=sort,
            page_obj=page,
            hits=[describe_hit(entry, query) for entry in page],
            # Each filter counts what choosing it would show, the other one staying as it is.
            themes=count_by_theme(in_year) if query else [],
            years=count_by_year(in_theme) if query else [],
            **kwargs,
        )


def describe_hit(entry: Entry, query: Query) -> dict[str, Any]:
    text = f"{entry.lead}\n{to_text(entry.body)}"
    return {
        "entry": entry,
        "headline": render_fragments(highlight(entry.headline, query)),
        "snippet": render_fragments(make_snippet(text, query)),
    }


def count_by_theme(entries: QuerySet[Entry]) -> QuerySet[Theme]:
    """Themes of these entries, each with `found`."""
    themes = Theme.objects.filter(themed_entries__content_object__in=entries.order_by())
    counted: QuerySet[Theme] = themes.annotate(found=Count("themed_entries"))
    return counted.order_by("-found", "name")


def count_by_year(entries: QuerySet[Entry]) -> list[tuple[int, int]]:
    """(year, entries), the newest year first."""
    years = entries.order_by("-edition__date__year").values_list("edition__date__year")
    return list(years.annotate(Count("pk")))


class AboutView(LastingPage, TemplateView):
    template_name = "briefings/about.html"


class PrivacyView(LastingPage, TemplateView):
    template_name = "briefings/privacy.html"
