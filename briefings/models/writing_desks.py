"""Who is at an entry, and what they have typed but not saved."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Autosave(models.Model):
    """The fields of a form as they last stood in somebody's browser; gone once it is saved.

    One for each form, not for each entry: a form that was opened anew, or in a second tab, must
    not write over what another still offers.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name="用戶"
    )
    entry = models.ForeignKey(
        "briefings.Entry",
        on_delete=models.SET_NULL,  # what was written for a deleted entry can become a new one
        null=True,
        blank=True,
        related_name="autosaves",
        verbose_name="短評",
    )
    form_id = models.CharField("表格編號", max_length=40)  # what the form calls itself
    fields = models.JSONField("內容")
    based_on = models.PositiveIntegerField("所據版本", default=0)  # Entry.version
    saved_at = models.DateTimeField("儲存時間")

    class Meta:
        verbose_name = verbose_name_plural = "自動儲存"
        constraints = [
            models.UniqueConstraint(fields=["user", "form_id"], name="one_autosave_a_form"),
        ]

    def __str__(self) -> str:
        return f"{self.user} {timezone.localtime(self.saved_at):%Y-%m-%d %H:%M}"


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
        return f"{self.user} {timezone.localtime(self.seen_at):%H:%M}"
