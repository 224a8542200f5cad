from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self

from django.db import models, transaction
from django.db.models import Count, Q
from django.urls import reverse
from django.utils.text import slugify
from taggit.managers import _TaggableManager
from taggit.models import ItemBase, TagBase

from briefings.models.states import Audience, State, is_open_to
from briefings.search.fold import fold


def fold_name(name: str) -> str:
    """The same for names that a reader takes for the same."""
    return "".join(fold(name).split())


class ThemeQuerySet(models.QuerySet["Theme"]):
    def known_as(self, name: str) -> "Theme | None":
        """The theme that has this name, or this alias, or had this name before it was renamed.

        Names count as readers see them, whatever the variants, case and width. Costs two or three
        queries: no database folds as we do, and themes are few.
        """
        wanted = fold_name(name)
        for theme_id, known in self.values_list("pk", "name"):
            if fold_name(known) == wanted:
                return self.get(pk=theme_id)
        for theme_id, known in ThemeAlias.objects.values_list("theme", "name"):
            if fold_name(known) == wanted:
                return self.filter(pk=theme_id).first()
        slug = slugify(name, allow_unicode=True)
        return self.filter(former_addresses__slug=slug).first() if slug else None

    def at_address(self, slug: str) -> "Theme | None":
        """The theme that is there, or was before it was renamed or merged."""
        there = self.filter(slug=slug).first()
        return there or self.filter(former_addresses__slug=slug).first()

    def hold(self, themes: "Iterable[Theme]") -> "list[Theme]":
        """These as they now are, locked before any row that links to them is touched: so does
        merging. One that was merged meanwhile gives way to what it was merged into; one that was
        deleted is left out.
        """
        asked = list(themes)
        rows = self.filter(pk__in=[theme.pk for theme in asked]).order_by("pk")
        # Weaker than what merging takes, so that others may still link to the same themes.
        held = {theme.pk: theme for theme in rows.select_for_update(no_key=True)}
        found = [held.get(theme.pk) or self.known_as(theme.name) for theme in asked]
        return list(dict.fromkeys(filter(None, found)))

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


class ThemesOfEntry(_TaggableManager):  # type: ignore[misc]  # untyped
    """Takes names too, as importing does; what is another name of a theme makes no new one."""

    def _to_tag_model_instances(self, tags: Any, tag_kwargs: Any) -> Any:
        known = [
            (Theme.objects.known_as(tag) or tag) if isinstance(tag, str) else tag for tag in tags
        ]
        return super()._to_tag_model_instances(known, tag_kwargs)

    def set(self, tags: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            themes = self._to_tag_model_instances(tags, kwargs.get("tag_kwargs", {}))
            super().set(Theme.objects.hold(themes), **kwargs)


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
