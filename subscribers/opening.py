"""Opening an edition's mailing: who gets which entries of it, written down as deliveries."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.utils import timezone

from briefings.contexts import EditionContext, describe_edition
from briefings.models import Audience, Edition, State, ThemedEntry
from subscribers.attachments import freeze_pdf
from subscribers.digest_rules import NOTHING, Choice, Found, Offer, Wish
from subscribers.digests import (
    CorrectedEntry,
    add_corrections,
    freeze_edition,
    group_by_choice,
    keep_digest,
    list_corrected,
    make_subject,
)
from subscribers.models import (
    Delivery,
    Digest,
    DigestSchedule,
    MailDraft,
    Mailing,
    Member,
    SearchSubscription,
    find_corrections_due,
)
from subscribers.searches import find_hits
from subscribers.variants import Variant
from subscribers.waking import wake_after_commit


class MailingRefused(Exception):
    """An edition can't be mailed; the text says why, in the editor's language."""


def open_mailing(
    edition: Edition, by: AbstractBaseUser | AnonymousUser | None, now: datetime | None = None
) -> Mailing:
    """The edition's one mailing, opened now unless it was before; wakes workers after commit.

    Raises MailingRefused, and writes nothing, when the edition is not published or nobody would
    get anything.
    """
    now = now or timezone.now()
    description = describe_edition(edition)
    if not description.entries:
        raise MailingRefused("這一期未有短評。")
    publication = description.publication
    with transaction.atomic():
        DigestSchedule.hold(now)
        # Whoever words or cancels the mail comes before us, or is told that it has gone out.
        MailDraft.objects.select_for_update().filter(edition=edition).first()
        mailing, is_new = Mailing.objects.get_or_create(
            edition=edition,
            defaults={
                "subject": MailDraft.of(edition).subject or make_subject(description),
                "sender_name": publication.sender,
                "sender_email": publication.sender_email,
                "reply_to": publication.reply_to,
                "opened_by_id": by.pk if by else None,
                "opened_at": now,
            },
        )
        if is_new:
            _write_deliveries(mailing, edition)
            wake_after_commit(mailing)
    return mailing


def choose_for_members(
    edition: Edition, description: EditionContext, now: datetime
) -> dict[Choice, list[int]]:
    """What the edition's mail would bring, corrections to what they had before included, and to
    whom, by their keys; nobody to whom it would bring nothing of the edition.
    """
    groups = group_members(edition, description, now)
    groups.pop(NOTHING, None)
    return add_corrections(groups, find_corrections_due(now)) if groups else {}


def prepare_to_freeze(
    edition: Edition, description: EditionContext, choices: Collection[Choice]
) -> Callable[[Choice, Variant], Digest]:
    """What makes the mail of any of these choices, unsaved."""
    corrected = describe_corrected(choices)
    is_public, draft = is_open_to_public(edition), MailDraft.of(edition)

    def freeze(chosen: Choice, variant: Variant) -> Digest:
        return freeze_edition(
            description.only(chosen.entries),
            is_public=is_public,
            variant=variant,
            draft=draft,
            corrected=[corrected[key] for key in chosen.corrections if key in corrected],
            searches=chosen.searches,
        )

    return freeze


def group_members(
    edition: Edition, description: EditionContext, now: datetime
) -> dict[Choice, list[int]]:
    """Who would get which entries of the edition, members by their keys.

    Those who want every edition but nothing that is in this one, or had all of it in a digest,
    stand under NOTHING. Four queries, and one for each different search.
    """
    table, wishes = offer_edition(edition, description, now), find_wishes(now)
    found = find_edition_hits(edition, table, wishes)
    received = find_received(offer.entry for offer in table)
    return group_by_choice(table, wishes.items(), received, found)


def offer_edition(
    edition: Edition, description: EditionContext, now: datetime
) -> tuple[Offer, ...]:
    """Its entries in order; of what is not published yet, as if it came out now. One query."""
    themes = find_themes([entry.id for entry in description.entries])
    published_at = edition.published_at or now
    return tuple(Offer(entry, frozenset(found), published_at) for entry, found in themes.items())


def find_wishes(now: datetime | None = None) -> dict[int, Wish]:
    """What each member wants who wants every edition. Two queries."""
    members = Member.objects.wants_every_edition(now).order_by("pk")
    searches = SearchSubscription.objects.by_member(members.order_by())
    wishes: dict[int, Wish] = {}
    for member, only_searches, theme in members.values_list("pk", "only_searches", "themes"):
        chosen = wishes[member].themes if member in wishes else frozenset()
        themes = chosen | {theme} if theme else chosen
        wishes[member] = Wish(themes, searches.get(member, ()), only_searches)
    return wishes


def find_edition_hits(
    edition: Edition, table: Collection[Offer], wishes: Mapping[int, Wish]
) -> Found:
    """What members can't read yet is looked for among all that is written."""
    audience = Audience.MEMBERS if edition.is_published else None
    return find_hits(wishes.values(), table, audience)


