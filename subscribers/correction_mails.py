"""Telling members of a correction to what they were sent: at once, with their next mail, or not.

Who is told with the next mail, `subscribers.digest_rules` decides.
"""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction

from briefings.models import Audience, Correction, Entry, Publication
from subscribers.digest_rules import Choice
from subscribers.digests import DigestContext, freeze_digest
from subscribers.models import (
    CorrectionMail,
    CorrectionWay,
    DigestSchedule,
    Mailing,
    MailingKind,
    Member,
    list_errata,
    match_errata,
)
from subscribers.opening import MailingRefused, describe_corrected, make_copies, write_deliveries
from subscribers.waking import wake_after_commit

LABEL = "更正"


def decide(
    correction: Correction,
    way: CorrectionWay,
    by: AbstractBaseUser | AnonymousUser,
    now: datetime,
) -> CorrectionMail:
    """May be decided anew until it was mailed by itself; then what was decided stands.

    AT_ONCE opens a mailing, and wakes workers after commit; it raises MailingRefused, and writes
    nothing, when nobody would get it.
    """
    with transaction.atomic():
        DigestSchedule.hold(now)
        decided = CorrectionMail.objects.filter(correction=correction).first()
        if decided and decided.mailing_id:
            return decided
        decided = decided or CorrectionMail(correction=correction)
        decided.way, decided.decided_at, decided.decided_by_id = way, now, by.pk
        if way == CorrectionWay.AT_ONCE:
            decided.mailing = _open_mailing(correction, by, now)
        decided.save()
    return decided


def find_readers(correction: Correction, now: datetime) -> list[int]:
    """Those who were sent the original, don't know yet, and get mail; by their keys.

    Four queries.
    """
    errata = list_errata(Correction.objects.filter(pk=correction.pk))
    concerned = match_errata(errata)
    receiving = set(Member.objects.receiving(now).values_list("pk", flat=True))
    return [member for member in concerned if member in receiving]


def describe_correction(correction: Correction) -> DigestContext:
    """The mail that tells of nothing else. Raises MailingRefused if members can't read it."""
    is_readable = Entry.objects.visible_to(Audience.MEMBERS).filter(pk=correction.entry_id).exists()
    corrected = describe_corrected([Choice(corrections=(correction.pk,))]) if is_readable else {}
    if correction.pk not in corrected:
        raise MailingRefused("這篇短評現時沒有出版，不能寄出更正。")
    return DigestContext(LABEL, parts=(), corrected=(corrected[correction.pk],))


def _open_mailing(
    correction: Correction, by: AbstractBaseUser | AnonymousUser, now: datetime
) -> Mailing:
    context = describe_correction(correction)
    readers = find_readers(correction, now)
    if not readers:
        raise MailingRefused("現時沒有會員收過原文而未知道這項更正。")
    publication = Publication.load()
    mailing = Mailing.objects.create(
        kind=MailingKind.CORRECTION,
        subject=context.subject,
        sender_name=publication.sender,
        sender_email=publication.sender_email,
        reply_to=publication.reply_to,
        opened_by_id=by.pk,
        opened_at=now,
    )
    copies = make_copies(
        mailing, {context.choice: readers}, lambda _, variant: freeze_digest(context, variant)
    )
    write_deliveries(mailing, copies)
    wake_after_commit(mailing)
    return mailing
