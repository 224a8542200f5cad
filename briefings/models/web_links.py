from django.db import models


class WebLink(models.Model):
    """An address that texts link to, and whether anything answered there."""

    url = models.URLField("網址", max_length=500, unique=True)
    fault = models.CharField("問題", max_length=200, blank=True)  # empty: it answers
    checked_at = models.DateTimeField("檢查時間", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "連結"

    def __str__(self) -> str:
        return self.url
