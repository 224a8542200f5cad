"""What mail systems say became of copies, and the addresses that get none for it."""

from datetime import datetime
from typing import Any, NoReturn, Self

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q

from subscribers.models.consent import RecordsStand


class RecordedKind(models.TextChoices):
    """Of `ReportKind`, those that are kept; the others say nothing of how it ended."""

    HARD = "hard", "地址無效"
    SOFT = "soft", "暫時退信"
    POLICY = "policy", "對方拒收本刊"
    COMPLAINT = "complaint", "投訴"


class ReportWay(models.TextChoices):
    SENDING = "sending", "寄出時被拒"
    IMAP = "imap", "退信信箱"
    LMTP = "lmtp", "郵件系統轉交"
    WEBHOOK = "webhook", "郵件服務商通知"


class MailReportQuerySet(models.QuerySet["MailReport"]):
    def forget(self) -> None:
        """Whose they were; that they were stays, for the results of the mailing."""
        super().update(member=None, address="", text="")

    def update(self, **_: Any) -> NoReturn:
        raise RecordsStand

    def delete(self) -> NoReturn:
        raise RecordsStand


class MailReport(models.Model):
    """One report on one delivery, as it came."""

    delivery = models.ForeignKey(
        "subscribers.Delivery",
        on_delete=models.SET_NULL,
        null=True,
        related_name="reports",
        verbose_name="投遞",
    )
    member = models.ForeignKey(
        "subscribers.Member",
        on_delete=models.SET_NULL,
        null=True,
        related_name="reports",
        verbose_name="會員",
    )
    kind = models.CharField("類別", max_length=20, choices=RecordedKind)
    status = models.CharField("狀態碼", max_length=20, blank=True)
    text = models.TextField("對方的說明", blank=True)
    address = models.CharField("所指地址", max_length=254, blank=True)
    way = models.CharField("途徑", max_length=20, choices=ReportWay)
    message_id = models.CharField(max_length=250)
    received_at = models.DateTimeField("時間")

    objects = MailReportQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "退信及投訴"
        default_permissions = ()  # who may see members may see theirs
        ordering = ["received_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "message_id"], name="a_report_counts_once")
        ]

    def __str__(self) -> str:
        """Names nobody, as members' other records."""
        return f"{self.get_kind_display()}（{self.get_way_display()}）"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise RecordsStand
        super().save(*args, **kwargs)

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        raise RecordsStand


class SuppressionReason(models.TextChoices):
    HARD = "hard", "地址無效"
    SOFT = "soft", "屢次退信"
    COMPLAINT = "complaint", "收件人投訴"


class SuppressionQuerySet(models.QuerySet["Suppression"]):
    def standing(self) -> Self:
        return self.filter(lifted_at=None)

    def of(self, email: str) -> Self:
        return self.filter(address=email.lower())

    def lift(self, now: datetime, *, by: User | None = None) -> int:
        """How many there were; mail goes there again from this commit on."""
        return self.standing().update(lifted_at=now, lifted_by=by)


class Suppression(models.Model):
    """standing → lifted. An address that gets no mailing while it stands."""

    address = models.EmailField("電郵")  # in lower case
    reason = models.CharField("原因", max_length=20, choices=SuppressionReason)
    report = models.ForeignKey(
        MailReport, on_delete=models.PROTECT, related_name="+", verbose_name="根據"
    )
    since = models.DateTimeField("開始")
    lifted_at = models.DateTimeField("恢復", null=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="恢復者",
    )

    objects = SuppressionQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "停止寄送"
        default_permissions = ()
        ordering = ["since", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["address"], condition=Q(lifted_at=None), name="suppressed_once"
            )
        ]
        indexes = [models.Index(fields=["address"], name="suppressions_by_address")]

    def __str__(self) -> str:
        return f"停止寄送（{self.get_reason_display()}）"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.address = self.address.lower()
        super().save(*args, **kwargs)


def is_suppressed() -> models.Exists:
    """Of a row with an `email`; as Exists, for the reason in `deliveries.py`."""
    same = models.functions.Lower(models.OuterRef("email"))
    return models.Exists(Suppression.objects.standing().filter(address=same))
