"""One frozen description of an edition for page, PDF and mail, so nothing is composed twice."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_noop

from briefings.differences import render_difference
from briefings.html import carry_pictures
from briefings.models import (
    CAME_OUT,
    Audience,
    Correction,
    Edition,
    Entry,
    Imprint,
    Publication,
    State,
)
from briefings.notes import Note, NotedBody, number_notes, print_notes
from briefings.permalinks import anchor_blocks, list_blocks, number_blocks

PRINT_COLUMN = (586, 780)  # 440 pt as CSS counts pixels; a caption still fits on the page below
MAIL_COLUMN = 568  # pixels between the edges of subscribers/mail/base.html


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


# The parts of a text that a correction can change, as readers know them.
CORRECTED_PARTS = {
    "headline": gettext_noop("標題"),
    "lead": gettext_noop("導言"),
    "body": gettext_noop("短評"),
    "sources": gettext_noop("資料來源"),
    "authors": gettext_noop("作者"),
}
_AROUND_A_CORRECTION = 30  # characters beside a change: enough to know the place again


@dataclass(frozen=True)
class CorrectedPart:
    label: str
    difference: SafeString


@dataclass(frozen=True)
class CorrectionContext:
    id: int
    made_at: datetime
    note: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    was_public: bool = False  # what was replaced
    is_public: bool = True  # what it was replaced by; not if that changed before anybody read it

    @property
    def day(self) -> date:
        return timezone.localdate(self.made_at)

    @property
    def shows_difference(self) -> bool:
        """Words that the public never had before it are nobody's to compare."""
        return self.was_public and self.is_public

    @property
    def parts(self) -> tuple[CorrectedPart, ...]:
        """What changed, worked out when a page shows it; empty if only the format or a link did,
        or if the difference is not shown.
        """
        if not self.shows_difference:
            return ()
        texts = (
            (label, _join_lines(self.before.get(part)), _join_lines(self.after.get(part)))
            for part, label in CORRECTED_PARTS.items()
        )
        return tuple(
            CorrectedPart(label, render_difference(before, after, around=_AROUND_A_CORRECTION))
            for label, before, after in texts
            if before != after
        )


def _join_lines(part: str | list[str] | None) -> str:
    return part if isinstance(part, str) else "\n".join(part or [])


@dataclass(frozen=True)
class WithdrawnContext:
    """The place of an entry that readers knew, and that was withdrawn by itself."""

    number: int
    withdrawn_at: datetime
    note: str

    is_withdrawn = True

    @property
    def day(self) -> date:
        return timezone.localdate(self.withdrawn_at)

    @property
    def anchor(self) -> str:
        return f"entry-{self.number}"


@dataclass(frozen=True)
class AuthorContext:
    name: str
    post: str

    def __str__(self) -> str:
        return f"{self.name}（{self.post}）" if self.post else self.name


@dataclass(frozen=True)
class SourceContext:
    """Something the entry draws on; whatever but the title may be empty."""

    title: str
    publisher: str
    url: str
    published_on: date | None


@dataclass(frozen=True)
class EntryContext:
    id: int
    number: int  # counted from 1 within the edition
    headline: str
    lead: tuple[str, ...]  # paragraphs of plain text
    body: SafeString  # HTML that has passed the allow-list, its notes in their places
    themes: tuple[ThemeContext, ...]
    path: str
    authors: tuple[AuthorContext, ...] = ()
    sources: tuple[SourceContext, ...] = ()
    corrections: tuple[CorrectionContext, ...] = ()  # the oldest first

    is_withdrawn = False

    @property
    def anchor(self) -> str:
        return f"entry-{self.number}"

    @property
    def url(self) -> str:
        return absolute_url(self.path)

    @property
    def version(self) -> int:
        """The text as it first came out is 1; each correction makes the next."""
        return len(self.corrections) + 1

    @property
    def short_url(self) -> str:
        return absolute_url(reverse("briefings:entry_short", args=[self.id]))

    @property
    def version_url(self) -> str:
        """A short address that leads to this very text, whatever is corrected later."""
        path = reverse("briefings:entry_version", args=[self.id, self.version])
        return absolute_url(path)

    @cached_property
    def _noted(self) -> NotedBody:
        return number_notes(self.body, self.id)

    @property
    def shown_body(self) -> SafeString:
        """The body with a numbered mark for each of `notes`, which come after it."""
        return mark_safe(self._noted.html)  # noqa: S308  (only marks were added)

    @property
    def anchored_body(self) -> SafeString:
        """`shown_body` with an address for each block; for a page that shows nothing else."""
        corrections = (
            (made.before["blocks"], made.after["blocks"])
            for made in self.corrections
            if "blocks" in made.before and "blocks" in made.after
        )
        numbers = number_blocks(list_blocks(self.body), corrections)
        return mark_safe(anchor_blocks(self._noted.html, numbers))  # noqa: S308  (as above)

    @property
    def notes(self) -> tuple[Note, ...]:
        return self._noted.notes

    @property
    def mailed_body(self) -> SafeString:
        """`shown_body` with its pictures at their whole address, none wider than a mail's column.

        The address is the same for everybody: who opens the mail stays unknown.
        """
        body = carry_pictures(self.shown_body, settings.SITE_URL, widest=MAIL_COLUMN)
        return mark_safe(body)  # noqa: S308  (only addresses and sizes were changed)

    @property
    def printed_body(self) -> SafeString:
        """The body with its pictures as large as a page takes them, its tables whole, its notes
        to be footnotes.
        """
        body = carry_pictures(self.body, widest=PRINT_COLUMN[0], highest=PRINT_COLUMN[1])
        body = body.replace("<table>", '<div class="whole"><table>')
        body = body.replace("</table>", "</table></div>")
        body = print_notes(body)
        return mark_safe(body)  # noqa: S308  (sizes, wrapping and the notes' tags)


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
    withdrawn: tuple[WithdrawnContext, ...] = ()
    number: int | None = None
    chinese_label: str = ""  # for data; `label` is in the language of the page
    is_for_web: bool = False  # everybody may read it there, now or from a certain time
    is_for_members: bool = False  # for now only members may read it
    public_from: datetime | None = None

    @property
    def contents(self) -> tuple[EntryContext | WithdrawnContext, ...]:
        """The entries in order, with the places of those withdrawn between them."""
        return tuple(sorted((*self.entries, *self.withdrawn), key=lambda entry: entry.number))

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
        chosen = tuple(e for e in self.entries if e.id in entry_ids)
        return replace(self, entries=chosen, withdrawn=())


