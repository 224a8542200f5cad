"""An entry's own page, also as a preview shows it."""

from typing import Any

from django.db.models import Count, QuerySet

from briefings.contexts import EditionContext, describe_edition
from briefings.models import Audience, Entry
from briefings.phrases import find_pinned_in, make_address
from briefings.views.pages import GoneWhenWithdrawn, LastingPage, public_entries

RELATED_ENTRIES = 4


class EntryDetailView(LastingPage, GoneWhenWithdrawn):
    model = Entry
    template_name = "briefings/entry_detail.html"

    def get_queryset(self) -> QuerySet[Entry]:
        return Entry.objects.visible_to(Audience.PUBLIC).select_related("edition__imprint")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        page = place_entry(self.object, describe_edition(self.object.edition))
        phrases = [(phrase, make_address([phrase.text])) for phrase in find_pinned_in(self.object)]
        return super().get_context_data(**{**kwargs, **page}, phrases=phrases)


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
