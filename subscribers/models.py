from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import IntegrityError, models, transaction
from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.functions import Lower
from django.utils import timezone

from briefings.models import Edition, Publication, State, Theme
from subscribers.addresses import validate_address

# Anybody may type anybody's address, and as often as they like.
ASK_AGAIN_AFTER = timedelta(minutes=10)

# How long the sweep leaves a confirmation to the task that was queued for it, and until when it
# tries: by then who asked has forgotten it, or asked again.
CONFIRMATION_WAIT = timedelta(minutes=5)
CONFIRMATION_GIVEN_UP = timedelta(days=3)

LOGIN_LINK_GOOD_FOR = timedelta(minutes=15)


class MemberState(models.TextChoices):
    """pending → active → unsubscribed → active (by signing up and confirming again)"""

    PENDING = "pending", "待確認"
    ACTIVE = "active", "有效"
    UNSUBSCRIBED = "unsubscribed", "已取消訂閱"


class Frequency(models.TextChoices):
    EVERY_EDITION = "every", "每期寄送"
    WEEKLY = "weekly", "每週摘要"
    MONTHLY = "monthly", "每月摘要"
    PAUSED = "paused", "暫停寄送"


def normalise_email(email: str) -> str:
    """The domain in lower case; what stands before the @ is its owner's business (RFC 5321)."""
    local, at, domain = email.strip().rpartition("@")
    return f"{local}{at}{domain.lower()}"


def word_consent(publication: Publication) -> str:
    """What somebody agrees to by signing up."""
    return (
        f"本人同意{publication.organisation}{publication.department}以上述電郵地址"
        f"寄送《{publication.name}》，並明白可隨時免費取消訂閱。"
    )


class MemberQuerySet(models.QuerySet["Member"]):
    def active(self) -> Self:
        return self.filter(state=MemberState.ACTIVE)

    def wants_every_edition(self) -> Self:
        return self.active().filter(frequency=Frequency.EVERY_EDITION)

    def confirmation_due(self, now: datetime) -> Self:
        """Those who were promised a confirmation that is not sent yet."""
        return self.filter(confirmation_due_at__lte=now, asked_at__gt=now - CONFIRMATION_GIVEN_UP)

    def with_email(self, email: str) -> Self:
        """At most one, whatever the case of its letters."""
        return self.alias(lower_email=Lower("email")).filter(
            lower_email=normalise_email(email).lower()
        )

    def hold(self) -> Self:
        """Locked until the transaction ends: what members are let in by comes and goes under this.

        A mailing may still be opened to them meanwhile.
        """
        return self.select_for_update(no_key=True)

    def sign_up(
        self, *, email: str, name: str, frequency: str, themes: Iterable[Theme], now: datetime
    ) -> "Member":
        """A stranger's wish to join; counts for nothing until the address's owner confirms it.

        An active member is returned as they are: whoever typed the address has not shown that it
        is theirs. Two at once end in one row.
        """
        with transaction.atomic():
            member = self.with_email(email).first() or self._create_or_find(email)
            if member.state == MemberState.ACTIVE:
                return member
            member.name = name
            member.frequency = frequency
            member.consent_wording = word_consent(Publication.load())
            member.consented_at = now
            # Only these: a confirmation that arrives meanwhile must not be undone.
            member.save(update_fields=["name", "frequency", "consent_wording", "consented_at"])
            member.themes.set(Theme.objects.hold(themes))
        return member

    def _create_or_find(self, email: str) -> "Member":
        try:
            with transaction.atomic():
                return self.create(email=email)
        except IntegrityError:
            return self.with_email(email).get()


