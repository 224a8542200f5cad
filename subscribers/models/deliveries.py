"""The ledger: who gets which copy, and what became of it."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Self
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Lower
from django.utils import timezone

from briefings.models import State
from subscribers.digest_rules import Frequency
from subscribers.models.compiled import Argument
from subscribers.models.mailings import (
    Digest,
    DigestCorrection,
    DigestItem,
    Mailing,
    shows_withdrawn,
)
from subscribers.models.members import Member
from subscribers.models.states import (
    HALTED,
    RECEIVED,
    RETURNED,
    AttachmentState,
    DeliveryState,
    MailingKind,
    MailingState,
)
from subscribers.models.suppressions import Suppression, is_suppressed

# Of mailings and digests, what keeps their copies back.
_OF_AN_EDITION = Q(kind=MailingKind.EDITION)
_HALTED = Q(state__in=HALTED)
_WITHDRAWN = _OF_AN_EDITION & ~Q(edition__state=State.PUBLISHED)
_WAITS_FOR_PDF = Q(with_pdf=True, mailing__attached_pdf__state=AttachmentState.WAITING)


def _brings_withdrawn() -> Q:
    """Of a digest; an edition's goes out as long as the edition itself is published."""
    return ~Q(mailing__kind=MailingKind.EDITION) & shows_withdrawn()


# All as Exists, never as joins: those would move all of an UPDATE's conditions into a subquery,
# which PostgreSQL does not ask again after it has waited for another's claim.


def _has_mailing(condition: Q) -> Exists:
    return Exists(Mailing.objects.filter(condition, pk=OuterRef("mailing_id")))


def _has_digest(condition: Q) -> Exists:
    return Exists(Digest.objects.filter(condition, pk=OuterRef("digest_id")))


def _is_of_an_edition() -> Exists:
    return _has_mailing(_OF_AN_EDITION)


def _is_wanted(today: date) -> Exists:
    """Who chose another frequency since wants no edition; a digest is owed in any case."""
    editions = Mailing.objects.filter(_OF_AN_EDITION)
    of_an_edition = Exists(editions.filter(pk=OuterRef(OuterRef("mailing_id"))))
    wants = Q(frequency=Frequency.EVERY_EDITION) | ~Q(of_an_edition)
    return Exists(Member.objects.receiving_on(today).filter(wants, pk=OuterRef("member_id")))


def _is_readable() -> Q:
    return ~Q(_has_mailing(_WITHDRAWN)) & ~Q(_has_digest(_brings_withdrawn()))


def _is_cancelled() -> Exists:
    return _has_mailing(Q(state=MailingState.CANCELLED))


def _came_otherwise() -> Q:
    """The member has something of it by another delivery."""
    others = Q(
        digest__deliveries__member=OuterRef("member_id"), digest__deliveries__state__in=RECEIVED
    )
    its_own = Q(digest=OuterRef(OuterRef("digest_id")))
    items, corrections = DigestItem.objects, DigestCorrection.objects
    entries = items.filter(others, entry__in=items.filter(its_own).values("entry"))
    told = corrections.filter(
        others, correction__in=corrections.filter(its_own).values("correction")
    )
    # An edition comes in no other way: better told of a correction twice than never to get it.
    return Q(Exists(entries)) | (Q(Exists(told)) & ~Q(_is_of_an_edition()))


@lru_cache(maxsize=2)
def may_go(today: date) -> RawSQL:
    """Whether members want them and may have them, at addresses that mail may go to, with nothing
    to wait for. Written as SQL once a day, since that takes longer than to ask it of a chunk; and
    with one question for each table, for the same reason: apart they are `due` and `_is_readable`.

    It names the ledger's table, so it is of use only to ask that itself, not in a subquery.
    """
    asked = Delivery.objects.filter(
        _is_wanted(today),
        ~is_suppressed(),
        ~_has_mailing(_HALTED | _WITHDRAWN),
        ~_has_digest(_WAITS_FOR_PDF | _brings_withdrawn()),
    )
    compiler = asked.query.get_compiler(DEFAULT_DB_ALIAS)
    sql, values = compiler.compile(asked.query.where)
    return RawSQL(sql, values, models.BooleanField())  # noqa: S611  (Django's own)


