from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Count, Q
from django.urls import reverse
from taggit.models import ItemBase, TagBase

from briefings.models.states import Audience, State, is_open_to


class ThemeQuerySet(models.QuerySet["Theme"]):
    def visible_to(self, audience: Audience, now: datetime | None = None) -> Self:
        """Themes with something to read in them; each with `entry_count`."""
        entry = "themed_entries__content_object__"
        may_be_read = is_open_to(audience, now, f"{entry}edition__") & Q(
            **{f"{entry}state": State.PUBLISHED}
        )
        counted = self.annotate(entry_count=Count("themed_entries", filter=may_be_read))
        return counted.filter(entry_count__gt=0)


class Theme(TagBase):
    name: str  # TagBase's column, which mypy can't see
    description = models.TextField("說明", blank=True)

    objects = ThemeQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "政策主題"
        ordering = ["name"]

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name = " ".join(self.name.split())
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("briefings:theme_detail", args=[self.slug])


class ThemedEntry(ItemBase):
    content_object = models.ForeignKey(
        "Entry", on_delete=models.CASCADE, related_name="themed_entries", verbose_name="短評"
    )
    tag = models.ForeignKey(
        Theme, on_delete=models.CASCADE, related_name="themed_entries", verbose_name="政策主題"
    )

    class Meta:
        verbose_name = verbose_name_plural = "短評的政策主題"
        constraints = [
            models.UniqueConstraint(fields=["content_object", "tag"], name="one_theme_once")
        ]


class ThemeAlias(models.Model):
    """Another name that readers and editors look for a theme by."""

    theme = models.ForeignKey(
        Theme, on_delete=models.CASCADE, related_name="aliases", verbose_name="政策主題"
    )
    name = models.CharField(
        "別稱", max_length=100, unique=True, error_messages={"unique": "已有這個別稱。"}
    )

    class Meta:
        verbose_name = verbose_name_plural = "別稱"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class FormerThemeAddress(models.Model):
    """Where a theme was before it was renamed or merged; readers are sent on from there."""

    slug = models.SlugField("舊網址", max_length=100, unique=True, allow_unicode=True)
    theme = models.ForeignKey(
        Theme, on_delete=models.CASCADE, related_name="former_addresses", verbose_name="政策主題"
    )

    class Meta:
        verbose_name = verbose_name_plural = "主題舊網址"

    def __str__(self) -> str:
        return self.slug
