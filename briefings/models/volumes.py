"""Bound volumes: what came out over a time or on a theme, in one book."""

from typing import Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse

from briefings.models.editions import Edition
from briefings.models.entries import Entry
from briefings.models.states import Audience
from briefings.models.themes import ThemedEntry

_IS_A_YEAR = [MinValueValidator(1900), MaxValueValidator(2200)]


class VolumeQuerySet(models.QuerySet["Volume"]):
    def open_to_readers(self) -> Self:
        """Made public, and with something in it."""
        entries = Entry.objects.visible_to(Audience.PUBLIC).filter(
            edition__date__year__gte=OuterRef("first_year"),
            edition__date__year__lte=OuterRef("last_year"),
        )
        on_theme = ThemedEntry.objects.filter(content_object=OuterRef("pk"))
        themed = entries.filter(Exists(on_theme.filter(tag=OuterRef(OuterRef("theme")))))
        return self.filter(Q(Exists(entries), theme=None) | Exists(themed), is_public=True)


class Volume(models.Model):
    """A year, or a theme over years. What is in it is looked up whenever it is printed."""

    title = models.CharField("書名", max_length=100, help_text="例如「2026年合訂本」。")
    slug = models.SlugField(
        "網址", max_length=100, unique=True, allow_unicode=True, help_text="例如 2026。"
    )
    first_year = models.PositiveSmallIntegerField("由", validators=_IS_A_YEAR)
    last_year = models.PositiveSmallIntegerField("至", validators=_IS_A_YEAR)
    theme = models.ForeignKey(
        "briefings.Theme",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="volumes",
        verbose_name="政策主題",
        help_text="只收這個主題的短評；留空即全部。",
    )
    preface = models.TextField("前言", blank=True, help_text="純文字，印在目錄之前。")
    phrases = models.TextField(
        "索引字詞", blank=True, help_text="一行一個，書末列明各見於哪些頁。例如「新質生產力」。"
    )
    updated_at = models.DateTimeField("更新時間", auto_now=True)
    is_public = models.BooleanField(
        "公開", default=False, help_text="剔選後，任何人均可在網站下載。"
    )

    objects = VolumeQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "合訂本"
        ordering = ["-last_year", "title"]
        constraints = [
            models.CheckConstraint(
                name="volume_years_in_order",
                condition=Q(first_year__lte=F("last_year")),
                violation_error_message="「由」不能遲於「至」。",
            )
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("briefings:volume_pdf", args=[self.slug])

    def clean(self) -> None:
        if len(self.list_phrases()) > 100:
            raise ValidationError({"phrases": "索引字詞最多一百個。"})

    @property
    def years(self) -> str:
        if self.first_year == self.last_year:
            return f"{self.first_year}年"
        return f"{self.first_year}年至{self.last_year}年"

    def list_phrases(self) -> list[str]:
        """Each once, in the editor's order."""
        lines = (line.strip() for line in self.phrases.splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def list_entries(self) -> models.QuerySet[Entry]:
        """What everybody may read, in the order of editions: a volume is handed on."""
        entries = Entry.objects.visible_to(Audience.PUBLIC).filter(
            edition__date__year__gte=self.first_year, edition__date__year__lte=self.last_year
        )
        if self.theme_id:
            entries = entries.filter(themed_entries__tag=self.theme_id)
        return entries.order_by("edition__date", "edition__number", "edition", "position", "pk")

    def list_editions(self) -> list[Edition]:
        numbers = self.list_entries().values("edition")
        return list(Edition.objects.filter(pk__in=numbers).order_by("date", "number", "pk"))