_SKIPPED_OR_UNKNOWN = Case(
    When(in_doubt=True, then=Value(DeliveryState.UNKNOWN)),
    default=Value(DeliveryState.SKIPPED),
)


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def held_by(self, claim: UUID) -> Self:
        return self.filter(claim=claim, state=DeliveryState.SENDING)

    def still_to_send(self, claim: UUID, now: datetime) -> set[int]:
        """The keys of those claimed that may go out still."""
        held = self.held_by(claim).filter(may_go(timezone.localdate(now)))
        return set(held.order_by().values_list("pk", flat=True))

    def renew(self, claim: UUID, now: datetime) -> bool:
        """Whether anything of the claim is still held."""
        return self.held_by(claim).update(claimed_at=now) > 0

    def give_back(self, claim: UUID, **changes: Any) -> None:
        """Nothing was tried, so it counts as no attempt, and is no sign of anybody at work."""
        self.held_by(claim).update(
            state=DeliveryState.QUEUED,
            attempts=F("attempts") - 1,
            claim=None,
            claimed_at=None,
            **changes,
        )

    def waiting(self, now: datetime | Argument) -> Self:
        """Those whose time has come."""
        return self.filter(state=DeliveryState.QUEUED, not_before__lte=now)

    def due(self, now: datetime) -> Self:
        """Not what is to bring a PDF, as long as that is being printed; nor anything of a mailing
        that is paused or was cancelled.
        """
        return self.waiting(now).filter(~_has_mailing(_HALTED), ~_has_digest(_WAITS_FOR_PDF))

    def entries_by_member(self, entry_ids: Iterable[int]) -> dict[int, set[int]]:
        """Which of these entries are in them, by the member they are addressed to. One query."""
        found: dict[int, set[int]] = {}
        # In one filter(): each would join the items anew.
        pairs = self.filter(member__isnull=False, digest__items__entry__in=list(entry_ids))
        for member, entry in pairs.values_list("member_id", "digest__items__entry_id"):
            found.setdefault(member, set()).add(entry)
        return found

    def openings_by_member(self, entry_ids: Iterable[int]) -> dict[int, dict[int, datetime]]:
        """By the member they are addressed to, which of these entries are in them, and when the
        mailing that brought it was opened, the first if several did. One query.
        """
        found: dict[int, dict[int, datetime]] = {}
        ours = self.filter(member__isnull=False, digest__items__entry__in=list(entry_ids))
        rows = ours.order_by("-mailing__opened_at").values_list(
            "member_id", "digest__items__entry_id", "mailing__opened_at"
        )
        for member, entry, opened_at in rows:
            found.setdefault(member, {})[entry] = opened_at
        return found

    def corrections_by_member(self, correction_ids: Iterable[int]) -> dict[int, set[int]]:
        """Which of these corrections they tell, by the member. One query."""
        found: dict[int, set[int]] = {}
        ours = self.filter(
            member__isnull=False, digest__corrections__correction__in=list(correction_ids)
        )
        for member, correction in ours.values_list(
            "member_id", "digest__corrections__correction_id"
        ):
            found.setdefault(member, set()).add(correction)
        return found

    def received(self) -> Self:
        return self.filter(state__in=RECEIVED)

    def returned(self) -> Self:
        """Of members' present subscription, what didn't reach them."""
        return self.filter(state__in=RETURNED, mailing__opened_at__gt=F("member__confirmed_at"))

    def unfinished(self) -> Self:
        """Those the machine still has to do something about."""
        return self.filter(state__in=[DeliveryState.QUEUED, DeliveryState.SENDING])

    def skip_unwanted(self, now: datetime) -> None:
        """queued → skipped, with the reason, for what changed since the opening; unknown, what the
        member may have had by an earlier try.

        Mail to the address came back, or was complained of; the member left, paused or was
        deleted; or else the edition was withdrawn.
        """
        queued = self.filter(state=DeliveryState.QUEUED)
        queued.filter(is_suppressed()).update(
            state=_SKIPPED_OR_UNKNOWN, reply="因退信或投訴，已停止寄往這個地址"
        )
        queued.filter(~_is_wanted(timezone.localdate(now))).update(
            state=_SKIPPED_OR_UNKNOWN, reply="會員已不收取"
        )
        queued.filter(~_is_readable()).update(
            state=_SKIPPED_OR_UNKNOWN,
            reply=Case(
                When(Q(_is_of_an_edition()), then=Value("這一期已撤回")),
                default=Value("其中有短評已撤回"),
            ),
        )

    def deferred(self) -> Self:
        """Tried before, and to be tried again."""
        return self.filter(state=DeliveryState.QUEUED, attempts__gt=0)

    def drop_cancelled(self) -> None:
        """Of cancelled mailings: queued → skipped, or unknown if the member may have it."""
        queued = self.filter(_is_cancelled(), state=DeliveryState.QUEUED)
        queued.update(
            state=_SKIPPED_OR_UNKNOWN,
            reply=Case(
                When(in_doubt=True, then=Value("發送已取消；之前試過寄出，結果不明")),
                default=Value("發送已取消"),
            ),
        )

    def unsettled(self) -> Self:
        """Those that a person may send again: not what failed and came with a later digest, nor
        what is of a cancelled mailing.
        """
        failed = Q(state=DeliveryState.FAILED) & ~_came_otherwise()
        return self.filter(failed | Q(state=DeliveryState.UNKNOWN)).filter(~_is_cancelled())

    def requeue_unsettled(self, now: datetime) -> int:
        """failed | unknown → queued, with all attempts before them."""
        return self.unsettled().update(
            state=DeliveryState.QUEUED,
            attempts=0,
            not_before=now,
            reply="",
            in_doubt=Q(in_doubt=True) | Q(state=DeliveryState.UNKNOWN),
        )

    def missed(self) -> Self:
        """Those that did not come for a reason that may be gone: skipped, or failed at an address
        that the member has left since or that gets mail again. Not what may have come all the same.
        """
        moved = Member.objects.alias(key=Lower("email")).exclude(key=Lower(OuterRef("email")))
        mended = Suppression.objects.filter(
            address=Lower(OuterRef("email")), lifted_at__gt=OuterRef("claimed_at")
        )
        failed = Q(state=DeliveryState.FAILED) & (
            Q(Exists(moved.filter(pk=OuterRef("member_id")))) | Q(Exists(mended))
        )
        return self.filter(failed | Q(state=DeliveryState.SKIPPED), in_doubt=False)

    def requeue_missed(self, digest_id: int, now: datetime) -> int:
        """skipped | failed → queued, with this digest, to where the member gets mail now."""
        member = Member.objects.filter(pk=OuterRef("member_id"))
        return self.filter(state__in=RETURNED).update(
            state=DeliveryState.QUEUED,
            email=Subquery(member.values("email")),
            name=Subquery(member.values("name")),
            digest=digest_id,
            attempts=0,
            not_before=now,
            claimed_at=None,
            reply="",
        )

    def held(self) -> Self:
        """Those of which nobody knows whether they went out, for a person to decide."""
        return self.filter(state=DeliveryState.UNKNOWN)

    def accept_as_sent(self) -> int:
        """unknown → sent, as a person decided; if it did go out, then when it was claimed."""
        return self.held().update(
            state=DeliveryState.SENT, sent_at=F("claimed_at"), reply="結果不明，由編輯當作已寄出"
        )

    def accept_as_unsent(self) -> int:
        """unknown → skipped, of cancelled mailings, as a person decided."""
        return (
            self.held()
            .filter(_is_cancelled())
            .update(state=DeliveryState.SKIPPED, reply="發送已取消；結果不明，由編輯當作未寄出")
        )

    def abandoned(self, now: datetime) -> Self:
        """Claimed so long ago that the worker must be dead."""
        lease = timedelta(seconds=settings.DELIVERY_LEASE)
        return self.filter(state=DeliveryState.SENDING, claimed_at__lt=now - lease)


