"""One frozen description of an edition for page, PDF and mail, so nothing is composed twice."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Self

from django.conf import settings
from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe

from briefings.models import Edition, Entry, Imprint, Publication, State


def absolute_url(path: str) -> str:
    """`path` at the site's own address, for mail and PDF, which have no request to ask."""
    return f"{settings.SITE_URL}{path}"


@dataclass(frozen=True)
class ImprintContext:
    notice: str
    telephone: str
    fax: str
    email: str

    @property
    def contact(self) -> str:
        """The second line of the imprint, its parts joined as the department prints them."""
        return f"{self.contact_before_email}{self.email}"

    @property
    def contact_before_email(self) -> str:
        """The second line without the address, which a template makes a link of."""
        fax = f"傳真：{self.fax}；" if self.fax else ""
        return f"電話：{self.telephone}；{fax}電郵："

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class ThemeContext:
    name: str
    path: str


@dataclass(frozen=True)
class EntryContext:
    id: int
    number: int  # counted from 1 within the edition
    headline: str
    lead: tuple[str, ...]  # paragraphs of plain text
    body: SafeString  # HTML that has passed the allow-list
    themes: tuple[ThemeContext, ...]
    path: str

    @property
    def anchor(self) -> str:
        return f"entry-{self.number}"

    @property
    def url(self) -> str:
        return absolute_url(self.path)


@dataclass(frozen=True)
class EditionContext:
    label: str
    date: date | None
    slug: str
    path: str
    publication: Publication
    imprint: ImprintContext
    entries: tuple[EntryContext, ...]
    state: State

    @property
    def is_published(self) -> bool:
        return self.state == State.PUBLISHED

    @property
    def url(self) -> str:
        return absolute_url(self.path)

    @property
    def pdf_path(self) -> str:
        return f"{self.path.rstrip('/')}.pdf"

    @property
    def pdf_url(self) -> str:
        return absolute_url(self.pdf_path)

    def only(self, entry_ids: Collection[int]) -> Self:
        """The same edition with fewer entries, which keep their numbers."""
        return replace(self, entries=tuple(e for e in self.entries if e.id in entry_ids))


def describe_imprint(imprint: Imprint, *, is_for_public: bool) -> ImprintContext:
    notice = imprint.public_notice if is_for_public else imprint.internal_notice
    return ImprintContext(notice, imprint.telephone, imprint.fax, imprint.email)


def describe_entry(entry: Entry, number: int) -> EntryContext:
    """Costs no query if the entry's themes were prefetched."""
    return EntryContext(
        id=entry.pk,
        number=number,
        headline=entry.headline,
        lead=tuple(line.strip() for line in entry.lead.splitlines() if line.strip()),
        body=mark_safe(entry.body),  # noqa: S308  (the field lets nothing else be stored)
        themes=tuple(ThemeContext(t.name, t.get_absolute_url()) for t in entry.themes.all()),
        path=entry.get_absolute_url(),
    )


def describe_edition(edition: Edition) -> EditionContext:
    """Its entries in order; of a published edition, not those that have yet to be published.

    Callers show an edition to those who may see it. Costs four queries. A published edition
    carries the imprint it was published with; any other, which nobody promises to the public,
    the internal wording of the imprint it now has.
    """
    entries = edition.entries.prefetch_related("themes")  # type: ignore[misc]
    if edition.is_published:
        entries = entries.filter(state=State.PUBLISHED)
    return EditionContext(
        label=edition.label,
        date=edition.date,
        slug=edition.slug,
        path=edition.get_absolute_url(),
        publication=Publication.load(),
        imprint=ImprintContext(**edition.frozen_imprint)
        if edition.is_published and edition.frozen_imprint
        else describe_imprint(edition.imprint, is_for_public=False),
        entries=tuple(describe_entry(entry, n) for n, entry in enumerate(entries, start=1)),
        state=State(edition.state),
    )


def publication_names(request: HttpRequest) -> dict[str, Publication]:
    """Template context: every page carries the publication's names."""
    return {"publication": Publication.load()}
