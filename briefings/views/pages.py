"""What pages have in common: what the public may read, and what is in place of the withdrawn."""

from typing import Any

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.encoding import escape_uri_path
from django.views.generic import DetailView
from django.views.generic.base import ContextMixin

from briefings.contexts import absolute_url
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
            taken = self.get_object(self.model._default_manager.taken_from_public())
            return show_withdrawal(request, taken)


def show_withdrawal(request: HttpRequest, taken: Edition | Entry) -> HttpResponse:
    act = taken if taken.withdrawn_at or isinstance(taken, Edition) else taken.edition
    page = render(request, "briefings/withdrawn.html", {"taken": taken, "act": act}, status=410)
    page["Cache-Control"] = "no-cache"  # it can come back
    return page
