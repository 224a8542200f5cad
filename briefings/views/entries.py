"""An entry's own page, also as a preview shows it; its earlier texts, and how to cite it."""

from typing import Any, cast

from django.core.files.storage import default_storage
from django.db.models import Count, QuerySet
from django.http import (
    Http404,
    HttpResponse,
    HttpResponsePermanentRedirect,
    HttpResponseRedirect,
)
from django.utils import timezone

from briefings import cards, citations, schema_org, versions
from briefings.contexts import (
    EditionContext,
    EntryContext,
    absolute_url,
    describe_edition,
)
from briefings.models import Audience, Edition, Entry, Publication
from briefings.phrases import find_pinned_in, make_address
from briefings.views.archive import find_neighbours
from briefings.views.files import send_card
from briefings.views.pages import GoneWhenWithdrawn, LastingPage, ReaderView, readable_entries

RELATED_ENTRIES = 4
CITING_ENTRIES = 20


class OfEntry(ReaderView, GoneWhenWithdrawn):
    """What is at an address of an entry, by its slug or its number."""

    model = Entry
    pk_url_kwarg = "number"
    object: Entry

    def get_queryset(self) -> QuerySet[Entry]:
        return Entry.objects.visible_to(self.audience).select_related("edition__imprint")

    @property
    def edition(self) -> Edition:
        return cast(Edition, self.object.edition)  # there is one, or nobody could read the entry

    def list_versions(self, entry: EntryContext) -> list[versions.PublishedVersion]:
        """Members may cite what they read first, by the address of the text that stands."""
        came_out = self.edition.published_at if self.audience == Audience.MEMBERS else None
        return versions.list_versions(entry, came_out or self.edition.opened_at)

    def describe(self) -> tuple[EntryContext, EditionContext]:
        edition = describe_edition(self.edition)
        return edition.entries[find_place(self.object, edition)], edition


class EntryDetailView(LastingPage, OfEntry):
    template_name = "briefings/entry_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        page = place_entry(self.object, describe_edition(self.edition), self.audience)
        entry, edition = page["entry"], page["edition"]
        told = {} if edition.is_for_members else self.tell_others(entry, edition)
        phrases = [(phrase, make_address([phrase.text])) for phrase in find_pinned_in(self.object)]
        cited_by = readable_entries(self.audience).citing(self.object)
        return super().get_context_data(
            **{**kwargs, **page},
            **find_beyond(self.edition, page, self.audience),
            **cite(entry, edition),
            **told,
            phrases=phrases,
            slug=self.object.slug,
            versions=self.list_versions(entry)[::-1],
            cited_by=cited_by.prefetch_related(None)[:CITING_ENTRIES],
        )

    def tell_others(self, entry: EntryContext, edition: EditionContext) -> dict[str, Any]:
        """What other sites are told of it."""
        card_url = cards.card_url(self.object, edition.publication)
        schema = schema_org.describe_entry_page(
            entry, edition, opened_at=self.edition.opened_at, image=card_url
        )
        return {"card_url": card_url, "schema": schema_org.write_json_ld(schema)}


def find_place(entry: Entry, edition: EditionContext) -> int:
    """Not found if it was withdrawn after it was read, and before its edition was."""
    places = (place for place, other in enumerate(edition.entries) if other.id == entry.pk)
    if (place := next(places, None)) is None:
        raise Http404
    return place


def place_entry(
    entry: Entry, edition: EditionContext, audience: Audience = Audience.PUBLIC
) -> dict[str, Any]:
    """What an entry's page shows of it and of the edition round it."""
    place = find_place(entry, edition)
    return {
        "entry": edition.entries[place],
        "edition": edition,
        "previous": edition.entries[place - 1] if place else None,
        "following": next(iter(edition.entries[place + 1 :]), None),
        "related": find_related(entry, audience)[:RELATED_ENTRIES],
    }


