"""What one mailing shows one kind of member: choosing it is pure, freezing it renders once."""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from hashlib import sha256

import css_inline
from django.template.loader import render_to_string

from briefings.contexts import EditionContext, EntryContext
from subscribers.models import Digest, DigestItem, Mailing
from subscribers.plaintext import to_plain_text

SUBJECT_LENGTH = 120  # what a list of mail shows is far shorter; a headline may not fill the page

HEADLINES_LENGTH = 50  # of all that a digest's subject names

# Of more, a digest has headline, lead and a link: Gmail cuts a mail off at some 100 KB.
MOST_WHOLE = 8

_inliner = css_inline.CSSInliner(
    keep_at_rules=True,  # or the rules for dark mode and phones are dropped
    load_remote_stylesheets=False,
)


def choose_entries(themes_by_entry: Mapping[int, Set[int]], wanted: Set[int]) -> tuple[int, ...]:
    """The entries, in their order, that share a theme with those wanted; none wanted means all."""
    return tuple(
        entry for entry, themes in themes_by_entry.items() if not wanted or themes & wanted
    )


def group_by_choice(
    themes_by_entry: Mapping[int, Set[int]],
    wishes: Iterable[tuple[int, frozenset[int]]],
    received: Mapping[int, Set[int]],
) -> dict[tuple[int, ...], list[int]]:
    """Members by the entries chosen for them; those for whom there is nothing under `()`.

    `wishes` are pairs of a member and the themes they want. Members are many and wishes few, so
    each wish is answered once. `received` has the few who had some of it in a digest.
    """
    choices: dict[frozenset[int], tuple[int, ...]] = {}
    groups: dict[tuple[int, ...], list[int]] = {}
    for member, wanted in wishes:
        if wanted not in choices:
            choices[wanted] = choose_entries(themes_by_entry, wanted)
        chosen = choices[wanted]
        if member in received:
            chosen = tuple(entry for entry in chosen if entry not in received[member])
        groups.setdefault(chosen, []).append(member)
    return groups


def digest_key(entry_ids: Iterable[int]) -> str:
    return sha256(",".join(map(str, entry_ids)).encode()).hexdigest()


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
class DigestContext:
    """Entries of several editions, the newest edition first."""

    label: str
    parts: tuple[DigestPart, ...]

    @property
    def entries(self) -> tuple[DigestedEntry, ...]:
        return tuple(entry for part in self.parts for entry in part.entries)

    @property
    def is_public(self) -> bool:
        return all(part.is_public for part in self.parts)

    @property
    def is_whole(self) -> bool:
        return len(self.entries) <= MOST_WHOLE

    @property
    def subject(self) -> str:
        publication = self.parts[0].edition.publication
        headlines = [item.entry.headline for item in self.entries]
        return _shorten(f"{publication.name} {self.label}：{join_headlines(headlines)}")


def describe_digest(
    label: str, editions: Iterable[tuple[EditionContext, bool]], entry_ids: Collection[int]
) -> DigestContext:
    """The chosen entries of the editions, each with whether the public may read it."""
    parts: list[DigestPart] = []
    position = 0
    for edition, is_public in editions:
        chosen = edition.only(entry_ids)
        if chosen.entries:
            entries = tuple(
                DigestedEntry(n, entry) for n, entry in enumerate(chosen.entries, position + 1)
            )
            parts.append(DigestPart(chosen, is_public, entries))
            position += len(entries)
    return DigestContext(label, tuple(parts))


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


def freeze_edition(edition: EditionContext, *, is_public: bool) -> Digest:
    """An unsaved digest of all the entries of `edition`, which may be a part (`only()`).

    With `is_public` false its links go by the member's own entrance, since the pages themselves
    would turn the reader away.
    """
    texts = [(entry, to_plain_text(entry.body)) for entry in edition.entries]
    context = {"edition": edition, "is_public": is_public, "texts": texts}
    entry_ids = [entry.id for entry in edition.entries]
    return _freeze("edition", make_subject(edition), entry_ids, edition, context)


def freeze_digest(digest: DigestContext) -> Digest:
    """Unsaved. It carries the imprint of the newest edition in it."""
    entry_ids = [item.entry.id for item in digest.entries]
    newest = digest.parts[0].edition
    return _freeze("digest", digest.subject, entry_ids, newest, {"digest": digest})


def _freeze(
    template: str,
    subject: str,
    entry_ids: Iterable[int],
    edition: EditionContext,
    context: dict[str, object],
) -> Digest:
    shared = {
        "subject": subject,
        "publication": edition.publication,
        "imprint": edition.imprint,
        **context,
    }
    html = render_to_string(f"subscribers/mail/{template}/body.html", shared)
    return Digest(
        key=digest_key(entry_ids),
        subject=subject,
        text=render_to_string(f"subscribers/mail/{template}/body.txt", shared),
        html=_inliner.inline(html),
    )


def keep_digest(digest: Digest, mailing: Mailing, entry_ids: Iterable[int]) -> None:
    """With what is in it, in order: by that it is known later who has had what."""
    digest.mailing = mailing
    digest.save()
    DigestItem.objects.bulk_create(
        DigestItem(digest=digest, entry_id=entry, position=position)
        for position, entry in enumerate(entry_ids, start=1)
    )
