"""What one mailing shows one kind of member: choosing it is pure, freezing it renders once."""

from collections.abc import Iterable, Mapping, Set
from hashlib import sha256

import css_inline
from django.template.loader import render_to_string

from briefings.contexts import EditionContext
from subscribers.models import Digest
from subscribers.plaintext import to_plain_text

SUBJECT_LENGTH = 120  # what a list of mail shows is far shorter; a headline may not fill the page

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
    themes_by_entry: Mapping[int, Set[int]], wishes: Iterable[tuple[int, frozenset[int]]]
) -> dict[tuple[int, ...], list[int]]:
    """Members by the entries chosen for them; those for whom there is nothing under `()`.

    `wishes` are pairs of a member and the themes they want. Members are many and wishes few, so
    each wish is answered once.
    """
    choices: dict[frozenset[int], tuple[int, ...]] = {}
    groups: dict[tuple[int, ...], list[int]] = {}
    for member, wanted in wishes:
        if wanted not in choices:
            choices[wanted] = choose_entries(themes_by_entry, wanted)
        groups.setdefault(choices[wanted], []).append(member)
    return groups


def digest_key(entry_ids: Iterable[int]) -> str:
    return sha256(",".join(map(str, entry_ids)).encode()).hexdigest()


def make_subject(edition: EditionContext) -> str:
    subject = f"{edition.publication.name} {edition.label}：{edition.entries[0].headline}"
    return subject if len(subject) <= SUBJECT_LENGTH else f"{subject[: SUBJECT_LENGTH - 1]}…"


def freeze_digest(edition: EditionContext, *, is_public: bool) -> Digest:
    """An unsaved digest of all the entries of `edition`, which may be a part (`only()`).

    With `is_public` false its links go by the member's own entrance, since the pages themselves
    would turn the reader away.
    """
    subject = make_subject(edition)
    context = {"edition": edition, "subject": subject, "is_public": is_public}
    html = render_to_string("subscribers/mail/edition/body.html", context)
    texts = [(entry, to_plain_text(entry.body)) for entry in edition.entries]
    return Digest(
        key=digest_key(entry.id for entry in edition.entries),
        subject=subject,
        text=render_to_string("subscribers/mail/edition/body.txt", context | {"texts": texts}),
        html=_inliner.inline(html),
    )