def find_beyond(
    edition: Edition, page: dict[str, Any], audience: Audience
) -> dict[str, Entry | None]:
    """Where reading goes on past the first or the last entry of an edition."""
    if page["previous"] and page["following"]:
        return {}
    earlier, later = find_neighbours(edition, audience)
    return {
        "earlier": None if page["previous"] else list_entries(earlier, audience).last(),
        "later": None if page["following"] else list_entries(later, audience).first(),
    }


def list_entries(edition: Edition | None, audience: Audience) -> QuerySet[Entry]:
    """Those of it that may be read, in order."""
    entries = readable_entries(audience)
    entries = entries.filter(edition=edition) if edition else entries.none()
    return entries.order_by("position", "pk").prefetch_related(None)


def find_related(entry: Entry, audience: Audience) -> QuerySet[Entry]:
    """Entries of other editions that share its themes, the most shared first."""
    return (
        readable_entries(audience)
        .exclude(edition=entry.edition)
        .filter(themed_entries__tag__themed_entries__content_object=entry)
        .annotate(shared=Count("pk"))
        .order_by("-shared", "-edition__date", "position", "-pk")
        .prefetch_related(None)
    )


def cite(entry: EntryContext, edition: EditionContext) -> dict[str, Any]:
    today = timezone.localdate()
    return {
        "citations": [
            ("GB/T 7714", citations.cite_in_gbt(entry, edition, accessed=today)),
            ("APA", citations.cite_in_apa(entry, edition)),
        ],
    }


# ------------------------------------------------------------------- for reference managers
class BibTeXView(OfEntry):
    write = staticmethod(citations.write_bibtex)
    content_type = "application/x-bibtex; charset=utf-8"
    ending = "bib"

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        entry, edition = self.describe()
        record = self.write(entry, edition, accessed=timezone.localdate())
        name = f"{citations.name_record(entry)}.{self.ending}"
        return HttpResponse(
            record,
            content_type=self.content_type,
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "X-Robots-Tag": "noindex",
            },
        )


class RISView(BibTeXView):
    write = staticmethod(citations.write_ris)
    content_type = "application/x-research-info-systems; charset=utf-8"
    ending = "ris"


# ------------------------------------------------------------------------------ for other sites
class CardView(OfEntry):
    """The share card, if a worker has drawn it; meanwhile the publication's own.

    Other sites ask for it, and keep it: of what only members may read there is none.
    """

    audience = Audience.PUBLIC

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> Any:
        publication = Publication.load()
        face = cards.describe_card(self.object, publication)
        if self.kwargs["digest"] != face.digest:
            return HttpResponseRedirect(cards.card_url(self.object, publication))
        if default_storage.exists(name := cards.file_of(face, self.object.pk)):
            return send_card(self.request, name)
        cards.wake_for_reader(self.edition.pk)
        answer = HttpResponseRedirect(cards.general_card_url(publication))
        answer["Cache-Control"] = "no-store"
        return answer


# --------------------------------------------------------------------------- the short address
class ShortAddressView(OfEntry):
    """`/e/12`, to be read out or printed; the row's number is as lasting as the slug."""

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        return HttpResponsePermanentRedirect(self.object.get_absolute_url())


class VersionView(OfEntry):
    """`/e/12/v1`, one text for good. As long as it is the one that stands, the entry's page."""

    template_name = "briefings/entry_version.html"

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        now, edition = self.describe()
        known = self.list_versions(now)
        version = next((one for one in known if one.number == self.kwargs["version"]), None)
        if version is None:
            raise Http404
        if version.until is None:
            return HttpResponseRedirect(self.object.get_absolute_url())
        then = versions.describe_version(self.object, now, version.number)
        canonical = absolute_url(self.object.get_absolute_url())
        return super().render_to_response(
            context
            | cite(then, edition)
            | {
                "entry": then,
                "now": now,
                "edition": edition,
                "version": version,
                "versions": known[::-1],
                "canonical_url": "" if edition.is_for_members else canonical,
            },
            **kwargs,
        )
