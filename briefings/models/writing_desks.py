"""Who is at an entry, and what they have typed but not saved."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Autosave(models.Model):
    """The fields of a form as they last stood in somebody's browser; gone once it is saved."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name="用戶"
    )
    entry = models.ForeignKey(
        "briefings.Entry",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="autosaves",
        verbose_name="短評",
    )
    # Of an entry that was never saved: what its form calls itself.
    form_id = models.CharField("表格編號", max_length=40, blank=True)
    fields = models.JSONField("內容")
    based_on = models.PositiveIntegerField("所據版本", default=0)  # Entry.version
    saved_at = models.DateTimeField("儲存時間")

    class Meta:
        verbose_name = verbose_name_plural = "自動儲存"
        constraints = [
            models.UniqueConstraint(
                fields=["user", "entry"], condition=Q(entry__isnull=False), name="one_autosave"
            ),
            models.UniqueConstraint(
                fields=["user", "form_id"],
                condition=Q(entry__isnull=True),
                name="one_autosave_of_a_new_entry",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.saved_at:%Y-%m-%d %H:%M}"


class Presence(models.Model):
    """Somebody has an entry's form open, or had until `seen_at`."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name="用戶"
    )
    entry = models.ForeignKey(
        "briefings.Entry", on_delete=models.CASCADE, related_name="presences", verbose_name="短評"
    )
    seen_at = models.DateTimeField("最後活動")

    class Meta:
        verbose_name = verbose_name_plural = "在線編輯"
        constraints = [models.UniqueConstraint(fields=["user", "entry"], name="one_presence")]

    def __str__(self) -> str:
        return f"{self.user} {self.seen_at:%H:%M}"
