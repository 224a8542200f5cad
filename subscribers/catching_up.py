"""Sending an edition to those who missed it (補寄), within its own mailing.

Who missed it: who would get something of it if it were opened now, and has no copy of it, by this
mailing or a digest, that came or may have come. So it goes to who joined or resumed since, and to
whose copy was skipped, or failed at an address that is mended by now. What failed at an address
that is as it was is sent again by another button, which says so.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from briefings.contexts import EditionContext, describe_edition
from briefings.models import Edition, State
from briefings.permissions import Person
from subscribers.attachments import freeze_pdf, see_to_pdf
from subscribers.digest_rules import Choice
from subscribers.models import (
    AttachedPDF,
    Digest,
    DigestSchedule,
    Mailing,
    MailingKind,
    MailingState,
    Member,
    SteeringAct,
)
from subscribers.opening import (
    MailingRefused,
    choose_for_members,
    make_copies,
    prepare_to_freeze,
    write_deliveries,
)
from subscribers.steering import record
from subscribers.variants import Variant
from subscribers.waking import wake_all

# Afterwards it is news no longer; and the links to a closed edition in its mails are good for 30
# days from the opening.
CATCH_UP_WITHIN = timedelta(days=14)

BATCH = 1000  # keys that one statement names


def find_hindrance(mailing: Mailing, now: datetime) -> str:
    """Why nobody can catch up with it now; empty if they can. One query."""
    if mailing.kind != MailingKind.EDITION:
        return "摘要和更正不設補寄；未收到的短評會隨下一次摘要寄出。"
    if mailing.state != MailingState.DONE:
        return f"這次發送{mailing.get_state_display()}，完成後才可補寄。"
    if now - mailing.opened_at > CATCH_UP_WITHIN:
        return f"發送已超過{CATCH_UP_WITHIN.days}日，不再補寄。"
    is_published = Edition.objects.filter(mailing=mailing, state=State.PUBLISHED)
    return "" if is_published.exists() else "這一期已撤回，不能補寄。"


def find_missed(
    mailing: Mailing, edition: Edition, description: EditionContext, now: datetime
) -> dict[Choice, list[int]]:
    """Who missed it, by their keys, and what it brings them."""
    copies = mailing.deliveries.filter(member__isnull=False)
    missed = set(copies.missed().values_list("member", flat=True))
    has_copy = set(copies.values_list("member", flat=True)) - missed
    groups = choose_for_members(edition, description, now)
    left = {
        chosen: [member for member in members if member not in has_copy]
        for chosen, members in groups.items()
    }
    return {chosen: members for chosen, members in left.items() if members}


def count_missed(mailing: Mailing, now: datetime) -> tuple[int, int]:
    """Whose copy was skipped or failed, and who has none."""
    edition = Edition.objects.get(mailing=mailing)
    groups = find_missed(mailing, edition, describe_edition(edition), now)
    members = {member for members in groups.values() for member in members}
    missed = mailing.deliveries.missed().values_list("member", flat=True)
    again = len(members.intersection(missed))
    return again, len(members) - again


def catch_up(mailing: Mailing, by: Person, now: datetime) -> int:
    """done → sending for those who missed it; how many. Wakes after commit.

    Raises MailingRefused, and writes nothing, when there is nobody, or it can't be now. However
    many do it at once, nobody gets it twice: what members have had is looked up and added to by
    one at a time, and there is one row for each of them.
    """
    with transaction.atomic():
        DigestSchedule.hold(now)
        mailing.refresh_from_db()
        done = Mailing.objects.filter(pk=mailing.pk, state=MailingState.DONE)
        if hindrance := find_hindrance(mailing, now):
            raise MailingRefused(hindrance)
        # To be woken anew, by which workers know that a digest may have been written anew.
        if not done.update(state=MailingState.SENDING, finished_at=None, woken_at=None):
            raise MailingRefused("這次發送剛才已有變動，沒有再做。")
        mailing.woken_at = None
        copies = _make_copies(mailing, now)
        known = set(mailing.deliveries.values_list("member", flat=True))
        _requeue(mailing, [copy for copy in copies if copy[0].pk in known], now)
        write_deliveries(mailing, [copy for copy in copies if copy[0].pk not in known], now)
        record(mailing, SteeringAct.CAUGHT_UP, by=by, now=now, note=f"{len(copies)} 份")

        def wake() -> None:
            wake_all(mailing, now)
            see_to_pdf(mailing, now)

        transaction.on_commit(wake, robust=True)  # as in wake_after_commit
    return len(copies)


def _make_copies(mailing: Mailing, now: datetime) -> list[tuple[Member, Digest]]:
    edition = Edition.objects.get(mailing=mailing)
    description = describe_edition(edition)
    groups = find_missed(mailing, edition, description, now)
    if not groups:
        raise MailingRefused("沒有會員錯過了這一期。")
    freeze = prepare_to_freeze(edition, description, groups)
    kept = {digest.key: digest for digest in mailing.digests.all()}

    def find_or_freeze(chosen: Choice, variant: Variant) -> Digest:
        """What others got already, as they got it; what was corrected since comes by itself."""
        frozen = freeze(chosen, variant)
        digest = kept.get(frozen.key, frozen)
        if digest.pk and not digest.text:  # emptied, see Digest
            digest.text, digest.html = frozen.text, frozen.html
            digest.save(update_fields=["text", "html"])
        return digest

    copies = make_copies(mailing, groups, find_or_freeze, now)
    has_pdf = AttachedPDF.objects.filter(mailing=mailing).exists()
    if not has_pdf and any(digest.with_pdf for _, digest in copies):
        freeze_pdf(mailing, description)
    return copies


def _requeue(mailing: Mailing, copies: Iterable[tuple[Member, Digest]], now: datetime) -> None:
    by_digest: dict[int, list[int]] = {}
    for member, digest in copies:
        by_digest.setdefault(digest.pk, []).append(member.pk)
    for digest_id, members in by_digest.items():
        for start in range(0, len(members), BATCH):
            rows = mailing.deliveries.filter(member__in=members[start : start + BATCH])
            rows.requeue_missed(digest_id, now)
