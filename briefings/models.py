from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Self

from django.db import models, transaction
from django.db.models import Count, F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from taggit.managers import TaggableManager
from taggit.models import ItemBase, TagBase

from briefings.fields import HTMLField
from briefings.html import to_text
from briefings.search.index import EntryText, index_entry, remove_entry


class Audience(models.TextChoices):
    """Who reads. The public sees less than members do."""

    PUBLIC = "public", "公開"
    MEMBERS = "members", "只限會員"


class State(models.TextChoices):
    """Where an edition or an entry stands; `briefings.publishing` has the ways between.

    draft → published → withdrawn → published
    """

    DRAFT = "draft", "草稿"
    PUBLISHED = "published", "已出版"
    WITHDRAWN = "withdrawn", "已撤回"


def is_open_to(audience: Audience, now: datetime | None = None, prefix: str = "") -> Q:
    """The rule of who may read an edition, as a condition on it or (with a prefix) its entries."""
    published = Q(**{f"{prefix}state": State.PUBLISHED})
    if audience == Audience.MEMBERS:
        return published
    open_now = Q(**{f"{prefix}audience": Audience.PUBLIC}) | Q(
        **{f"{prefix}public_from__lte": now or timezone.now()}
    )
    return published & open_now


def find_free_slug(model: type[models.Model], wanted: str, *, keep: int | None = None) -> str:
    """`wanted`, or `wanted-2`, `wanted-3`, … if another row than `keep` has it."""
    taken = set(
        model._default_manager.filter(slug__startswith=wanted)
        .exclude(pk=keep)
        .values_list("slug", flat=True)
    )
    slug, count = wanted, 1
    while slug in taken:
        count += 1
        slug = f"{wanted}-{count}"
    return slug


class Publishable(models.Model):
    """What `briefings.publishing` moves from state to state, at an address that readers keep."""

    slug: Any  # each has its own length
    state = models.CharField(
        "狀態", max_length=20, choices=State, default=State.DRAFT, editable=False, db_index=True
    )

    _choose_slug: Callable[[], str]
    # What nobody sets on an instance: publishing writes it by update(), and save() the slug.
    settled_fields: ClassVar[tuple[str, ...]] = ("state", "slug")

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            if not self._state.adding:
                # The instance may be older than its row: someone published while a form was being
                # sent. Saved as it is, it would make a draft again of what readers already see.
                rows = type(self)._default_manager.select_for_update()
                self.refresh_from_db(fields=self.settled_fields, from_queryset=rows)
            self.slug = self._choose_slug()
            super().save(*args, **kwargs)


class Publication(models.Model):
    """What the whole publication is called and says of itself; one row."""

    name = models.CharField("刊名", max_length=60, default="政策短評")
    tagline = models.CharField("簡介", max_length=120, blank=True)
    organisation = models.CharField("機構", max_length=60, default="香港中華廠商聯合會")
    department = models.CharField("部門", max_length=60, default="政策研究部")
    address = models.CharField("通訊地址", max_length=200, blank=True)
    sender_email = models.EmailField("寄件電郵", default="research@cma.org.hk")
    reply_to = models.EmailField("回覆電郵", blank=True)
    about = HTMLField("關於我們", blank=True)
    privacy = HTMLField("私隱政策", blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "刊物資料"

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.pk = 1
        super().save(*args, **kwargs)

    @classmethod
    def load(cls) -> "Publication":
        """The publication; with nothing stored yet, one with the default names."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)


class Imprint(models.Model):
    """The department's footer, in the wording for members and in the one for the public."""

    name = models.CharField(
        "名稱", max_length=60, unique=True, help_text="只供編輯辨認，不會印出。"
    )
    internal_notice = models.TextField("說明（內部）", help_text="只供會員閱讀的期數和草稿使用。")
    public_notice = models.TextField("說明（公開）", help_text="公開的期數使用。")
    telephone = models.CharField("電話", max_length=30)
    fax = models.CharField("傳真", max_length=30, blank=True)
    email = models.EmailField("電郵")
    is_default = models.BooleanField("預設", default=False, help_text="新一期自動採用。")

    class Meta:
        verbose_name = verbose_name_plural = "頁尾資料"
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="one_default_imprint",
                violation_error_message="已有另一份預設的頁尾資料，請先取消它。",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def default(cls) -> "Imprint":
        return cls.objects.get(is_default=True)


class ThemeQuerySet(models.QuerySet["Theme"]):
    def visible_to(self, audience: Audience, now: datetime | None = None) -> Self:
        """Themes with something to read in them; each with `entry_count`."""
        may_be_read = Q(themed_entries__content_object__in=Entry.objects.visible_to(audience, now))
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


class EditionQuerySet(models.QuerySet["Edition"]):
    def visible_to(self, audience: Audience, now: datetime | None = None) -> Self:
        return self.filter(is_open_to(audience, now))

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
            )
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
    def label(self) -> str:
        return f"第{self.number}期" if self.number else "未編號"

    @property
    def is_published(self) -> bool:
        return self.state == State.PUBLISHED

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


class EntryQuerySet(models.QuerySet["Entry"]):
    def visible_to(self, audience: Audience, now: datetime | None = None) -> Self:
        return self.filter(is_open_to(audience, now, "edition__"), state=State.PUBLISHED)

    def newest_first(self) -> Self:
        number = F("edition__number").desc(nulls_last=True)
        return self.order_by("-edition__date", number, "-edition_id", "position", "-pk")

    def oldest_first(self) -> Self:
        """The editions turned round; within one the entries keep their order."""
        number = F("edition__number").asc(nulls_first=True)
        return self.order_by("edition__date", number, "edition_id", "position", "pk")

    def refresh_index(self) -> None:
        """Have the index say of these entries what their rows say.

        The rows are locked, so that nobody's newer text is overwritten by the one read here.
        """
        with transaction.atomic():
            for entry in self.order_by("pk").select_for_update():
                if entry.state == State.PUBLISHED:
                    index_entry(entry.pk, entry.indexed_text)
                else:
                    remove_entry(entry.pk)

    def delete(self) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            for entry_id in self.values_list("pk", flat=True):
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
    themes = TaggableManager(through=ThemedEntry, verbose_name="政策主題", blank=True, help_text="")
    edition = models.ForeignKey(
        Edition,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="entries",
        verbose_name="期",
    )
    position = models.PositiveIntegerField("次序", default=0)
    created_at = models.DateTimeField("建立時間", auto_now_add=True)
    updated_at = models.DateTimeField("更新時間", auto_now=True)

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "短評"
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.headline

    def save(self, *args: Any, **kwargs: Any) -> None:
        # The index changes with the row or not at all.
        with transaction.atomic():
            super().save(*args, **kwargs)
            Entry.objects.filter(pk=self.pk).refresh_index()

    def get_absolute_url(self) -> str:
        return reverse("briefings:entry_detail", args=[self.slug])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            remove_entry(self.pk)
            return super().delete(*args, **kwargs)

    @property
    def indexed_text(self) -> EntryText:
        return EntryText(headline=self.headline, lead=self.lead, body=to_text(self.body))

    def _choose_slug(self) -> str:
        """The headline's, until readers have seen the address."""
        if self.slug and self.state != State.DRAFT:
            return self.slug
        wanted = slugify(self.headline, allow_unicode=True)[:120] or "entry"
        return find_free_slug(Entry, wanted, keep=self.pk)