def describe_imprint(imprint: Imprint, *, is_for_public: bool) -> ImprintContext:
    notice = imprint.public_notice if is_for_public else imprint.internal_notice
    return ImprintContext(notice, imprint.telephone, imprint.fax, imprint.email)


# What an entry's description is made of beside its own row.
DESCRIBED = ("themes", "bylines", "sources", "corrections")


def describe_entry(entry: Entry, number: int) -> EntryContext:
    """Costs no query if what `DESCRIBED` names was prefetched."""
    return EntryContext(
        id=entry.pk,
        number=number,
        headline=entry.headline,
        lead=tuple(line.strip() for line in entry.lead.splitlines() if line.strip()),
        body=mark_safe(entry.body),  # noqa: S308  (the field lets nothing else be stored)
        themes=tuple(ThemeContext(t.name, t.get_absolute_url()) for t in entry.themes.all()),
        path=entry.get_absolute_url(),
        authors=tuple(AuthorContext(b.author.name, b.author.post) for b in entry.bylines.all()),
        sources=tuple(
            SourceContext(s.title, s.publisher, s.url, s.published_on) for s in entry.sources.all()
        ),
        corrections=describe_corrections(entry.corrections.all()),
    )


def describe_corrections(corrections: Iterable[Correction]) -> tuple[CorrectionContext, ...]:
    """All of an entry's, the oldest first: of each text the next tells whether it was public."""
    return tuple(
        CorrectionContext(
            made.pk,
            made.made_at,
            made.note,
            made.before,
            made.after,
            was_public=made.was_public,
            is_public=following is None or following.was_public,
        )
        for made, following in pairwise([*corrections, None])
        if made
    )


def describe_edition(edition: Edition) -> EditionContext:
    """Its entries in order; of a published edition, not those that have yet to be published.

    Callers show an edition to those who may see it. Costs seven queries at most. An entry that was
    withdrawn by itself keeps its number and nothing else, and one that was withdrawn with its
    edition since `edition` was read not even that: it may be a draft by now. A published edition
    carries the imprint it was published with; any other, which nobody promises to the public,
    the internal wording of the imprint it now has.
    """
    entries = edition.entries.prefetch_related(*DESCRIBED)  # type: ignore[misc]
    if edition.is_published:
        entries = entries.filter(state__in=CAME_OUT)
    numbered = list(enumerate(entries, start=1))
    shown = [
        (n, entry)
        for n, entry in numbered
        if not entry.withdrawn_at and (entry.state == State.PUBLISHED or not edition.is_published)
    ]
    return EditionContext(
        label=edition.label,
        date=edition.date,
        slug=edition.slug,
        path=edition.get_absolute_url(),
        publication=Publication.load(),
        imprint=ImprintContext(**edition.frozen_imprint)
        if edition.is_published and edition.frozen_imprint
        else describe_imprint(edition.imprint, is_for_public=False),
        entries=tuple(describe_entry(entry, n) for n, entry in shown),
        state=State(edition.state),
        number=edition.number,
        chinese_label=edition.chinese_label,
        withdrawn=tuple(
            WithdrawnContext(n, entry.withdrawn_at, entry.withdrawal_note)
            for n, entry in numbered
            if entry.withdrawn_at
        ),
        is_for_web=edition.is_published
        and (edition.audience == Audience.PUBLIC or edition.public_from is not None),
        is_for_members=edition.is_for_members,
        public_from=edition.public_from,
    )


def publication_names(request: HttpRequest) -> dict[str, Any]:
    """Template context: every page carries the publication's names.

    Looked up when a template asks, so a view that has them anyway can hand them on.
    """
    return {"publication": SimpleLazyObject(Publication.load)}
