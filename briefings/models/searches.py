from django.db import models


class SearchMiss(models.Model):
    """What readers looked for and did not find: how often, and never who."""

    text = models.CharField("搜尋字詞", max_length=60, unique=True)  # folded
    count = models.PositiveIntegerField("次數", default=0)
    last_day = models.DateField("最近一次")

    class Meta:
        verbose_name = verbose_name_plural = "找不到的搜尋"
        ordering = ["-count", "text"]

    def __str__(self) -> str:
        return self.text