class Delivery(models.Model):
    """One member's copy of one mailing; a row of the ledger.

    Every change is one UPDATE that names the state it expects, committed by itself, so it is
    right however many workers do the same thing at once.
    """

    mailing = models.ForeignKey(
        Mailing, on_delete=models.CASCADE, related_name="deliveries", verbose_name="發送"
    )
    member = models.ForeignKey(
        Member,
        on_delete=models.SET_NULL,
        null=True,
        related_name="deliveries",
        verbose_name="會員",
    )
    digest = models.ForeignKey(
        Digest, on_delete=models.CASCADE, related_name="deliveries", verbose_name="摘要"
    )
    email = models.EmailField("電郵")
    name = models.CharField("稱呼", max_length=60, blank=True)
    state = models.CharField(
        "狀態", max_length=20, choices=DeliveryState, default=DeliveryState.QUEUED
    )
    attempts = models.PositiveSmallIntegerField("次數", default=0)
    not_before = models.DateTimeField("不早於")
    claim = models.UUIDField(null=True)
    claimed_at = models.DateTimeField("認領時間", null=True)
    sent_at = models.DateTimeField("寄出時間", null=True)
    reply = models.TextField("郵件伺服器的回覆", blank=True)
    # Of some attempt nobody knows how it ended, so the member may have it whatever comes later.
    in_doubt = models.BooleanField("可能已寄出", default=False, db_default=False)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "投遞"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["mailing", "member"], name="one_delivery_per_member")
        ]
        indexes = [
            # A chunk's rows to claim, the sweeper's rows to wake, and the counts on the screen
            # all ask for the rows of one mailing in one state.
            models.Index(fields=["mailing", "state"], name="deliveries_by_state"),
            # Is anybody at work on this mailing? The latest claim tells.
            models.Index(fields=["mailing", "claimed_at"], name="deliveries_by_claim"),
        ]

    def __str__(self) -> str:
        return f"{self.email}：{self.get_state_display()}"

    @property
    def is_withdrawn(self) -> bool:
        """Whether members may no longer read the edition, or something in the digest."""
        return not Delivery.objects.filter(_is_readable(), pk=self.pk).exists()

    def mark_failed(self, reply: str) -> bool:
        return self._settle(state=DeliveryState.FAILED, reply=reply)

    def hold(self, reply: str) -> bool:
        return self._settle(state=DeliveryState.UNKNOWN, reply=reply)

    def requeue(self, *, not_before: datetime, reply: str) -> bool:
        return self._settle(state=DeliveryState.QUEUED, not_before=not_before, reply=reply)

    def requeue_in_doubt(self, *, not_before: datetime, reply: str) -> bool:
        """To be sent again with the same bytes, although it may have been accepted."""
        return self._settle(
            state=DeliveryState.QUEUED, not_before=not_before, reply=reply, in_doubt=True
        )

    def _settle(self, **changes: Any) -> bool:
        """Only who holds the claim may say how it ended."""
        mine: dict[str, UUID | int | None] = {"pk": self.pk, "claim": self.claim}
        return bool(
            Delivery.objects.filter(state=DeliveryState.SENDING, **mine).update(
                claim=None, **changes
            )
        )


class SendingPace(models.Model):
    """From when on the next mail may go out, to a domain or through the relay (`*`)."""

    scope = models.CharField(max_length=255, primary_key=True)
    free_at = models.DateTimeField()

    class Meta:
        verbose_name = verbose_name_plural = "寄送節奏"
        default_permissions = ()

    def __str__(self) -> str:
        return self.scope
