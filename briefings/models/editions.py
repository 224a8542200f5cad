from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, override

from briefings.models.publication import Imprint
from briefings.models.states import (
    Audience,
    Publishable,
    State,
    find_free_slug,
    is_open_to,
    was_open_to_public,
)

# Readers hold its number, date and order, or are about to.
LOCKED = (State.SCHEDULED, State.PUBLISHED)


class EditionQuerySet(models.QuerySet["Edition"]):
    def visible_to(self, audience: Audience, now: datetime | None = None) -> Self:
        return self.filter(is_open_to(audience, now))

    def taken_from_public(self) -> Self:
        """Withdrawn after the public could read them."""
        withdrawn = self.filter(state=State.WITHDRAWN, withdrawn_at__isnull=False)
        return withdrawn.filter(was_open_to_public(F("withdrawn_at")))

    def open(self) -> Self:
        """Those whose number, date and entries may still change."""
        return self.exclude(state__in=LOCKED)

    def newest_first(self) -> Self:
        """Of one day the highest number first; the databases disagree on where none belongs."""
        return self.order_by("-date", F("number").desc(nulls_last=True), "-pk")


class Edition(Publishable):
    """A dated, numbered issue of entries in order.

    Members-first is `audience` members with `public_from` set; members-only is without it.
    """

    number = models.PositiveIntegerField(
        "期號",
        null=True,
        blank=True,
        unique=True,
        error_messages={"unique": "已有這個期號。"},
    )
    date = models.DateField("日期", null=True, blank=True)
    slug = models.SlugField(
        "網址", max_length=80, unique=True, allow_unicode=True, blank=True, editable=False
    )
    audience = models.CharField("讀者", max_length=20, choices=Audience, blank=True, editable=False)
    public_from = models.DateTimeField("公開時間", null=True, blank=True, editable=False)
    published_at = models.DateTimeField("出版時間", null=True, blank=True, editable=False)
    scheduled_for = models.DateTimeField("排程時間", null=True, blank=True, editable=False)
    scheduled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name="排程者",
    )
    # The names of the PublishOptions (`briefings.hooks`) that were ticked.
    # Those already carried out are taken away.
    scheduled_options = models.JSONField("排程選項", default=list, blank=True, editable=False)
    # What came of the schedule, for editors to read; of a draft, why it was not published.
    schedule_note = models.TextField("排程的結果", blank=True, editable=False)
    imprint = models.ForeignKey(
        Imprint,
        on_delete=models.PROTECT,
        blank=True,
        verbose_name="頁尾資料",
        help_text="留空即採用預設的一份。出版時定稿，其後修改頁尾資料不影響本期。",
    )
    frozen_imprint = models.JSONField("出版時的頁尾資料", null=True, blank=True, editable=False)
    source_hash = models.CharField(
        "匯入文字的雜湊值", max_length=64, blank=True, editable=False, db_index=True
    )
    created_at = models.DateTimeField("建立時間", auto_now_add=True)
    updated_at = models.DateTimeField("更新時間", auto_now=True)

    settled_fields = (
        *Publishable.settled_fields,
        *("audience", "public_from", "published_at", "frozen_imprint"),
        *("scheduled_for", "scheduled_by", "scheduled_options", "schedule_note"),
    )

    objects = EditionQuerySet.as_manager()

    class Meta:
        verbose_name = "一期"
        verbose_name_plural = "各期"
        ordering = ["-date", "-number", "-pk"]
        permissions = [("publish_edition", "可以出版和撤回一期")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state=State.PUBLISHED)
                | Q(date__isnull=False, published_at__isnull=False, audience__in=Audience.values),
                name="published_edition_is_complete",
            ),
            models.UniqueConstraint(
                fields=["source_hash"],
                condition=~Q(source_hash=""),
                name="one_edition_of_a_text",
            ),
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, [self.label, f"{self.date:%Y-%m-%d}" if self.date else ""]))

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.imprint_id is None:
            self.imprint = Imprint.default()
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("briefings:edition_detail", args=[self.slug])

    @property
    def chinese_label(self) -> str:
        """For data, which is Chinese whatever the language of the page."""
        with override("zh-hant"):
            return self.label

    @property
    def label(self) -> str:
        if not self.number:
            return gettext("未編號")
        return gettext("第%(number)s期") % {"number": self.number}

    @property
    def is_locked(self) -> bool:
        return self.state in LOCKED

    @property
    def is_published(self) -> bool:
        return self.state == State.PUBLISHED

    @property
    def opened_at(self) -> datetime | None:
        """When the public could first read it, or will; None if it never could."""
        if self.published_at is None or (self.audience != Audience.PUBLIC and not self.public_from):
            return None
        return max(self.published_at, self.public_from or self.published_at)

    @property
    def is_for_members(self) -> bool:
        """Published, and not (yet) for everybody: what `is_open_to()` asks, of a row at hand."""
        is_open = self.audience == Audience.PUBLIC or (
            self.public_from is not None and self.public_from <= timezone.now()
        )
        return self.is_published and not is_open

    def is_visible_to(self, audience: Audience, now: datetime | None = None) -> bool:
        return Edition.objects.visible_to(audience, now).filter(pk=self.pk).exists()

    def _choose_slug(self) -> str:
        """The date once there is one; a published edition never moves."""
        if self.slug and (self.published_at or not self.date):
            return self.slug
        wanted = self.date.isoformat() if self.date else f"draft-{self.source_hash[:8] or 'new'}"
        if self.slug == wanted or self.slug.startswith(f"{wanted}-"):
            return self.slug
        return find_free_slug(Edition, wanted, keep=self.pk)
