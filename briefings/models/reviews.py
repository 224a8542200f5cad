"""What is said of an entry's text before it is published, and put right afterwards."""

from django.conf import settings
from django.db import models


class ReviewNote(models.Model):
    """A remark beside the text, until it is settled."""

    entry = models.ForeignKey(
        "briefings.Entry",
        on_delete=models.CASCADE,
        related_name="review_notes",
        verbose_name="短評",
    )
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="提出者",
    )
    quote = models.CharField("所指文字", max_length=200, blank=True)
    text = models.TextField("意見")
    written_at = models.DateTimeField("提出時間", auto_now_add=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="處理者",
    )
    settled_at = models.DateTimeField("處理時間", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "審閱意見"
        ordering = ["written_at", "pk"]

    def __str__(self) -> str:
        return self.text[:40]


class Correction(models.Model):
    """A change of what readers had already read, with its reason, as all of them are shown it.

    `before` and `after` are texts as `briefings.corrections.describe_text` gives them, with the
    body's `blocks`.
    """

    entry = models.ForeignKey(
        "briefings.Entry",
        on_delete=models.CASCADE,
        related_name="corrections",
        verbose_name="短評",
    )
    note = models.TextField("更正說明")
    made_at = models.DateTimeField("更正時間")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="更正者",
    )
    before = models.JSONField("更正前")
    after = models.JSONField("更正後")
    # Whether the public had read what was replaced: then it stays to be looked up.
    was_public = models.BooleanField("更正前曾公開", default=False, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "更正"
        ordering = ["made_at", "pk"]

    def __str__(self) -> str:
        return self.note[:40]
