from django.db import models


class GlossaryTerm(models.Model):
    """The name of a body, a law or a programme as the department writes it.

    The house style check goes by it, and the search, which takes all its wordings for one.
    """

    class Kind(models.TextChoices):
        BODY = "body", "機構"
        LAW = "law", "法例"
        PROGRAMME = "programme", "政策計劃"
        OTHER = "other", "其他"

    name = models.CharField(
        "正式名稱", max_length=80, unique=True, error_messages={"unique": "詞彙表已有這個名稱。"}
    )
    kind = models.CharField("類別", max_length=20, choices=Kind, default=Kind.BODY)
    note = models.CharField("備註", max_length=200, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "詞彙"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Wording(models.Model):
    """Another way to write a term: short, in English, or wrong."""

    term = models.ForeignKey(
        GlossaryTerm, on_delete=models.CASCADE, related_name="wordings", verbose_name="詞彙"
    )
    text = models.CharField(
        "寫法", max_length=80, unique=True, error_messages={"unique": "詞彙表已有這個寫法。"}
    )
    is_discouraged = models.BooleanField(
        "不宜使用", default=False, help_text="文風檢查會建議改用正式名稱。"
    )

    class Meta:
        verbose_name = verbose_name_plural = "其他寫法"
        ordering = ["text"]

    def __str__(self) -> str:
        return self.text
