from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from briefings.search.tokens import split_runs


class PinnedPhrase(models.Model):
    """A phrase whose history editors show readers the way to."""

    text = models.CharField("提法", max_length=40, help_text="例如「新質生產力」。")
    # What search takes for the same: whatever the script, the width or the punctuation.
    folded = models.CharField(max_length=80, unique=True, editable=False)
    note = models.CharField(
        "說明", max_length=200, blank=True, help_text="讀者會看到，例如由誰在何時提出。"
    )
    position = models.PositiveIntegerField("次序", default=0, help_text="小的在前。")

    class Meta:
        verbose_name = verbose_name_plural = "常看的提法"
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.text

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.folded = _fold_phrase(self.text)
        super().save(*args, **kwargs)

    def clean(self) -> None:
        self.text = " ".join(self.text.split())
        folded = _fold_phrase(self.text)
        if not folded:
            raise ValidationError({"text": "須有文字或數字。"})
        same = PinnedPhrase.objects.filter(folded=folded).exclude(pk=self.pk).first()
        if same:
            raise ValidationError(
                {"text": f"已有「{same}」，與這個提法相同（不分繁簡、大小寫和標點）。"}
            )


def _fold_phrase(text: str) -> str:
    return " ".join(split_runs(text))