def find_received(entry_ids: Iterable[int]) -> dict[int, set[int]]:
    """Which of them a member has had, by whichever mailing. One query."""
    had = Delivery.objects.received().filter(member__in=Member.objects.active())
    return had.entries_by_member(entry_ids)


def find_themes(entry_ids: Iterable[int]) -> dict[int, set[int]]:
    """Of each entry, in the order given."""
    themes: dict[int, set[int]] = {entry: set() for entry in entry_ids}
    themed = ThemedEntry.objects.filter(content_object__in=list(themes))
    for entry, theme in themed.values_list("content_object_id", "tag_id"):
        themes[entry].add(theme)
    return themes


def is_open_to_public(edition: Edition) -> bool:
    """Whether its mail links to its pages as they are; before it is published, whether it will.

    Nobody has said yet who may read a draft; it is expected to be for everybody.
    """
    if edition.state == State.SCHEDULED:
        return edition.audience == Audience.PUBLIC
    return edition.state == State.DRAFT or edition.is_visible_to(Audience.PUBLIC)


def _write_deliveries(mailing: Mailing, edition: Edition) -> None:
    edition.refresh_from_db()
    if edition.state != State.PUBLISHED:
        raise MailingRefused(f"{edition}尚未出版，不能寄給會員。")
    description = describe_edition(edition)
    groups = choose_for_members(edition, description, mailing.opened_at)
    if not groups:
        raise MailingRefused("沒有會員會收到這一期。")
    copies = make_copies(mailing, groups, prepare_to_freeze(edition, description, groups))
    if any(digest.with_pdf for _, digest in copies):
        freeze_pdf(mailing, description)
    write_deliveries(mailing, copies)


def describe_corrected(choices: Iterable[Choice]) -> dict[int, CorrectedEntry]:
    """What the choices' corrections are of, by the corrections' keys.

    None, and no query, if they have none; else some eight queries for each edition concerned.
    """
    wanted = {correction for choice in choices for correction in choice.corrections}
    if not wanted:
        return {}
    editions = Edition.objects.filter(entries__corrections__in=wanted).distinct()
    return {
        corrected.correction.id: corrected
        for edition in editions
        for corrected in list_corrected(
            describe_edition(edition), is_public=is_open_to_public(edition)
        )
    }


def make_copies(
    mailing: Mailing,
    groups: Mapping[Choice, Iterable[int]],
    freeze: Callable[[Choice, Variant], Digest],
    at: datetime | None = None,
) -> list[tuple[Member, Digest]]:
    """For the members of each group, by their keys, a digest of that choice in their variant.

    Only the digests that somebody gets are made; one that `freeze` has from before is left as it
    is. That is most of the work, and locks no member. `at` None means the opening.
    """
    chosen_by_member = {member: chosen for chosen, members in groups.items() for member in members}
    readers = [
        member
        for member in Member.objects.receiving(at or mailing.opened_at)
        .order_by("pk")
        .only("pk", "email", "name", "script", "notice_language", "wants_pdf")
        if member.pk in chosen_by_member
    ]
    wishes = {one.pk: (chosen_by_member[one.pk], one.variant_of(mailing.kind)) for one in readers}
    digests: dict[tuple[Choice, Variant], Digest] = {}
    for wish in dict.fromkeys(wishes.values()):
        digests[wish] = freeze(*wish)
        if digests[wish].pk is None:
            keep_digest(digests[wish], mailing, wish[0])
    copies = [(one, digests[wishes[one.pk]]) for one in readers]
    # What is alike together: a chunk then has few different ones to cut into segments.
    return sorted(copies, key=lambda copy: copy[1].pk)


def write_deliveries(
    mailing: Mailing, copies: Iterable[tuple[Member, Digest]], at: datetime | None = None
) -> None:
    """Not to who has left or paused in this moment. `at` None means the opening."""
    at = at or mailing.opened_at
    receiving = set(Member.objects.receiving(at).values_list("pk", flat=True))
    Delivery.objects.bulk_create(
        (
            Delivery(
                mailing=mailing,
                member=member,
                digest=digest,
                email=member.email,
                name=member.name,
                not_before=at,
            )
            for member, digest in copies
            if member.pk in receiving
        ),
        batch_size=1000,
    )
