from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils.text import slugify
from taggit.managers import TaggableManager

from briefings.fields import HTMLField
from briefings.html import to_text
from briefings.models.bylines import Author, Byline
from briefings.models.editions import Edition
from briefings.models.entry_links import EntryLink
from briefings.models.states import (
    CAME_OUT,
    Audience,
    Publishable,
    State,
    find_free_slug,
    is_open_to,
    was_open_to_public,
)
from briefings.models.themes import ThemedEntry, ThemesOfEntry
from briefings.search.index import EntryText, index_entry, remove_entry


class EntryQuerySet(models.QuerySet["Entry"]):
    def visible_to(self, audience: Audience, now: datetime | None = None) -> Self:
        return self.filter(is_open_to(audience, now, "edition__"), state=State.PUBLISHED)

    def taken_from_public(self) -> Self:
        """Withdrawn after the public could read them: by themselves, or with their edition."""
        alone = Q(withdrawn_at__isnull=False, edition__published_at__isnull=False)
        alone &= was_open_to_public(F("withdrawn_at"), "edition__")
        with_edition = Q(withdrawn_at=None, edition__in=Edition.objects.taken_from_public())
        return self.filter(alone | with_edition, state=State.WITHDRAWN)

    def newest_first(self) -> Self:
        number = F("edition__number").desc(nulls_last=True)
        return self.order_by("-edition__date", number, "-edition_id", "position", "-pk")

    def oldest_first(self) -> Self:
        """The editions turned round; within one the entries keep their order."""
        number = F("edition__number").asc(nulls_first=True)
        return self.order_by("edition__date", number, "edition_id", "position", "pk")

    def refresh_index(self) -> None:
        """Have the index, and the links between entries, say of these what their rows say.

        The rows are locked, so that nobody's newer text is overwritten by the one read here.
        """
        with transaction.atomic():
            bodies = {}
            for entry in self.order_by("pk").select_for_update():
                index_entry(entry.pk, entry.indexed_text)
                bodies[entry.pk] = entry.body
            EntryLink.objects.keep(bodies)

    def delete(self) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            # The rows first, then what the index has of them, as saving does.
            for entry_id in self.order_by("pk").select_for_update().values_list("pk", flat=True):
                remove_entry(entry_id)
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def backlog(self) -> Self:
        """Entries that wait for an edition."""
        return self.filter(edition=None)


class Entry(Publishable):  # type: ignore[django-manager-missing]  # taggit has no types
    """One commentary. It is read as part of an edition, or waits for one in the backlog."""

    headline = models.CharField("標題", max_length=120)
    slug = models.SlugField(
        "網址", max_length=140, unique=True, allow_unicode=True, blank=True, editable=False
    )
    lead = models.TextField("導言", blank=True, help_text="發生了甚麼事；純文字，可分段。")
    body = HTMLField("短評", blank=True)
    themes = TaggableManager(
        through=ThemedEntry,
        manager=ThemesOfEntry,
        # Without it those of many entries come as the database likes, and a PDF's bytes with them.
        ordering=["name"],
        verbose_name="政策主題",
        blank=True,
        help_text="",
    )
    edition = models.ForeignKey(
        Edition,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="entries",
        verbose_name="期",
    )
    position = models.PositiveIntegerField("次序", default=0)
    authors = models.ManyToManyField(
        Author, through=Byline, related_name="entries", verbose_name="作者", blank=True
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name="撰稿人",
    )
    # Counted up by every save of more than the place within an edition: a form that was opened
    # on an older one is out of date.
    version = models.PositiveIntegerField("版本", default=0, editable=False)
    created_at = models.DateTimeField("建立時間", auto_now_add=True)
    updated_at = models.DateTimeField("更新時間", auto_now=True)

    settled_fields = (*Publishable.settled_fields, "version")

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "短評"
        ordering = ["position", "pk"]
        permissions = [
            ("write_entry", "可以撰寫自己的短評和送審"),
            ("approve_entry", "可以審批短評"),
            ("correct_entry", "可以更正和撤回已出版的短評"),
        ]

    def __str__(self) -> str:
        return self.headline

    def save(self, *args: Any, **kwargs: Any) -> None:
        is_only_moved = set(kwargs.get("update_fields") or ["all"]) <= {"position"}
        # The index changes with the row or not at all.
        with transaction.atomic():
            super().save(*args, **kwargs)
            if is_only_moved:
                return
            row = Entry.objects.filter(pk=self.pk)
            row.update(version=F("version") + 1)
            self.version += 1  # save() had read it from the locked row
            row.refresh_index()

    def get_absolute_url(self) -> str:
        return reverse("briefings:entry_detail", args=[self.slug])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            list(Entry.objects.select_for_update().filter(pk=self.pk).values_list("pk"))
            remove_entry(self.pk)
            return super().delete(*args, **kwargs)

    @property
    def length(self) -> int:
        """Characters of lead and commentary, punctuation included and spaces not."""
        return len("".join(f"{self.lead}{to_text(self.body)}".split()))

    @property
    def indexed_text(self) -> EntryText:
        return EntryText(headline=self.headline, lead=self.lead, body=to_text(self.body))

    def _choose_slug(self) -> str:
        """The headline's, until readers have seen the address."""
        if self.slug and self.state in CAME_OUT:
            return self.slug
        wanted = slugify(self.headline, allow_unicode=True)[:120] or "entry"
        return find_free_slug(Entry, wanted, keep=self.pk)
