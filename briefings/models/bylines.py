"""Who wrote an entry, and what it draws on."""

from django.db import models


class Author(models.Model):
    """A name that stands under entries; need not have an account."""

    name = models.CharField("姓名", max_length=60)
    post = models.CharField("職銜", max_length=80, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "作者"
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["name", "post"],
                name="one_author_once",
                violation_error_message="已有這位作者。",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}（{self.post}）" if self.post else self.name


class BylineManager(models.Manager["Byline"]):
    """With their authors: nothing shows the one without the other."""

    def get_queryset(self) -> models.QuerySet["Byline"]:
        return super().get_queryset().select_related("author")


class Byline(models.Model):
    """One author of one entry, in their order."""

    entry = models.ForeignKey(
        "briefings.Entry", on_delete=models.CASCADE, related_name="bylines", verbose_name="短評"
    )
    author = models.ForeignKey(
        Author, on_delete=models.PROTECT, related_name="bylines", verbose_name="作者"
    )
    position = models.PositiveIntegerField("次序", default=0)

    objects = BylineManager()

    class Meta:
        verbose_name = verbose_name_plural = "作者"
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["entry", "author"],
                name="one_byline_an_author",
                violation_error_message="同一位作者只列一次。",
            )
        ]

    def __str__(self) -> str:
        return str(self.author)


class Source(models.Model):
    """Something an entry draws on."""

    entry = models.ForeignKey(
        "briefings.Entry", on_delete=models.CASCADE, related_name="sources", verbose_name="短評"
    )
    title = models.CharField("題目", max_length=200)
    publisher = models.CharField("出版者", max_length=100, blank=True)
    url = models.URLField("網址", max_length=500, blank=True)
    published_on = models.DateField("日期", null=True, blank=True)
    position = models.PositiveIntegerField("次序", default=0)

    class Meta:
        verbose_name = verbose_name_plural = "資料來源"
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.title
