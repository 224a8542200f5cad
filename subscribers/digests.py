"""What one mailing shows one kind of member: choosing it is pure, freezing it renders."""

import json
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from types import MappingProxyType
from urllib.parse import urlencode

import css_inline
from django.template.loader import render_to_string
from django.urls import reverse

from briefings.contexts import CorrectionContext, EditionContext, EntryContext, absolute_url
from subscribers.digest_rules import (
    NO_SEARCHES,
    Choice,
    Found,
    Hits,
    Offer,
    Wish,
    choose_hits,
    choose_wanted,
)
from subscribers.models import Digest, DigestCorrection, DigestItem, MailDraft, Mailing
from subscribers.plaintext import to_plain_text
from subscribers.variants import DEFAULT, Variant

SUBJECT_LENGTH = 120  # what a list of mail shows is far shorter; a headline may not fill the page

HEADLINES_LENGTH = 50  # of all that a digest's subject names

# Headlines under a search, and under all searches of a mail, where each has as many; of more, how
# many they are. Ten long searches that find much then still leave room for entries.
MOST_HITS = 8
MOST_HITS_IN_ALL = 20

# Of more, a digest has headline, lead and a link.
MOST_WHOLE = 8

# Gmail cuts a mail off at some 102 KB. Octets of the HTML in Base64; what fills the slots comes to
# it, some 3 KB.
MOST_WEIGHT = 80_000
MOST_WEIGHT_ALONE = 95_000  # of a single entry, which can't be cut

_inliner = css_inline.CSSInliner(
    keep_at_rules=True,  # or the rules for dark mode and phones are dropped
    load_remote_stylesheets=False,
)


def group_by_choice(
    table: Collection[Offer],
    wishes: Iterable[tuple[int, Wish]],
    received: Mapping[int, Set[int]],
    found: Found = NO_SEARCHES,
) -> dict[Choice, list[int]]:
    """Members by what is chosen for them; those for whom there is nothing under NOTHING.

    Members are many and wishes few, so each wish is answered once. `received` has the few who had
    some of it in a digest.
    """
    choices: dict[Wish, tuple[int, ...]] = {}
    groups: dict[Choice, list[int]] = {}
    for member, wish in wishes:
        if wish not in choices:
            choices[wish] = choose_wanted(table, wish, found)
        chosen = choices[wish]
        if member in received:
            chosen = tuple(entry for entry in chosen if entry not in received[member])
        hits = choose_hits(table, chosen, wish, found)
        groups.setdefault(Choice(chosen, searches=hits), []).append(member)
    return groups


def add_corrections(
    groups: Mapping[Choice, Iterable[int]], due: Mapping[int, tuple[int, ...]]
) -> dict[Choice, list[int]]:
    """The same groups, parted by what the members in them are to be told."""
    parted: dict[Choice, list[int]] = {}
    for chosen, members in groups.items():
        for member in members:
            choice = replace(chosen, corrections=due.get(member, ()))
            parted.setdefault(choice, []).append(member)
    return parted


def digest_key(chosen: Choice, variant: Variant = DEFAULT) -> str:
    searches = [[hits.query, hits.entries] for hits in chosen.searches]
    items = json.dumps([chosen.entries, chosen.corrections, searches])
    variants = f"{variant.script}:{variant.language}:{variant.with_pdf}"
    return sha256(f"{variants}:{items}".encode()).hexdigest()


@dataclass(frozen=True)
class DigestedEntry:
    position: int  # counted from 1 within the digest
    entry: EntryContext

    @property
    def anchor(self) -> str:
        return f"e{self.entry.id}"

    @property
    def text(self) -> str:
        return to_plain_text(self.entry.body)


@dataclass(frozen=True)
class DigestPart:
    edition: EditionContext
    is_public: bool
    entries: tuple[DigestedEntry, ...]


@dataclass(frozen=True)
class CorrectedEntry:
    """A correction, and the entry as it reads now."""

    edition: EditionContext
    is_public: bool
    entry: EntryContext
    correction: CorrectionContext

    @property
    def anchor(self) -> str:
        return f"e{self.entry.id}"


@dataclass(frozen=True)
class Hit:
    """An entry that a search has found, and where it stands in the mail, if it is not left out."""

    number: int
    entry: EntryContext
    anchor: str
    is_public: bool


@dataclass(frozen=True)
class FollowedSearch:
    """A search that the reader subscribed to, and what of this mail it has found."""

    hits: Hits
    found: tuple[Hit, ...]
    most: int  # that there is room to list

    @property
    def query(self) -> str:
        """As typed, but nothing in it is a slot."""
        return self.hits.query.replace("[[", "［［")

    @property
    def listed(self) -> tuple[Hit, ...]:
        return self.found[: self.most]

    @property
    def unlisted(self) -> int:
        return len(self.found) - len(self.listed)

    @property
    def url(self) -> str:
        return absolute_url(f"{reverse('briefings:search')}?{urlencode({'q': self.hits.query})}")


