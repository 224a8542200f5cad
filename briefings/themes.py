"""Renaming and merging themes, with nothing lost of what readers and members hold."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils.text import slugify

from briefings.hooks import ThemeChoosers, theme_choosers
from briefings.models import (
    FormerThemeAddress,
    Theme,
    ThemeAlias,
    ThemedEntry,
    Volume,
    find_free_slug,
)
from briefings.models.themes import fold_name


def describe_name_taken(name: str, *, by_other_than: Theme | None = None) -> str:
    """Which theme has, or had, or goes also by this name, in plain words; empty if none."""
    others = Theme.objects.exclude(pk=by_other_than.pk if by_other_than else None)
    owner = others.known_as(name)
    if owner is None:
        return ""
    if fold_name(owner.name) == fold_name(name):
        return f"已有主題「{owner}」。"
    aliases = owner.aliases.values_list("name", flat=True)
    alias = next((known for known in aliases if fold_name(known) == fold_name(name)), None)
    if alias:
        return f"已有主題「{owner}」，「{alias}」是它的別稱。"
    return f"已有主題「{owner}」，「{name}」是它以前的名稱。"


def rename_theme(theme: Theme, name: str, *, keep_as_alias: bool) -> None:
    """The new name, at a new address; readers are sent on from the old one."""
    with transaction.atomic():
        row = Theme.objects.select_for_update().get(pk=theme.pk)
        theme.name = name
        theme.slug = _choose_slug(row, name)
        theme.save()
        if theme.slug != row.slug:
            _leave_address(row.slug, theme)
        _drop_alias(name, theme)
        if keep_as_alias:
            _keep_name(row.name, theme)


def set_aliases(theme: Theme, names: Iterable[str]) -> None:
    """These and no others. Callers have seen to it that nothing else is called so."""
    wanted = {fold_name(name): name for name in names}
    with transaction.atomic():
        for alias in theme.aliases.all():
            if wanted.get(fold_name(alias.name)) == alias.name:
                del wanted[fold_name(alias.name)]
            else:
                alias.delete()
        for name in wanted.values():
            ThemeAlias.objects.create(theme=theme, name=name)


def _choose_slug(theme: Theme, name: str) -> str:
    """Nobody's present or former address; the theme's own former one it may have again."""
    wanted = slugify(name, allow_unicode=True)[:90]
    if theme.slug == wanted:
        return wanted
    if FormerThemeAddress.objects.filter(slug=wanted).exclude(theme=theme).exists():
        wanted = f"{wanted}-2"
    return find_free_slug(Theme, wanted, keep=theme.pk)


def _leave_address(slug: str, theme: Theme) -> None:
    FormerThemeAddress.objects.filter(slug=theme.slug).delete()
    FormerThemeAddress.objects.update_or_create(slug=slug, defaults={"theme": theme})


@dataclass(frozen=True)
class Merge:
    """What merging will change, counted before anybody says yes to it."""

    into: Theme
    merged: tuple[Theme, ...]
    entries: int  # that get another theme
    already: int  # of them, those that had both

    @property
    def aliases(self) -> list[str]:
        """What the theme will also be found by."""
        return [theme.name for theme in self.merged]


def plan_merge(into: Theme, others: Iterable[Theme]) -> Merge:
    merged = tuple(theme for theme in others if theme != into)
    moved = ThemedEntry.objects.filter(tag__in=merged).values("content_object").distinct()
    already = moved.filter(content_object__themed_entries__tag=into)
    return Merge(into, merged, entries=moved.count(), already=already.count())


def merge_themes(into: Theme, others: Collection[int]) -> list[Theme]:
    """Make one theme of several, and return those that are no more.

    Entries, volumes, aliases, addresses and what members chose go over to `into`, and the names
    become aliases of it; digests that were sent stay as they were. Merging again what was merged
    changes nothing. Raises Theme.DoesNotExist if `into` is gone.
    """
    with transaction.atomic():
        # Locked, so that whoever gives one of them to an entry or a member just now waits.
        wanted = Theme.objects.select_for_update().filter(pk__in=[into.pk, *others])
        found = {theme.pk: theme for theme in wanted.order_by("pk")}
        if into.pk not in found:
            raise Theme.DoesNotExist
        survivor = found.pop(into.pk)
        merged = list(found.values())
        _move_entries(merged, survivor)
        Volume.objects.filter(theme__in=merged).update(theme=survivor)
        for choosers in theme_choosers:
            choosers.move([theme.pk for theme in merged], survivor.pk)
        for theme in merged:
            theme.aliases.update(theme=survivor)
            theme.former_addresses.update(theme=survivor)
            name, slug = theme.name, theme.slug
            Theme.objects.filter(pk=theme.pk).delete()
            _keep_name(name, survivor)
            _leave_address(slug, survivor)
    return merged


def _move_entries(merged: list[Theme], survivor: Theme) -> None:
    for theme in merged:
        rows = ThemedEntry.objects.filter(tag=theme)
        have_it = ThemedEntry.objects.filter(tag=survivor).values("content_object")
        rows.exclude(content_object__in=have_it).update(tag=survivor)
        rows.delete()


def _drop_alias(name: str, theme: Theme) -> None:
    """It is the theme's own name now."""
    for alias in theme.aliases.all():
        if fold_name(alias.name) == fold_name(name):
            alias.delete()


def _keep_name(name: str, theme: Theme) -> None:
    """As an alias, unless the theme is found by it anyhow."""
    known = [theme.name, *theme.aliases.values_list("name", flat=True)]
    if fold_name(name) not in map(fold_name, known):
        ThemeAlias.objects.create(theme=theme, name=name)


def count_choosers(themes: Iterable[Theme]) -> list[tuple[ThemeChoosers, int]]:
    """Who outside the archive chose any of these themes, and how many they are."""
    ids = [theme.pk for theme in themes]
    return [(choosers, choosers.count(ids)) for choosers in theme_choosers]
