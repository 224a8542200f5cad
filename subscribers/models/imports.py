"""Lists of people handed in at the desk, on their way to members; and filters of members."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID, uuid4

from django.conf import settings
from django.db import models
from django.db.models import F, Q, QuerySet

from subscribers.models.states import ImportStep, JoinsAs, RowKind


class MemberImport(models.Model):
    """A list of people with where and when they agreed to be written to.

    Who works on it holds its claim, and each batch of rows is written in one transaction with how
    far it got: whoever goes on after a worker died goes on from there.
    """

    name = models.CharField("檔名", max_length=200)
    upload = models.FileField("檔案", upload_to="member-imports/", blank=True)
    size = models.PositiveBigIntegerField("大小（位元組）", default=0)
    step = models.CharField(
        "進度", max_length=20, choices=ImportStep, default=ImportStep.WAITING, db_index=True
    )
    reason = models.TextField("原因", blank=True)  # of a failure
    consent_source = models.TextField("同意來源")
    consent_wording = models.TextField("同意聲明")
    consented_on = models.DateField("同意日期")
    joins_as = models.CharField("新會員", max_length=20, choices=JoinsAs, default=JoinsAs.PENDING)
    updates_members = models.BooleanField("已是會員的，更新稱呼和政策主題", default=False)
    headings = models.JSONField("欄位", default=list)  # [what the file says, what we take it for]
    encoding = models.CharField("編碼", max_length=20, blank=True)
    last_row = models.PositiveIntegerField("已處理至第幾行", default=0)
    percent = models.PositiveSmallIntegerField("已處理（%）", default=0)
    counts = models.JSONField("結果", default=dict)  # rows of each kind
    foreseen = models.JSONField("預覽時的結果", default=dict)
    mailed_until = models.DateTimeField(null=True)  # when the last of its confirmations is due
    claim = models.UUIDField(null=True)
    claimed_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)  # since the last batch that was done
    handed_in_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="上載者",
    )
    handed_in_at = models.DateTimeField("上載時間", auto_now_add=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="決定者",
    )
    decided_at = models.DateTimeField("決定時間", null=True)
    finished_at = models.DateTimeField("完成時間", null=True)

    class Meta:
        verbose_name = "匯入"
        verbose_name_plural = "匯入會員"
        ordering = ["-handed_in_at", "-pk"]
        default_permissions = ("add", "view")  # they are the record of who consented to what

    def __str__(self) -> str:
        return self.name

    @property
    def is_under_way(self) -> bool:
        return self.step in UNDER_WAY

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def take(self, now: datetime, abandoned_before: datetime) -> bool:
        """waiting → reading, accepted → writing; or to go on after a worker that died.

        Of all who try at once, one is told True.
        """
        is_free = Q(claim=None) | Q(claimed_at__lt=abandoned_before)
        claim = uuid4()
        for waiting, working in (
            (ImportStep.WAITING, ImportStep.READING),
            (ImportStep.ACCEPTED, ImportStep.WRITING),
        ):
            mine = MemberImport.objects.filter(is_free, pk=self.pk, step__in=[waiting, working])
            changes: dict[str, Any] = {"claim": claim, "claimed_at": now}
            if mine.update(step=working, attempts=F("attempts") + 1, **changes):
                self.refresh_from_db()
                return True
        return False

    def held(self) -> "QuerySet[MemberImport]":
        """Itself while nobody took the claim away; to be updated and the count looked at."""
        mine: dict[str, UUID | None] = {"claim": self.claim}
        return MemberImport.objects.filter(pk=self.pk, step=self.step, **mine)


UNDER_WAY = (ImportStep.WAITING, ImportStep.READING, ImportStep.ACCEPTED, ImportStep.WRITING)


class ImportedRowQuerySet(models.QuerySet["ImportedRow"]):
    def refused(self) -> Self:
        return self.exclude(kind__in=[RowKind.NEW, RowKind.UPDATED])


class ImportedRow(models.Model):
    """A row of a list that was left out, and why; of those that were not, only the first few."""

    member_import = models.ForeignKey(MemberImport, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField("行")
    kind = models.CharField("結果", max_length=20, choices=RowKind)
    reason = models.CharField("原因", max_length=300, blank=True)
    cells = models.JSONField("內容", default=list)

    objects = ImportedRowQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "匯入的行"
        default_permissions = ()  # an import's permissions count
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["member_import", "number"], name="one_row_of_a_number")
        ]
        indexes = [models.Index(fields=["member_import", "kind", "number"], name="rows_by_kind")]

    def __str__(self) -> str:
        return f"第 {self.number} 行"

    @property
    def text(self) -> str:
        return "｜".join(self.cells).rstrip("｜")


class SavedFilter(models.Model):
    """A filter of the list of members that editors come back to; everybody's alike."""

    name = models.CharField("名稱", max_length=60, unique=True)
    query = models.CharField("條件", max_length=500)  # as the list's own address has it
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name="儲存者",
    )
    made_at = models.DateTimeField("儲存時間", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "儲存的篩選"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