def follow_searches(searches: Sequence[Hits], places: Iterable[Hit]) -> tuple[FollowedSearch, ...]:
    """`places` are all the entries of the mail, and not those that were withdrawn just now."""
    place_of = {place.entry.id: place for place in places}
    most = min(MOST_HITS, MOST_HITS_IN_ALL // max(1, len(searches)))
    return tuple(
        FollowedSearch(hits, tuple(place_of[e] for e in hits.entries if e in place_of), most)
        for hits in searches
    )


@dataclass(frozen=True)
class DigestContext:
    """Entries of several editions, the newest edition first, and corrections to earlier ones; one
    of the two at least.
    """

    label: str
    parts: tuple[DigestPart, ...]
    corrected: tuple[CorrectedEntry, ...] = ()
    searches: tuple[FollowedSearch, ...] = ()

    @property
    def entries(self) -> tuple[DigestedEntry, ...]:
        return tuple(entry for part in self.parts for entry in part.entries)

    @property
    def choice(self) -> Choice:
        return Choice(
            tuple(item.entry.id for item in self.entries),
            tuple(corrected.correction.id for corrected in self.corrected),
            tuple(search.hits for search in self.searches),
        )

    @property
    def is_public(self) -> bool:
        are_public = [part.is_public for part in self.parts]
        return all(are_public) and all(each.is_public for each in self.corrected)

    @property
    def edition(self) -> EditionContext:
        """The newest that it has something of."""
        return self.parts[0].edition if self.parts else self.corrected[-1].edition

    @property
    def headlines(self) -> list[str]:
        return [item.entry.headline for item in self.entries or self.corrected]

    @property
    def subject(self) -> str:
        label = self.label if self.entries else "更正"
        name = self.edition.publication.name
        return _shorten(f"{name} {label}：{join_headlines(self.headlines)}")


def describe_digest(
    label: str,
    editions: Iterable[tuple[EditionContext, bool]],
    choice: Choice,
    corrected: Mapping[int, CorrectedEntry] = MappingProxyType({}),
) -> DigestContext:
    """The chosen entries of the editions, each with whether the public may read it, and what the
    chosen corrections are of.
    """
    parts: list[DigestPart] = []
    position = 0
    for edition, is_public in editions:
        part = edition.only(choice.entries)
        if part.entries:
            entries = tuple(
                DigestedEntry(n, entry) for n, entry in enumerate(part.entries, position + 1)
            )
            parts.append(DigestPart(part, is_public, entries))
            position += len(entries)
    told = tuple(corrected[key] for key in choice.corrections if key in corrected)
    places = (
        Hit(item.position, item.entry, item.anchor, part.is_public)
        for part in parts
        for item in part.entries
    )
    return DigestContext(label, tuple(parts), told, follow_searches(choice.searches, places))


def list_corrected(edition: EditionContext, *, is_public: bool) -> Iterator[CorrectedEntry]:
    for entry in edition.entries:
        for correction in entry.corrections:
            yield CorrectedEntry(edition, is_public, entry, correction)


def join_headlines(headlines: Sequence[str]) -> str:
    """As many as a subject has room for, and how many there are: 甲；乙等5篇."""
    shown = list(headlines[:1])
    for headline in headlines[1:]:
        if sum(map(len, shown)) + len(headline) > HEADLINES_LENGTH:
            return f"{'；'.join(shown)}等{len(headlines)}篇"
        shown.append(headline)
    return "；".join(shown)


def make_subject(edition: EditionContext) -> str:
    return _shorten(f"{edition.publication.name} {edition.label}：{edition.entries[0].headline}")


def _shorten(subject: str) -> str:
    return subject if len(subject) <= SUBJECT_LENGTH else f"{subject[: SUBJECT_LENGTH - 1]}…"


def propose_preheader(headlines: Sequence[str]) -> str:
    """What a list of mail shows after the subject: some hundred characters of it."""
    return "；".join(headlines[:5])


def freeze_edition(  # noqa: PLR0913  (one mail, each part of it by name)
    edition: EditionContext,
    *,
    is_public: bool,
    variant: Variant = DEFAULT,
    draft: MailDraft | None = None,
    corrected: Sequence[CorrectedEntry] = (),
    searches: tuple[Hits, ...] = (),
) -> Digest:
    """An unsaved digest of all the entries of `edition`, which may be a part (`only()`).

    With `is_public` false its links go by the member's own entrance, since the pages themselves
    would turn the reader away.
    """
    chosen = Choice(
        tuple(entry.id for entry in edition.entries),
        tuple(each.correction.id for each in corrected),
        searches,
    )
    places = (Hit(entry.number, entry, entry.anchor, is_public) for entry in edition.entries)
    context = {
        "edition": edition,
        "corrected": corrected,
        "searches": follow_searches(searches, places),
        "is_public": is_public,
        "has_entrances": not all(each.is_public for each in corrected),
        "texts": [(entry, to_plain_text(entry.body)) for entry in edition.entries],
        "rest_url": edition.url if is_public else "[[enter]]",
        "preheader": (draft and draft.preheader)
        or propose_preheader([entry.headline for entry in edition.entries]),
    }
    subject = (draft and draft.subject) or make_subject(edition)
    return _freeze(Contents("edition", subject, chosen, edition, context), variant)


def freeze_digest(digest: DigestContext, variant: Variant = DEFAULT) -> Digest:
    """Unsaved. It carries the imprint of the newest edition in it."""
    archive = absolute_url(reverse("briefings:edition_list"))
    last = (digest.entries or digest.corrected)[-1].anchor  # left out, if anything is
    context = {
        "digest": digest,
        "corrected": digest.corrected,
        "searches": digest.searches,
        "rest_url": archive if digest.is_public else f"[[enter:{last}]]",
        "preheader": propose_preheader(digest.headlines),
    }
    template = "digest" if digest.entries else "correction"
    contents = Contents(template, digest.subject, digest.choice, digest.edition, context)
    return _freeze(contents, variant)


@dataclass(frozen=True)
class Contents:
    """What a digest of one kind is made from."""

    template: str
    subject: str
    chosen: Choice
    edition: EditionContext  # whose imprint it carries
    context: Mapping[str, object]

    @property
    def most(self) -> "Amount":
        entries = self.chosen.entries
        is_long = self.template == "digest" and len(entries) > MOST_WHOLE
        return Amount(entries, 0 if is_long else len(entries))


def _freeze(contents: Contents, variant: Variant) -> Digest:
    shared = {
        "subject": contents.subject,
        "variant": variant,
        "publication": contents.edition.publication,
        "imprint": contents.edition.imprint,
        **contents.context,
    }
    place = f"subscribers/mail/{contents.template}"

    @cache
    def render(amount: Amount) -> str:
        html = render_to_string(f"{place}/body.html", shared | amount.context)
        return _inliner.inline(variant.write_html(html))

    amount = find_amount(contents.most, lambda amount: weigh(render(amount)))
    text = render_to_string(f"{place}/body.txt", shared | amount.context)
    return Digest(
        key=digest_key(contents.chosen, variant),
        subject=variant.write_line(contents.subject),
        text=variant.write_text(text),
        html=render(amount),
        with_pdf=variant.with_pdf,
        names_searches=bool(contents.chosen.searches),
    )


@dataclass(frozen=True)
class Amount:
    """How much of the entries a mail has: the first of them whole, others as far as their lead, and
    of the last nothing but how many they are.
    """

    entry_ids: tuple[int, ...]
    whole: int
    left_out: int = 0

    @property
    def context(self) -> dict[str, object]:
        shown = self.entry_ids[: len(self.entry_ids) - self.left_out]
        return {
            "whole": frozenset(self.entry_ids[: self.whole]),
            "shown": frozenset(shown),
            "left_out": self.left_out,
        }

    def cut(self) -> Iterator["Amount"]:
        """Itself and all smaller ones, from the largest; the least still shows one lead."""
        for whole in range(self.whole, -1, -1):
            yield Amount(self.entry_ids, whole)
        for left_out in range(1, len(self.entry_ids)):
            yield Amount(self.entry_ids, 0, left_out)


def find_amount(most: Amount, weigh_amount: Callable[[Amount], int]) -> Amount:
    """The largest that is light enough; a single entry may be somewhat heavier.

    Few weighings, each of which renders the mail. The least is taken however heavy it is.
    """
    limit = MOST_WEIGHT_ALONE if len(most.entry_ids) == 1 else MOST_WEIGHT
    amounts = list(most.cut())
    if weigh_amount(amounts[0]) <= limit:
        return amounts[0]
    place = bisect_left(amounts[1:-1], -limit, key=lambda amount: -weigh_amount(amount))
    return amounts[min(place + 1, len(amounts) - 1)]


def weigh(html: str) -> int:
    """Octets that it takes in a message: Base64 in lines of 76 with their ends."""
    encoded = 4 * -(-len(html.encode()) // 3)
    return encoded + 2 * -(-encoded // 76)


def keep_digest(digest: Digest, mailing: Mailing, chosen: Choice) -> None:
    """With what is in it, in order: by that it is known later who has had what."""
    digest.mailing = mailing
    digest.save()
    DigestItem.objects.bulk_create(
        DigestItem(digest=digest, entry_id=entry, position=position)
        for position, entry in enumerate(chosen.entries, start=1)
    )
    DigestCorrection.objects.bulk_create(
        DigestCorrection(digest=digest, correction_id=correction, position=position)
        for position, correction in enumerate(chosen.corrections, start=1)
    )
