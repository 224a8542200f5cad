from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class SharedDraftQuerySet(models.QuerySet["SharedDraft"]):
    def open(self, now: datetime | None = None) -> Self:
        return self.filter(expires_at__gt=now or timezone.now())


class SharedDraft(models.Model):
    """A link by which somebody without an account reads a draft, until it expires.

    Deleting the row revokes the link.
    """

    entry = models.ForeignKey(
        "briefings.Entry",
        on_delete=models.CASCADE,
        null=True,
        related_name="shared_drafts",
        verbose_name="短評",
    )
    edition = models.ForeignKey(
        "briefings.Edition",
        on_delete=models.CASCADE,
        null=True,
        related_name="shared_drafts",
        verbose_name="期",
    )
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="分享者",
    )
    made_at = models.DateTimeField("分享時間", auto_now_add=True)
    expires_at = models.DateTimeField("有效至")

    objects = SharedDraftQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "草稿連結"
        ordering = ["-made_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(entry__isnull=False, edition=None)
                | Q(entry=None, edition__isnull=False),
                name="shared_draft_of_one_thing",
            )
        ]

    def __str__(self) -> str:
        return f"{self.entry or self.edition}"
