"""An entry's own page, also as a preview shows it; its earlier texts, and how to cite it."""

from typing import Any, cast

from django.core.files.storage import default_storage
from django.db.models import QuerySet
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
)
from briefings.further import (
    NamedEntry,
    find_related,
    list_citing,
    list_entry_ids,
    list_theme_ids,
    name_entries,
)
from briefings.models import Audience, Edition, Entry, Publication
from briefings.phrases import find_pinned_in, make_address
from briefings.views.files import send_card
from briefings.views.pages import DescribingView, GoneWhenWithdrawn, LastingPage, ReaderView

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


class DescribedEntry(DescribingView, OfEntry):
    def describe_both(self) -> tuple[EntryContext, EditionContext]:
        edition = self.describe(self.edition)
        return edition.entries[find_place(self.object, edition)], edition


class EntryDetailView(LastingPage, DescribedEntry):
    template_name = "briefings/entry_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        page = place_entry(self.object, self.describe(self.edition))
        entry, edition = page["entry"], page["edition"]
        told = {} if edition.is_for_members else self.tell_others(entry, edition)
        phrases = [(phrase, make_address([phrase.text])) for phrase in find_pinned_in(self.object)]
        return super().get_context_data(
            **{**kwargs, **page},
            **self.lead_further(page),
            **cite(entry, edition),
            **told,
            phrases=phrases,
            slug=self.object.slug,
            versions=self.list_versions(entry)[::-1],
        )

    def lead_further(self, page: dict[str, Any]) -> dict[str, Any]:
        """The entries that the page names beside those of its edition."""
        archive, neighbours = self.archive, self.find_neighbours(self.edition)
        before = [] if page["previous"] else list_entry_ids(neighbours.earlier, archive)[-1:]
        after = [] if page["following"] else list_entry_ids(neighbours.later, archive)[:1]
        related = find_related(self.object, list_theme_ids(self.object, archive), archive)
        citing = list_citing(self.object, archive)[:CITING_ENTRIES]
        names = name_entries(list(dict.fromkeys([*before, *after, *related, *citing])), archive)

        def name(ids: list[int]) -> list[NamedEntry]:
            return [names[pk] for pk in ids if pk in names]

        return {
            "earlier": next(iter(name(before)), None),
            "later": next(iter(name(after)), None),
            "related": name(related),
            "cited_by": name(citing),
        }

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


def place_entry(entry: Entry, edition: EditionContext) -> dict[str, Any]:
    """What an entry's page shows of it and of the edition round it."""
    place = find_place(entry, edition)
    return {
        "entry": edition.entries[place],
        "edition": edition,
        "previous": edition.entries[place - 1] if place else None,
        "following": next(iter(edition.entries[place + 1 :]), None),
    }


def cite(entry: EntryContext, edition: EditionContext) -> dict[str, Any]:
    today = timezone.localdate()
    return {
        "citations": [
            ("GB/T 7714", citations.cite_in_gbt(entry, edition, accessed=today)),
            ("APA", citations.cite_in_apa(entry, edition)),
        ],
    }


# ------------------------------------------------------------------- for reference managers
class BibTeXView(DescribedEntry):
    write = staticmethod(citations.write_bibtex)
    content_type = "application/x-bibtex; charset=utf-8"
    ending = "bib"

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        entry, edition = self.describe_both()
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


class VersionView(DescribedEntry):
    """`/e/12/v1`, one text for good. As long as it is the one that stands, the entry's page."""

    template_name = "briefings/entry_version.html"

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        now, edition = self.describe_both()
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
