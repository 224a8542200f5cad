"""PDFs that were asked for: the ledger that keeps two from building the same one."""

from typing import Self

from django.db import models
from django.utils import timezone


class PrintoutState(models.TextChoices):
    """waiting → building → ready or refused; building → waiting when who built it went silent.

    Refused is asked for anew after an hour, or by an editor; changed content has another name.
    """

    WAITING = "waiting", "輪候中"
    BUILDING = "building", "製作中"
    READY = "ready", "已製成"
    REFUSED = "refused", "未能製成"


UNDER_WAY = (PrintoutState.WAITING, PrintoutState.BUILDING)


class PrintoutQuerySet(models.QuerySet["Printout"]):
    def under_way(self) -> Self:
        return self.filter(state__in=UNDER_WAY)


class Printout(models.Model):
    """One PDF file, by the name that says what is in it."""

    name = models.CharField("檔名", max_length=200, unique=True)
    edition = models.ForeignKey(
        "briefings.Edition",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="printouts",
        verbose_name="期",
    )
    volume = models.ForeignKey(
        "briefings.Volume",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="printouts",
        verbose_name="合訂本",
    )
    state = models.CharField(
        "狀態",
        max_length=20,
        choices=PrintoutState,
        default=PrintoutState.WAITING,
        db_index=True,
    )
    reason = models.TextField("原因", blank=True)  # of a refusal
    asked_at = models.DateTimeField("要求時間", null=True, blank=True)
    heard_at = models.DateTimeField("最近進展", null=True, blank=True)  # of who builds it
    waiting_since = models.DateTimeField("輪候開始", default=timezone.now)
    claim = models.CharField("製作者", max_length=32, blank=True)  # who builds it, at random
    attempts = models.PositiveSmallIntegerField("次數", default=0)
    pages = models.PositiveIntegerField("已排頁數", default=0)
    expected_pages = models.PositiveIntegerField("預計頁數", default=0)  # 0: nobody guessed
    size = models.PositiveIntegerField("位元組", default=0)  # once it is ready

    objects = PrintoutQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "PDF 檔"
        default_permissions = ()  # nobody makes or changes one by hand
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="printout_of_one_thing",
                condition=models.Q(edition=None, volume__isnull=False)
                | models.Q(edition__isnull=False, volume=None),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_under_way(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def is_ready(self) -> bool:
        return self.state == PrintoutState.READY

    @property
    def is_refused(self) -> bool:
        return self.state == PrintoutState.REFUSED
