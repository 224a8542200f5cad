"""Corrections, and telling those of them who received the original."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef

from briefings.models import Audience, Correction, Entry
from subscribers.digest_rules import REACH, Erratum, choose_corrections
from subscribers.models.deliveries import Delivery
from subscribers.models.mailings import Mailing
from subscribers.models.states import CorrectionWay


class CorrectionMailQuerySet(models.QuerySet["CorrectionMail"]):
    def pending(self, now: datetime) -> Self:
        """Those that mail may still tell of: of what members can read, and not too old."""
        readable = Entry.objects.visible_to(Audience.MEMBERS, now)
        told = self.exclude(way=CorrectionWay.NEVER)
        return told.filter(decided_at__gt=now - REACH, correction__entry__in=readable)


class CorrectionMail(models.Model):
    """What a publisher decided on telling members of a correction.

    One told at once has a mailing of its own; whoever that couldn't reach is told with their next
    mail, as everybody is of the others.
    """

    correction = models.OneToOneField(
        Correction, on_delete=models.CASCADE, related_name="mail", verbose_name="更正"
    )
    way = models.CharField("通知會員", max_length=20, choices=CorrectionWay)
    decided_at = models.DateTimeField("決定時間")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="決定者",
    )
    mailing = models.OneToOneField(
        Mailing, on_delete=models.PROTECT, null=True, related_name="correction_mail"
    )

    objects = CorrectionMailQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "更正通知"
        default_permissions = ()  # whoever may open mailings decides

    def __str__(self) -> str:
        return f"{self.correction}：{self.get_way_display()}"


def list_errata(corrections: models.QuerySet[Correction]) -> list[Erratum]:
    """The oldest first. One query."""
    rows = corrections.order_by("made_at", "pk").values_list("pk", "entry_id", "made_at")
    return [Erratum(*row) for row in rows]


def find_corrections_due(now: datetime) -> dict[int, tuple[int, ...]]:
    """By member, the corrections that their next mail is to tell of. One query, or three."""
    pending = CorrectionMail.objects.pending(now).values("correction")
    return match_errata(list_errata(Correction.objects.filter(pk__in=pending)))


def match_errata(errata: Sequence[Erratum]) -> dict[int, tuple[int, ...]]:
    """By member, those of them that concern what they were sent, and that they don't know of.

    Two queries, whose rows are the copies of these entries and no others.
    """
    if not errata:
        return {}
    had = Delivery.objects.received().openings_by_member({erratum.entry for erratum in errata})
    told = Delivery.objects.received().corrections_by_member(
        erratum.correction for erratum in errata
    )
    due = {
        member: choose_corrections(errata, entries, told.get(member, frozenset()))
        for member, entries in had.items()
    }
    return {member: corrections for member, corrections in due.items() if corrections}


def find_undecided(now: datetime) -> models.QuerySet[Correction]:
    """Corrections to what was mailed that nobody has decided upon, the oldest first."""
    sent = Delivery.objects.received().filter(
        digest__items__entry=OuterRef("entry"), mailing__opened_at__lte=OuterRef("made_at")
    )
    recent = Correction.objects.filter(mail=None, made_at__gt=now - REACH)
    readable = Entry.objects.visible_to(Audience.MEMBERS, now)
    return recent.filter(Exists(sent), entry__in=readable).order_by(F("made_at"), "pk")
