from typing import Any

from django.db import models

from briefings.search.fold import fold


class SearchMiss(models.Model):
    """What readers looked for and did not find: how often, and never who."""

    text = models.CharField("搜尋字詞", max_length=60)  # as the first of them typed it
    # By which the same word in other characters, or another script, counts as the same.
    folded = models.CharField(max_length=60, unique=True, editable=False)
    count = models.PositiveIntegerField("次數", default=0)
    last_day = models.DateField("最近一次")

    class Meta:
        verbose_name = verbose_name_plural = "找不到的搜尋"
        ordering = ["-count", "text"]

    def __str__(self) -> str:
        return self.text

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.folded = fold(self.text)
        super().save(*args, **kwargs)
