"""Old editions handed in at the desk, on their way to drafts."""

from django.conf import settings
from django.db import models


class ImportBatch(models.Model):
    """Files that were handed in together."""

    handed_in_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="上載者",
    )
    handed_in_at = models.DateTimeField("上載時間", auto_now_add=True)

    class Meta:
        verbose_name = "匯入"
        verbose_name_plural = "匯入舊期數"
        ordering = ["-handed_in_at", "-pk"]

    def __str__(self) -> str:
        return f"匯入 {self.pk}"


class ImportState(models.TextChoices):
    """waiting → reading → read, refused or duplicate; read → accepted or discarded."""

    WAITING = "waiting", "輪候中"
    READING = "reading", "讀取中"
    READ = "read", "待核對"
    REFUSED = "refused", "未能讀取"
    DUPLICATE = "duplicate", "重複"
    ACCEPTED = "accepted", "已成草稿"
    DISCARDED = "discarded", "已放棄"


class ImportedFile(models.Model):
    """One file, what was read in it, and what became of it."""

    batch = models.ForeignKey(
        ImportBatch, on_delete=models.CASCADE, related_name="files", verbose_name="匯入"
    )
    name = models.CharField("檔名", max_length=200)
    upload = models.FileField("檔案", upload_to="imports/", blank=True)
    sha256 = models.CharField("雜湊值", max_length=64, blank=True, db_index=True)
    size = models.PositiveIntegerField("大小（位元組）", default=0)
    state = models.CharField(
        "狀態", max_length=20, choices=ImportState, default=ImportState.WAITING, db_index=True
    )
    reason = models.TextField("原因", blank=True)  # of a refusal, or what it is a duplicate of
    source = models.TextField("原文", blank=True)  # as it was read, lines numbered from 1
    result = models.JSONField("讀取結果", null=True, blank=True)
    edition = models.ForeignKey(
        "briefings.Edition",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="期",
    )
    claimed_at = models.DateTimeField("開始讀取", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "匯入檔案"
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name
