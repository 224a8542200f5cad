"""What is sent, and what it shows."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Count, Exists, F, Max, OuterRef, Q

from briefings.models import Correction, Edition, Entry, State
from subscribers.models.states import (
    DeliveryState,
    DigestDayState,
    DigestKind,
    MailingKind,
    MailingState,
)


class MailingQuerySet(models.QuerySet["Mailing"]):
    def published_until(self) -> datetime | None:
        """When the latest of the editions that were mailed had been published."""
        found: datetime | None = self.aggregate(at=Max("edition__published_at"))["at"]
        return found


class Mailing(models.Model):
    """One decision to send: an edition to those who want every edition, a week's or a month's
    digest to those who want that, or a correction to those who were sent the original.

    Whatever its messages are made of is kept here or in its digests, so that a message built
    again tomorrow has the same bytes.
    """

    kind = models.CharField("種類", max_length=20, choices=MailingKind, default=MailingKind.EDITION)
    edition = models.OneToOneField(
        Edition, on_delete=models.PROTECT, null=True, related_name="mailing", verbose_name="期"
    )
    state = models.CharField(
        "狀態", max_length=20, choices=MailingState, default=MailingState.SENDING, db_index=True
    )
    subject = models.CharField("主旨", max_length=250)
    sender_name = models.CharField("寄件人", max_length=60)
    sender_email = models.EmailField("寄件電郵")
    reply_to = models.EmailField("回覆電郵", blank=True)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="發送者",
    )
    opened_at = models.DateTimeField("發送時間")
    woken_at = models.DateTimeField("上次喚醒", null=True)
    finished_at = models.DateTimeField("完成時間", null=True)

    objects = MailingQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "發送"
        ordering = ["-opened_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind=MailingKind.EDITION, edition__isnull=False)
                | (~Q(kind=MailingKind.EDITION) & Q(edition=None)),
                name="edition_mailing_has_its_edition",
            )
        ]

    def __str__(self) -> str:
        return self.subject

    def count_deliveries(self) -> dict[str, int]:
        """Deliveries in each state, none left out, in the order of the states."""
        rows = self.deliveries.order_by().values_list("state").annotate(Count("pk"))
        found = dict(rows)
        return {state: found.get(state, 0) for state in DeliveryState.values}


class DigestQuerySet(models.QuerySet["Digest"]):
    def showing_withdrawn(self) -> models.QuerySet["Digest"]:
        """Those with something in them that members may no longer read."""
        return self.filter(shows_withdrawn())


def shows_withdrawn() -> Q:
    """Of a digest, that something is in it that members may no longer read."""
    readable = Entry.objects.filter(state=State.PUBLISHED, edition__state=State.PUBLISHED)
    gone = DigestItem.objects.exclude(entry__in=readable)
    amiss = DigestCorrection.objects.exclude(correction__entry__in=readable)
    return Q(Exists(gone.filter(digest=OuterRef("pk")))) | Q(
        Exists(amiss.filter(digest=OuterRef("pk")))
    )


class Digest(models.Model):
    """What one mailing shows one kind of member, frozen, with slots for the member's own links."""

    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, related_name="digests")
    key = models.CharField(max_length=64)  # see digests.digest_key
    subject = models.CharField("主旨", max_length=250)
    # Empty where it named searches and nobody is left who got it.
    text = models.TextField()
    html = models.TextField()
    names_searches = models.BooleanField(default=False)
    with_pdf = models.BooleanField(default=False)

    objects = DigestQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "摘要"
        constraints = [
            models.UniqueConstraint(fields=["mailing", "key"], name="one_digest_per_choice")
        ]

    def __str__(self) -> str:
        return self.subject


class DigestItem(models.Model):
    """An entry in a digest, at its place. With the deliveries it tells who has had what."""

    digest = models.ForeignKey(Digest, on_delete=models.CASCADE, related_name="items")
    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveIntegerField()

    class Meta:
        verbose_name = verbose_name_plural = "摘要內容"
        default_permissions = ()
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["digest", "entry"], name="entry_once_in_a_digest")
        ]

    def __str__(self) -> str:
        return f"摘要中的一篇（{self.pk}）"


class DigestCorrection(models.Model):
    """A correction that a digest tells of."""

    digest = models.ForeignKey(Digest, on_delete=models.CASCADE, related_name="corrections")
    correction = models.ForeignKey(Correction, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveIntegerField()

    class Meta:
        verbose_name = verbose_name_plural = "摘要中的更正"
        default_permissions = ()
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["digest", "correction"], name="correction_once_in_a_digest"
            )
        ]

    def __str__(self) -> str:
        return f"摘要中的更正（{self.pk}）"


class DigestSchedule(models.Model):
    """Since when a kind of digest is sent at all: what was due before was not missed.

    Whoever opens a mailing, or has one sent again, locks these rows first: what members have
    received is looked up and added to by one at a time.
    """

    kind = models.CharField(max_length=20, choices=DigestKind, primary_key=True)
    since = models.DateTimeField()

    class Meta:
        verbose_name = verbose_name_plural = "摘要日程"
        default_permissions = ()

    def __str__(self) -> str:
        return self.get_kind_display()

    @staticmethod
    def hold(now: datetime, *, waits: bool = True) -> dict[str, datetime]:
        """Since when each kind is sent; locked until the transaction ends.

        With `waits` false OperationalError is raised where another has them (PostgreSQL).
        """
        new = [DigestSchedule(kind=kind, since=now) for kind in DigestKind.values]
        DigestSchedule.objects.bulk_create(new, ignore_conflicts=True)
        rows = DigestSchedule.objects.select_for_update(nowait=not waits).order_by("kind")
        return {row.kind: row.since for row in rows}


class DigestDayQuerySet(models.QuerySet["DigestDay"]):
    def newest_first(self) -> models.QuerySet["DigestDay"]:
        return self.order_by(F("due_on").desc(), "kind")


class DigestDay(models.Model):
    """A day on which a digest was due, what came of it, and what members could have had then."""

    kind = models.CharField("種類", max_length=20, choices=DigestKind)
    due_on = models.DateField("日期")
    state = models.CharField("結果", max_length=20, choices=DigestDayState)
    settled_at = models.DateTimeField("時間")
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="經手人",
    )
    mailing = models.OneToOneField(
        Mailing, on_delete=models.PROTECT, null=True, related_name="digest_day"
    )
    entries = models.ManyToManyField(Entry, related_name="+")

    objects = DigestDayQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "摘要日"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["kind", "due_on"], name="one_digest_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.due_on}"
