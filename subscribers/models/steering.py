"""What is done with a mailing that is open, and who is told how it ended."""

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from subscribers.models.deliveries import Delivery
from subscribers.models.mailings import Mailing
from subscribers.models.states import SteeringAct

# A report takes seconds; whoever claimed it so long ago is dead, or was put off by the relay.
REPORT_LEASE = timedelta(minutes=10)
REPORTED_WITHIN = timedelta(days=2)


class SteeringRecord(models.Model):
    """One thing that was done with a mailing after its opening. Only ever added."""

    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, related_name="steering_records")
    act = models.CharField("事項", max_length=20, choices=SteeringAct)
    at = models.DateTimeField("時間")
    # None: the machine, or somebody whose account is gone.
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="經手人",
    )
    # The one it was done to, if it was one; whose that is, not everybody may know.
    delivery = models.ForeignKey(
        Delivery, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name="投遞"
    )
    note = models.TextField("說明", blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "發送經過"
        default_permissions = ()
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return self.get_act_display()


class ClosingReportQuerySet(models.QuerySet["ClosingReport"]):
    def due(self, now: datetime) -> Self:
        """Not sent, and nobody at it; of mailings that ended lately, or it would be no news."""
        free = Q(claimed_at=None) | Q(claimed_at__lte=now - REPORT_LEASE)
        return self.filter(free, sent_at=None, mailing__finished_at__gt=now - REPORTED_WITHIN)


class ClosingReport(models.Model):
    """The one mail that tells one person how a mailing ended."""

    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, related_name="closing_reports")
    email = models.EmailField("電郵")
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField("寄出時間", null=True)

    objects = ClosingReportQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "發送報告"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["mailing", "email"], name="one_report_per_person")
        ]

    def __str__(self) -> str:
        return f"發送報告（{self.pk}）"

    def take(self, now: datetime) -> bool:
        """Of all who try at once, one is told True."""
        mine = ClosingReport.objects.filter(pk=self.pk, claimed_at=self.claimed_at, sent_at=None)
        return bool(mine.update(claimed_at=now))

    def settle(self, now: datetime) -> None:
        ClosingReport.objects.filter(pk=self.pk).update(sent_at=now)
