"""Getting each copy out once. The ledger is the truth; the queue carries only wake-ups.

A delivery is claimed by a conditional UPDATE, committed before anything is sent, so a task that
runs twice, or beside itself, finds nothing left to claim. What a dead worker left behind is found
by the sweep. Nothing here holds a transaction while it sends.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta

from celery import signature
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from briefings.contexts import EditionContext, describe_edition
from briefings.models import Audience, Edition, State, ThemedEntry
from subscribers.addresses import BadAddress
from subscribers.attachments import freeze_pdf, see_to_pdf
from subscribers.bounces.intake import record_refusal
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
from subscribers.messages import Message, PDFLost, build_message
from subscribers.models import (
    Delivery,
    DeliveryQuerySet,
    Digest,
    DigestSchedule,
    MailDraft,
    Mailing,
    MailingState,
    Member,
    SearchSubscription,
    find_corrections_due,
)
from subscribers.searches import find_hits
from subscribers.transport import Deferred, OutcomeUnknown, Refused, Relay, Unreachable
from subscribers.variants import Variant

logger = logging.getLogger(__name__)

# Celery costs about 1 ms CPU a task, so one task a member would be slower than the sending; and
# what one task holds bounds what is lost with its wake-up.
CHUNK = 200

# After 5, 10, 20, … minutes; ten attempts span two days, as long as greylisting servers ask for.
FIRST_WAIT = timedelta(minutes=5)
MOST_ATTEMPTS = 10

# Wake-ups that no worker has taken for so long are thrown away by the one that comes at last; the
# sweep has queued newer ones, and with all workers dead the queue would grow without end.
WAKE_EXPIRES = timedelta(hours=1)


class MailingRefused(Exception):
    """An edition can't be mailed; the text says why, in the editor's language."""


# ------------------------------------------------------------------------------------- opening


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


def wake_after_commit(mailing: Mailing) -> None:
    def wake() -> None:
        _wake_all(mailing, mailing.opened_at)
        see_to_pdf(mailing, mailing.opened_at)

    # Robust: without its broker the mailing is open all the same, and the sweep wakes it.
    # (Not a partial: Django logs the failure by a name that partials don't have.)
    transaction.on_commit(wake, robust=True)


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
) -> list[tuple[Member, Digest]]:
    """For the members of each group, by their keys, a digest of that choice in their variant.

    Only the digests that somebody gets are made. That is most of the work, and locks no member.
    """
    chosen_by_member = {member: chosen for chosen, members in groups.items() for member in members}
    readers = [
        member
        for member in Member.objects.receiving(mailing.opened_at)
        .order_by("pk")
        .only("pk", "email", "name", "script", "notice_language", "wants_pdf")
        if member.pk in chosen_by_member
    ]
    wishes = {one.pk: (chosen_by_member[one.pk], one.variant_of(mailing.kind)) for one in readers}
    digests: dict[tuple[Choice, Variant], Digest] = {}
    for wish in dict.fromkeys(wishes.values()):
        digests[wish] = freeze(*wish)
        keep_digest(digests[wish], mailing, wish[0])
    return [(one, digests[wishes[one.pk]]) for one in readers]


def write_deliveries(mailing: Mailing, copies: Iterable[tuple[Member, Digest]]) -> None:
    """Not to who has left or paused in this moment."""
    receiving = set(Member.objects.receiving(mailing.opened_at).values_list("pk", flat=True))
    Delivery.objects.bulk_create(
        (
            Delivery(
                mailing=mailing,
                member=member,
                digest=digest,
                email=member.email,
                name=member.name,
                not_before=mailing.opened_at,
            )
            for member, digest in copies
            if member.pk in receiving
        ),
        batch_size=1000,
    )


# ------------------------------------------------------------------------------------- sending


def send_chunk(mailing_id: int, first_id: int, last_id: int) -> None:
    """Send what is due among the deliveries from `first_id` to `last_id`, over one connection."""
    mailing = Mailing.objects.get(pk=mailing_id)
    chunk = mailing.deliveries.filter(pk__range=(first_id, last_id))
    digests: dict[int, Digest] = {}
    with Relay() as relay:
        for delivery in list(chunk.due(timezone.now())):
            try:
                # Before the claim, or connecting would use up its lease.
                relay.open()
                if not delivery.take(timezone.now()):
                    continue
                if delivery.digest_id not in digests:
                    # By this mailing, so that all of them have its one PDF, read once.
                    digests[delivery.digest_id] = mailing.digests.get(pk=delivery.digest_id)
                send(delivery, digests[delivery.digest_id], mailing, relay)
            except Unreachable as error:
                logger.warning("Mailing %s stops: %s", mailing.pk, error)
                break
    chunk.skip_unwanted(timezone.now())
    finish_mailings(timezone.now())


def send(delivery: Delivery, digest: Digest, mailing: Mailing, relay: Relay) -> None:
    """Send a claimed delivery and record how it went. Raises Unreachable after giving it back.

    Whatever is wrong with one message, the others don't wait for it.
    """
    try:
        message = build_message(delivery, digest, mailing)
        message.message()  # what can't be written fails here, where nothing has been sent yet
    except BadAddress as error:
        delivery.mark_failed(str(error))
    except PDFLost as error:
        if delivery.attempts >= MOST_ATTEMPTS:
            delivery.mark_failed(str(error))
        else:
            delivery.requeue(not_before=_choose_next_time(delivery), reply=str(error))
    except Exception as error:
        logger.exception("Delivery %s cannot be built", delivery.pk)
        delivery.mark_failed(f"未能製成郵件：{error!r}")
    else:
        _send_message(delivery, message, relay)


def _send_message(delivery: Delivery, message: Message, relay: Relay) -> None:
    try:
        relay.send(message)
    except Unreachable as error:
        delivery.give_back(error.reply)
        raise
    except Refused as error:
        _fail(delivery, error.reply)
    except Deferred as error:
        if delivery.attempts >= MOST_ATTEMPTS:
            _fail(delivery, error.reply)
        else:
            delivery.requeue(not_before=_choose_next_time(delivery), reply=error.reply)
    except OutcomeUnknown as error:
        settle_unknown(delivery, error.reply, resend_at=_choose_next_time(delivery))
    else:
        delivery.mark_sent(timezone.now())


def _fail(delivery: Delivery, reply: str) -> None:
    if delivery.mark_failed(reply):
        record_refusal(delivery, reply, timezone.now())


def settle_unknown(delivery: Delivery, reply: str, *, resend_at: datetime) -> None:
    """Nobody can know whether it was accepted: resend the same bytes, or hold it for a person.

    A message that breaks the connection each time would be resent for ever, hence the bound.
    """
    if settings.UNKNOWN_DELIVERIES == "resend" and delivery.attempts < MOST_ATTEMPTS:
        delivery.requeue(not_before=resend_at, reply=reply)
    else:
        delivery.hold(reply)


def _choose_next_time(delivery: Delivery) -> datetime:
    doublings = delivery.attempts - 1
    return timezone.now() + FIRST_WAIT * (1 << doublings)


def send_again(deliveries: DeliveryQuerySet, now: datetime) -> int:
    """Queue those that failed or are held, with their mailings; how many. Wakes after commit.

    The newest mailing first and each by itself: of two that failed with the same entry in them,
    the older is then seen to have come otherwise.
    """
    with transaction.atomic():
        DigestSchedule.hold(now)
        mailings = list(Mailing.objects.filter(deliveries__in=deliveries.unsettled()).distinct())
        count = sum(
            deliveries.filter(mailing=mailing).requeue_unsettled(now) for mailing in mailings
        )
        reopen_mailings()

        def wake() -> None:
            for mailing in mailings:
                _wake_all(mailing, now)

        transaction.on_commit(wake, robust=True)  # as in wake_after_commit
    return count


# ------------------------------------------------------------------------------------ sweeping


def sweep(now: datetime) -> None:
    """What the schedule does each half minute: settle what is abandoned, wake, finish."""
    reopen_mailings()
    for mailing in Mailing.objects.filter(state=MailingState.SENDING):
        for delivery in mailing.deliveries.abandoned(now):
            settle_unknown(delivery, "工作程序中斷，結果不明", resend_at=now)
        if see_to_pdf(mailing, now):
            wake_pdf_copies(mailing.pk, now)  # while the others go out, nobody else would
        wake_mailing(mailing, now)
    finish_mailings(now)


def wake_mailing(mailing: Mailing, now: datetime) -> None:
    """Queue tasks for the due deliveries that nobody seems to be coming for.

    A worker on its way through a mailing claims a delivery every few moments. So when nothing
    has been claimed for a while (`_quiet_for()`), the tasks are lost, or the relay was away, and
    all that is due is woken. Deliveries put off by the relay are woken when due even while others
    are being sent, since the task they were in has passed them.

    Either way at most once in that while, which bounds what waits in the queue of a dead worker.
    Waking in vain is harmless: a second task finds nothing to claim.
    """
    quiet_since = now - _quiet_for()
    if mailing.woken_at and mailing.woken_at > quiet_since:
        return
    due = mailing.deliveries.due(now)
    if mailing.deliveries.filter(claimed_at__gt=quiet_since).exists():
        due = due.filter(attempts__gt=0)
    _wake(mailing, due, now)


def wake_pdf_copies(mailing_id: int, now: datetime) -> None:
    """The PDF that they waited for is settled."""
    mailing = Mailing.objects.get(pk=mailing_id)
    _wake(mailing, mailing.deliveries.due(now).filter(digest__with_pdf=True), now)


def finish_mailings(now: datetime) -> None:
    """sending → done for those with nothing left to do. One statement, so no row slips between."""
    unfinished = Delivery.objects.unfinished().filter(mailing=OuterRef("pk"))
    Mailing.objects.filter(~Exists(unfinished), state=MailingState.SENDING).update(
        state=MailingState.DONE, finished_at=now
    )


def reopen_mailings() -> None:
    """done → sending for those with something to do again.

    The sweep asks too: a delivery queued again just while its mailing is being finished would be
    left behind.
    """
    unfinished = Delivery.objects.unfinished().filter(mailing=OuterRef("pk"))
    Mailing.objects.filter(Exists(unfinished), state=MailingState.DONE).update(
        state=MailingState.SENDING, finished_at=None
    )


def _quiet_for() -> timedelta:
    """How long without a claim means that nobody is at work.

    Far shorter than the lease: to wake a slow worker's mailing costs a few tasks, to wait costs
    the members minutes.
    """
    return timedelta(seconds=min(60, settings.DELIVERY_LEASE))


def _wake_all(mailing: Mailing, now: datetime) -> None:
    _wake(mailing, mailing.deliveries.due(now), now)


def _wake(mailing: Mailing, due: QuerySet[Delivery], now: datetime) -> None:
    """Queue one task for every CHUNK of deliveries. Of two sweeps at once, one does."""
    ids = list(due.order_by("pk").values_list("pk", flat=True))
    unchanged = Mailing.objects.filter(pk=mailing.pk, woken_at=mailing.woken_at)
    if not ids or not unchanged.update(woken_at=now):
        return
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        # By name, as the schedule does: the tasks import this module.
        signature(
            "subscribers.tasks.send_chunk", args=(mailing.pk, chunk[0], chunk[-1])
        ).apply_async(expires=WAKE_EXPIRES.total_seconds())