class Member(models.Model):
    """Someone who may receive mail."""

    email = models.EmailField("電郵", validators=[validate_address])  # unique: see Meta
    name = models.CharField("稱呼", max_length=60, blank=True)
    state = models.CharField(
        "狀態", max_length=20, choices=MemberState, default=MemberState.PENDING, editable=False
    )
    frequency = models.CharField(
        "頻率", max_length=20, choices=Frequency, default=Frequency.EVERY_EDITION
    )
    themes = models.ManyToManyField(
        Theme,
        verbose_name="政策主題",
        blank=True,
        related_name="members",
        help_text="留空即全部。",
        through="ChosenTheme",
    )
    consent_wording = models.TextField("同意聲明", blank=True)
    consented_at = models.DateTimeField("同意時間", null=True, blank=True, editable=False)
    confirmed_at = models.DateTimeField("確認時間", null=True, blank=True, editable=False)
    unsubscribed_at = models.DateTimeField("取消時間", null=True, blank=True, editable=False)
    # When a confirmation was last asked for, and when the sweep is to look whether it was sent;
    # none is due once it was.
    asked_at = models.DateTimeField("要求確認信時間", null=True, blank=True, editable=False)
    confirmation_due_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField("建立時間", auto_now_add=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "會員"
        ordering = ["-created_at", "-pk"]
        constraints = [
            # One mailbox, one member: mail systems don't tell Chan@ from chan@.
            models.UniqueConstraint(
                Lower("email"),
                name="one_member_per_address",
                violation_error_message="已有會員使用這個電郵地址。",
            ),
            models.CheckConstraint(
                condition=~Q(state=MemberState.ACTIVE) | Q(confirmed_at__isnull=False),
                name="active_member_has_confirmed",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = normalise_email(self.email)
        super().save(*args, **kwargs)

    @property
    def is_active(self) -> bool:
        return self.state == MemberState.ACTIVE

    def confirm(self, now: datetime | None = None) -> bool:
        """→ active. False, and no change, unless a wish to join waits for this.

        Who unsubscribed after asking to join is not brought back by the old link.
        """
        waits = Q(state=MemberState.PENDING) | Q(
            state=MemberState.UNSUBSCRIBED, unsubscribed_at__lt=F("consented_at")
        )
        return self._move(waits, state=MemberState.ACTIVE, confirmed_at=now or timezone.now())

    def unsubscribe(self, now: datetime | None = None) -> bool:
        """→ unsubscribed, from this commit on. False if it was so before.

        Logins end with it, since nobody but an active member has any; dropped, they don't come
        back with a member who joins again.
        """
        subscribed = ~Q(state=MemberState.UNSUBSCRIBED)
        with transaction.atomic():
            Member.objects.hold().filter(pk=self.pk).first()
            has_left = self._move(
                subscribed, state=MemberState.UNSUBSCRIBED, unsubscribed_at=now or timezone.now()
            )
            self.sessions.all().delete()
            self.login_links.all().delete()
        return has_left

    def ask_for_confirmation(self, now: datetime) -> bool:
        """Whether one is to be sent. Of all who ask in a short while, one is told True."""
        is_rested = Q(asked_at=None) | Q(asked_at__lte=now - ASK_AGAIN_AFTER)
        return self._move(is_rested, asked_at=now, confirmation_due_at=now + CONFIRMATION_WAIT)

    def put_off_confirmation(self, now: datetime) -> bool:
        """Until as long again as it has waited. Of two sweeps at once, one is told True."""
        waited = now - (self.asked_at or now)
        unchanged = Q(confirmation_due_at=self.confirmation_due_at)
        return self._move(unchanged, confirmation_due_at=now + max(waited, CONFIRMATION_WAIT))

    def settle_confirmation(self) -> bool:
        """It was sent or never can be; unless it was asked for again since, nothing is due."""
        return self._move(Q(asked_at=self.asked_at), confirmation_due_at=None)

    def _move(self, condition: Q, **changes: Any) -> bool:
        has_moved = Member.objects.filter(condition, pk=self.pk).update(**changes)
        self.refresh_from_db()
        return bool(has_moved)


class ChosenTheme(models.Model):
    """A theme that a member wants. It can't be deleted: none chosen would mean all are wanted."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="chosen_themes")
    theme = models.ForeignKey(
        Theme, on_delete=models.PROTECT, related_name="+", verbose_name="政策主題"
    )

    class Meta:
        verbose_name = verbose_name_plural = "會員所選主題"
        default_permissions = ()  # a member's permissions count
        # As Django made the table for a many-to-many field without a model.
        db_table = "subscribers_member_themes"
        unique_together = [("member", "theme")]

    def __str__(self) -> str:
        """Names nobody: it is shown to who may delete themes, if not see members."""
        return f"一位會員的選擇（{self.pk}）"


class LoginLink(models.Model):
    """A link that was mailed to a member who asked to log in. Good once, and for a short while."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="login_links")
    leads_to = models.CharField(max_length=500, blank=True)  # a path of the site
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = verbose_name_plural = "登入連結"
        default_permissions = ()  # nobody looks at them

    def __str__(self) -> str:
        return f"一位會員的登入連結（{self.pk}）"

    def is_good(self, now: datetime) -> bool:
        return self.used_at is None and now - self.made_at < LOGIN_LINK_GOOD_FOR

    def use(self, now: datetime) -> bool:
        """Of all who press its button, one is told True."""
        unused = LoginLink.objects.filter(
            pk=self.pk, used_at=None, made_at__gt=now - LOGIN_LINK_GOOD_FOR
        )
        return bool(unused.update(used_at=now))


class MemberSession(AbstractBaseSession):
    """A member who is logged in, in one browser. It gives nothing but reading as a member."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="sessions")

    class Meta:
        verbose_name = verbose_name_plural = "會員登入"
        default_permissions = ()

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        from subscribers.logins import MemberSessions

        return MemberSessions


class MailingState(models.TextChoices):
    """sending → done, and back when something is to be sent again"""

    SENDING = "sending", "寄送中"
    DONE = "done", "完成"


class Mailing(models.Model):
    """One decision to send an edition to those who want every edition.

    Whatever its messages are made of is kept here or in its digests, so that a message built
    again tomorrow has the same bytes.
    """

    edition = models.OneToOneField(
        Edition, on_delete=models.PROTECT, related_name="mailing", verbose_name="期"
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

    class Meta:
        verbose_name = verbose_name_plural = "發送"
        ordering = ["-opened_at", "-pk"]

    def __str__(self) -> str:
        return self.subject

    def count_deliveries(self) -> dict[str, int]:
        """Deliveries in each state, none left out, in the order of the states."""
        rows = self.deliveries.order_by().values_list("state").annotate(Count("pk"))
        found = dict(rows)
        return {state: found.get(state, 0) for state in DeliveryState.values}


class Digest(models.Model):
    """What one mailing shows one kind of member, frozen, with slots for the member's own links."""

    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, related_name="digests")
    key = models.CharField(max_length=64)  # see digests.digest_key
    subject = models.CharField("主旨", max_length=250)
    text = models.TextField()
    html = models.TextField()

    class Meta:
        verbose_name = verbose_name_plural = "摘要"
        constraints = [
            models.UniqueConstraint(fields=["mailing", "key"], name="one_digest_per_choice")
        ]

    def __str__(self) -> str:
        return self.subject


class DeliveryState(models.TextChoices):
    """What may be done to a delivery.

    queued → sending (claimed) → sent | failed | skipped, or back to queued;
    sending → unknown, held for a person, when nobody can know whether it was accepted.
    A person may decide: unknown → sent; unknown | failed → queued.
    """

    QUEUED = "queued", "等候"
    SENDING = "sending", "寄出中"
    SENT = "sent", "已寄出"
    FAILED = "failed", "失敗"
    SKIPPED = "skipped", "略過"
    UNKNOWN = "unknown", "結果不明"


# Both as Exists, never as joins: those would move all of an UPDATE's conditions into a subquery,
# which PostgreSQL does not ask again after it has waited for another's claim.


def _is_wanted() -> Exists:
    return Exists(Member.objects.wants_every_edition().filter(pk=OuterRef("member_id")))


def _is_of_published_edition() -> Exists:
    published = Mailing.objects.filter(edition__state=State.PUBLISHED)
    return Exists(published.filter(pk=OuterRef("mailing_id")))


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self, now: datetime) -> Self:
        return self.filter(state=DeliveryState.QUEUED, not_before__lte=now)

    def unfinished(self) -> Self:
        """Those the machine still has to do something about."""
        return self.filter(state__in=[DeliveryState.QUEUED, DeliveryState.SENDING])

    def skip_unwanted(self) -> None:
        """queued → skipped, with the reason, for what changed since the opening.

        The member left, paused or was deleted; or else the edition was withdrawn.
        """
        queued = self.filter(state=DeliveryState.QUEUED)
        queued.filter(~_is_wanted()).update(state=DeliveryState.SKIPPED, reply="會員已不收取")
        queued.filter(~_is_of_published_edition()).update(
            state=DeliveryState.SKIPPED, reply="這一期已撤回"
        )

    def unsettled(self) -> Self:
        """Those that a person may send again."""
        return self.filter(state__in=[DeliveryState.FAILED, DeliveryState.UNKNOWN])

    def requeue_unsettled(self, now: datetime) -> int:
        """failed | unknown → queued, with all attempts before them."""
        return self.unsettled().update(
            state=DeliveryState.QUEUED, attempts=0, not_before=now, reply=""
        )

    def accept_as_sent(self) -> int:
        """unknown → sent, as a person decided; if it did go out, then when it was claimed."""
        return self.filter(state=DeliveryState.UNKNOWN).update(
            state=DeliveryState.SENT, sent_at=F("claimed_at"), reply="結果不明，由編輯當作已寄出"
        )

    def abandoned(self, now: datetime) -> Self:
        """Claimed so long ago that the worker must be dead."""
        lease = timedelta(seconds=settings.DELIVERY_LEASE)
        return self.filter(state=DeliveryState.SENDING, claimed_at__lt=now - lease)


class Delivery(models.Model):
    """One member's copy of one mailing; a row of the ledger.

    Every change is one UPDATE that names the state it expects, committed by itself, so it is
    right however many workers do the same thing at once.
    """

    mailing = models.ForeignKey(
        Mailing, on_delete=models.CASCADE, related_name="deliveries", verbose_name="發送"
    )
    member = models.ForeignKey(
        Member,
        on_delete=models.SET_NULL,
        null=True,
        related_name="deliveries",
        verbose_name="會員",
    )
    digest = models.ForeignKey(Digest, on_delete=models.CASCADE, verbose_name="摘要")
    email = models.EmailField("電郵")
    name = models.CharField("稱呼", max_length=60, blank=True)
    state = models.CharField(
        "狀態", max_length=20, choices=DeliveryState, default=DeliveryState.QUEUED
    )
    attempts = models.PositiveSmallIntegerField("次數", default=0)
    not_before = models.DateTimeField("不早於")
    claim = models.UUIDField(null=True)
    claimed_at = models.DateTimeField("認領時間", null=True)
    sent_at = models.DateTimeField("寄出時間", null=True)
    reply = models.TextField("郵件伺服器的回覆", blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "投遞"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["mailing", "member"], name="one_delivery_per_member")
        ]
        indexes = [
            # A chunk's rows to claim, the sweeper's rows to wake, and the counts on the screen
            # all ask for the rows of one mailing in one state.
            models.Index(fields=["mailing", "state"], name="deliveries_by_state"),
            # Is anybody at work on this mailing? The latest claim tells.
            models.Index(fields=["mailing", "claimed_at"], name="deliveries_by_claim"),
        ]

    def __str__(self) -> str:
        return f"{self.email}：{self.get_state_display()}"

    def take(self, now: datetime) -> bool:
        """queued → sending. Of all who try at once, one is told True.

        False if the member no longer wants it or the edition was withdrawn; also if it was tried
        by another since it was read, which makes `attempts` here stale.
        """
        claim = uuid4()
        has_taken = (
            Delivery.objects.due(now)
            .filter(_is_wanted(), _is_of_published_edition(), pk=self.pk, attempts=self.attempts)
            .update(
                state=DeliveryState.SENDING,
                claim=claim,
                claimed_at=now,
                attempts=F("attempts") + 1,
            )
        )
        if has_taken:
            self.claim = claim
            self.attempts += 1
        return bool(has_taken)

    def mark_sent(self, now: datetime) -> None:
        """→ sent, even if the claim was taken away meanwhile: who knows wins over who supposes."""
        Delivery.objects.filter(pk=self.pk).exclude(state=DeliveryState.SENT).update(
            state=DeliveryState.SENT, sent_at=now, claim=None, reply=""
        )

    def mark_failed(self, reply: str) -> bool:
        return self._settle(state=DeliveryState.FAILED, reply=reply)

    def hold(self, reply: str) -> bool:
        return self._settle(state=DeliveryState.UNKNOWN, reply=reply)

    def requeue(self, *, not_before: datetime, reply: str) -> bool:
        return self._settle(state=DeliveryState.QUEUED, not_before=not_before, reply=reply)

    def give_back(self, reply: str) -> bool:
        """Nothing was tried, so it counts as no attempt, and is no sign of anybody at work."""
        return self._settle(
            state=DeliveryState.QUEUED, attempts=F("attempts") - 1, claimed_at=None, reply=reply
        )

    def _settle(self, **changes: Any) -> bool:
        """Only who holds the claim may say how it ended."""
        mine: dict[str, UUID | int | None] = {"pk": self.pk, "claim": self.claim}
        return bool(
            Delivery.objects.filter(state=DeliveryState.SENDING, **mine).update(
                claim=None, **changes
            )
        )
