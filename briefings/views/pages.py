"""What pages have in common: what their reader may read, and what is in place of the withdrawn."""

from typing import Any

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.encoding import escape_uri_path
from django.utils.functional import cached_property
from django.views.generic import DetailView, View
from django.views.generic.base import ContextMixin

from briefings import hooks
from briefings.catalogue import Archive, open_archive
from briefings.changes import Kind, read_marks
from briefings.contexts import EditionContext, absolute_url
from briefings.further import Neighbours, find_neighbours
from briefings.kept_descriptions import recall_description
from briefings.kept_pages import allow_keeping
from briefings.languages import has_languages, list_addresses
from briefings.models import (
    CAME_OUT,
    Audience,
    Edition,
    Entry,
    EntryQuerySet,
    Printout,
    PrintoutState,
    Volume,
)

PAGE_LENGTH = 20


def readable_editions(audience: Audience) -> QuerySet[Edition]:
    """With `placed_entries`, in order: those that may be read, and the withdrawn, whose places
    count but of which nothing is shown.
    """
    entries = Entry.objects.filter(state__in=CAME_OUT)
    return (
        Edition.objects.visible_to(audience)
        .newest_first()
        .prefetch_related(Prefetch("entries", entries, to_attr="placed_entries"))
    )


def readable_entries(audience: Audience) -> EntryQuerySet:
    """With all that a list of them shows, in two queries."""
    entries = Entry.objects.visible_to(audience).newest_first()
    return entries.select_related("edition").prefetch_related("themes")  # type: ignore[misc]


def public_volumes() -> QuerySet[Volume]:
    """With `size` in bytes, as it was when its PDF was last made; None if it never was."""
    made = Printout.objects.filter(volume=OuterRef("pk"), state=PrintoutState.READY)
    size = made.order_by("-pk").values("size")[:1]
    return Volume.objects.open_to_readers().annotate(size=Subquery(size))


def mark_for(audience: Audience, answer: HttpResponseBase) -> None:
    """Tell caches that it depends on who asked, and that what members see is nobody else's."""
    patch_vary_headers(answer, ["Cookie"])
    if audience != Audience.PUBLIC:
        patch_cache_control(answer, private=True, no_cache=True)


class ReaderView(View):
    """Shows what its reader may read. Whether somebody is a member is asked once a request."""

    @cached_property
    def audience(self) -> Audience:
        return hooks.audience_of(self.request)

    @cached_property
    def archive(self) -> Archive:
        """What this reader may read, as it was when it was first asked for."""
        return open_archive(self.audience)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        answer = super().dispatch(request, *args, **kwargs)
        mark_for(self.audience, answer)
        if isinstance(self, LastingPage) and self.audience == Audience.PUBLIC:
            allow_keeping(answer)
        return answer


class DescribingView(ReaderView):
    """Shows what readers may read of an edition, from its description."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Before any row is read: what is changed meanwhile makes a description old.
        self.version = read_marks()[Kind.PAGES]
        return super().dispatch(request, *args, **kwargs)

    def describe(self, edition: Edition) -> EditionContext:
        return recall_description(edition, self.version)

    def find_neighbours(self, edition: Edition) -> Neighbours:
        """Not found if it was withdrawn after it was read."""
        try:
            return find_neighbours(edition, self.archive)
        except LookupError:
            raise Http404 from None


class LastingPage(ContextMixin):
    """A page that states its own address: the site's, without what only filters or tracks.

    What only members may read states none: nobody is to be led there, or find it.
    """

    request: HttpRequest

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        edition = context.get("edition")
        if isinstance(edition, EditionContext):
            context["publication"] = edition.publication
            if edition.is_for_members:
                return context
        page = context.get("page_obj")
        query = f"?page={page.number}" if page and page.number > 1 else ""
        return context | state_address(self.request, query)


def state_address(request: HttpRequest, query: str = "") -> dict[str, Any]:
    """Template context: the page's own address, and where it is to be had in other languages."""
    context: dict[str, Any] = {"canonical_url": absolute_url(escape_uri_path(request.path) + query)}
    if has_languages(request.path_info):
        addresses = list_addresses(escape_uri_path(request.path_info) + query)
        context["alternates"] = [(language, absolute_url(path)) for language, path in addresses]
    return context


class GoneWhenWithdrawn(DetailView):
    """In the place of what the public could read and no longer may, a page that says so (410).

    It says when, and the editor's note, and nothing of what stood there: that may be the reason.
    """

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().get(request, *args, **kwargs)
        except Http404:
            taken = self.get_object(self.model._default_manager.taken_from_public())
            return show_withdrawal(request, taken)


def show_withdrawal(request: HttpRequest, taken: Edition | Entry) -> HttpResponse:
    context = {"taken": taken, "act": find_withdrawn(taken)}
    page = render(request, "briefings/withdrawn.html", context, status=410)
    page["Cache-Control"] = "no-cache"  # it can come back
    return page


def find_withdrawn(taken: Edition | Entry) -> Edition | Entry:
    """What was withdrawn, with its moment and its note: an entry by itself, or its edition."""
    if taken.withdrawn_at or isinstance(taken, Edition):
        return taken
    assert taken.edition is not None  # noqa: S101  (it was withdrawn by itself or with its edition)
    return taken.edition
