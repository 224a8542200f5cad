"""Who may read, and where an edition or an entry stands."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.utils import timezone


class Audience(models.TextChoices):
    """Who reads. The public sees less than members do."""

    PUBLIC = "public", "公開"
    MEMBERS = "members", "只限會員"


class State(models.TextChoices):
    """Where an edition or an entry stands; `briefings.publishing` has the ways between.

    An entry: draft → in review → approved → scheduled → published → withdrawn; from review,
    approval and schedule also back. An edition: draft → scheduled → published → withdrawn.
    Corrected is no state: a corrected entry is published, and has a `Correction`.
    """

    DRAFT = "draft", "草稿"
    IN_REVIEW = "in_review", "待審"
    APPROVED = "approved", "已審批"
    SCHEDULED = "scheduled", "已排程"
    PUBLISHED = "published", "已出版"
    WITHDRAWN = "withdrawn", "已撤回"


# What readers have had before them, and may have again: its address and its words are known.
CAME_OUT = (State.PUBLISHED, State.WITHDRAWN)


def is_open_to(audience: Audience, now: datetime | None = None, prefix: str = "") -> Q:
    """The rule of who may read an edition, as a condition on it or (with a prefix) its entries."""
    published = Q(**{f"{prefix}state": State.PUBLISHED})
    if audience == Audience.MEMBERS:
        return published
    open_now = Q(**{f"{prefix}audience": Audience.PUBLIC}) | Q(
        **{f"{prefix}public_from__lte": now or timezone.now()}
    )
    return published & open_now


def was_open_to_public(moment: F, prefix: str = "") -> Q:
    """Whether the public could read an edition when it, or an entry of it, was withdrawn."""
    return Q(**{f"{prefix}audience": Audience.PUBLIC}) | Q(**{f"{prefix}public_from__lte": moment})


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


def is_slug_taken(model: type[models.Model], slug: str, *, keep: int | None = None) -> bool:
    """By another row than `keep`."""
    return model._default_manager.filter(slug=slug).exclude(pk=keep).exists()


class Publishable(models.Model):
    """What `briefings.publishing` moves from state to state, at an address that readers keep."""

    slug: Any  # each has its own length
    state = models.CharField(
        "狀態", max_length=20, choices=State, default=State.DRAFT, editable=False, db_index=True
    )
    withdrawn_at = models.DateTimeField("撤回時間", null=True, blank=True, editable=False)
    withdrawal_note = models.TextField("撤回說明", blank=True, editable=False)

    _choose_slug: Callable[[], str]
    # What nobody sets on an instance: publishing writes it by update(), and save() the slug.
    settled_fields: ClassVar[tuple[str, ...]] = ("state", "slug", "withdrawn_at", "withdrawal_note")

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            if not self._state.adding:
                # The instance may be older than its row: someone published while a form was being
                # sent. Saved as it is, it would make a draft again of what readers already see.
                rows = type(self)._default_manager.select_for_update()
                self.refresh_from_db(fields=self.settled_fields, from_queryset=rows)
            self._save_with_slug(*args, **kwargs)

    def _save_with_slug(self, *args: Any, **kwargs: Any) -> None:
        before = self.slug
        while True:
            self.slug = chosen = self._choose_slug()
            try:
                with transaction.atomic():
                    return super().save(*args, **kwargs)
            except IntegrityError:
                # Somebody who has just committed may have chosen the same; not if it was given.
                self.slug = before
                is_taken = is_slug_taken(type(self), chosen, keep=self.pk)
                if not is_taken or self._choose_slug() == chosen:
                    raise
