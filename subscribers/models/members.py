"""Who may receive mail, and what they chose."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Self

from django.contrib.auth.models import User
from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from briefings.languages import ENGLISH, SIMPLIFIED, TRADITIONAL, PageLanguage
from briefings.models import Publication, Theme
from briefings.simplified import simplify
from subscribers.addresses import normalise_email, validate_address
from subscribers.digest_rules import Account, Frequency, change_frequency
from subscribers.models.consent import ConsentAct, ConsentRecord, ConsentWay, ConsentWording
from subscribers.models.mailings import DigestDay, Mailing
from subscribers.models.searches import add_search
from subscribers.models.states import MailingKind
from subscribers.models.suppressions import Suppression, is_suppressed
from subscribers.variants import DEFAULT, NoticeLanguage, Script, Variant

# Anybody may type anybody's address, and as often as they like.
ASK_AGAIN_AFTER = timedelta(minutes=10)

# How long the sweep leaves a confirmation to the task that was queued for it, and until when it
# tries: by then who asked has forgotten it, or asked again.
CONFIRMATION_WAIT = timedelta(minutes=5)
CONFIRMATION_GIVEN_UP = timedelta(days=3)


# What a wish to join says anew.
SIGNED_UP_WITH = (
    *("name", "frequency", "script", "notice_language", "only_searches"),
    *("wants_pdf", "paused_until"),
    *("consent_wording", "consent_source", "consented_at"),
)

CONSENT = "本人同意{sender}以上述電郵地址寄送《{publication}》，並明白可隨時免費取消訂閱。"
CONSENT_IN_ENGLISH = (
    "I agree that {sender} may send {publication} to the email address above, and understand that"
    " I may unsubscribe at any time, free of charge."
)


class MemberState(models.TextChoices):
    """pending → active → unsubscribed → active (by signing up and confirming again)"""

    PENDING = "pending", "待確認"
    ACTIVE = "active", "有效"
    UNSUBSCRIBED = "unsubscribed", "已取消訂閱"


def name_parties(publication: Publication) -> dict[str, str]:
    """Who sends what, as wordings of consent name them."""
    return {
        "sender": f"{publication.organisation}{publication.department}",
        "publication": publication.name,
    }


def word_consent(publication: Publication, language: PageLanguage = TRADITIONAL) -> str:
    """What somebody agrees to by signing up, as the page in this language says it: in English with
    the Chinese below.
    """
    parties = name_parties(publication)
    chinese = CONSENT.format(**parties)
    if language is ENGLISH:
        return f"{CONSENT_IN_ENGLISH.format(**parties)}\n{chinese}"
    return simplify(chinese) if language is SIMPLIFIED else chinese


class MemberQuerySet(models.QuerySet["Member"]):
    def active(self) -> Self:
        return self.filter(state=MemberState.ACTIVE)

    def receiving(self, now: datetime | None = None) -> Self:
        """Active, not paused, and not suppressed; who paused until a day gets mail on that day."""
        return self.receiving_on(timezone.localdate(now))

    def receiving_on(self, today: date) -> Self:
        resumed = Q(paused_until=None) | Q(paused_until__lte=today)
        able = self.active().filter(resumed).exclude(frequency=Frequency.PAUSED)
        return able.filter(~is_suppressed())

    def wants_every_edition(self, now: datetime | None = None) -> Self:
        return self.receiving(now).filter(frequency=Frequency.EVERY_EDITION)

    def wants_digest(self, kind: str, now: datetime | None = None) -> Self:
        """Those of this frequency, and those who left digests and are still due a last one."""
        has_left = Q(frequency=Frequency.EVERY_EDITION, digests_from__isnull=False)
        return self.receiving(now).filter(Q(frequency=kind) | has_left)

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

    def sign_up(  # noqa: PLR0913  (one wish, each part of it by name)
        self,
        *,
        email: str,
        name: str,
        frequency: str,
        themes: Iterable[Theme],
        now: datetime,
        variant: Variant = DEFAULT,
        consent_wording: str = "",
        search: str = "",
        only_searches: bool = False,
    ) -> "Member":
        """A stranger's wish to join; counts for nothing until the address's owner confirms it.

        An active member is returned as they are: whoever typed the address has not shown that it
        is theirs. Two at once end in one row. Without `consent_wording` it is the one that the
        page in Chinese has.
        """
        with transaction.atomic():
            member = self.with_email(email).first() or self._create_or_find(email)
            if member.state == MemberState.ACTIVE:
                return member
            member.name = name
            member.frequency = frequency
            member.script, member.notice_language = variant.script, variant.language
            member.only_searches = only_searches
            member.wants_pdf, member.paused_until = False, None
            member.consent_wording = consent_wording or word_consent(Publication.load())
            member.consented_at = now
            member.consent_source = ""
            # Only these: a confirmation that arrives meanwhile must not be undone.
            member.save(update_fields=[*SIGNED_UP_WITH])
            member.themes.set(Theme.objects.hold(themes))
            member.searches.all().delete()
            if search:
                add_search(member, search, now)
            member.record(ConsentAct.ASKED, ConsentWay.PAGE, now)
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
    script = models.CharField("字體", max_length=4, choices=Script, default=Script.TRADITIONAL)
    notice_language = models.CharField(
        "通知語言", max_length=4, choices=NoticeLanguage, default=NoticeLanguage.BOTH
    )
    wants_pdf = models.BooleanField(
        "附上PDF", default=False, help_text="只在每期的郵件；每週、每月摘要只附連結。"
    )
    paused_until = models.DateField("暫停至", null=True, blank=True)
    # Where they stand with digests (digest_rules.Account), and when they were last served.
    digests_from = models.DateTimeField(null=True, editable=False)
    digests_until = models.DateTimeField(null=True, editable=False)
    last_digest_day = models.ForeignKey(
        DigestDay, on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    themes = models.ManyToManyField(
        Theme,
        verbose_name="政策主題",
        blank=True,
        related_name="members",
        help_text="留空即全部。",
        through="ChosenTheme",
    )
    only_searches = models.BooleanField(
        "只收訂閱的搜尋", default=False, help_text="政策主題不作準，只收訂閱的搜尋找到的短評。"
    )
    consent_wording = models.TextField("同意聲明", blank=True)
    # Where and when they agreed, of those who came by a list and did not do so on our page.
    consent_source = models.TextField("同意來源", blank=True, editable=False)
    member_import = models.ForeignKey(
        "MemberImport",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="members",
        verbose_name="匯入",
    )
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
        permissions = [("export_member", "可匯出會員")]
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
    def variant(self) -> Variant:
        return Variant(Script(self.script), NoticeLanguage(self.notice_language))

    def variant_of(self, kind: str) -> Variant:
        """Of a mailing of that kind: a digest is of several editions and brings no PDF."""
        has_pdf = kind == MailingKind.EDITION and self.wants_pdf
        return replace(self.variant, with_pdf=has_pdf)

    @property
    def is_active(self) -> bool:
        return self.state == MemberState.ACTIVE

    def confirm(self, now: datetime | None = None) -> bool:
        """→ active. False, and no change, unless a wish to join waits for this.

        Who unsubscribed after asking to join is not brought back by the old link.
        """
        now = now or timezone.now()
        waits = Q(state=MemberState.PENDING) | Q(
            state=MemberState.UNSUBSCRIBED, unsubscribed_at__lt=F("consented_at")
        )
        with transaction.atomic():
            has_joined = self._move(
                waits,
                state=MemberState.ACTIVE,
                confirmed_at=now,
                digests_from=None,
                digests_until=None,
                last_digest_day=None,
            )
            if has_joined:
                self.record(ConsentAct.GIVEN, ConsentWay.LINK, now)
                # The link has arrived, and they want what they once complained of.
                Suppression.objects.of(self.email).lift(now)
        return has_joined

    def unsubscribe(
        self,
        now: datetime | None = None,
        *,
        way: ConsentWay = ConsentWay.LINK,
        by: User | None = None,
    ) -> bool:
        """→ unsubscribed, from this commit on. False if it was so before.

        What they searched for is forgotten: who joins again says anew what they want. Logins end
        with it, since nobody but an active member has any; dropped, they don't come back with a
        member who joins again.
        """
        now = now or timezone.now()
        subscribed = ~Q(state=MemberState.UNSUBSCRIBED)
        with transaction.atomic():
            Member.objects.hold().filter(pk=self.pk).first()
            has_left = self._move(subscribed, state=MemberState.UNSUBSCRIBED, unsubscribed_at=now)
            if has_left:
                self.record(ConsentAct.WITHDRAWN, way, now, by=by)
                self.searches.all().delete()
            self.sessions.all().delete()
            self.login_links.all().delete()
        return has_left

    def change_frequency(self, to: str, now: datetime) -> None:
        """Goes by the row, and writes nothing else; `self` may hold the new one already."""
        with transaction.atomic():
            row = Member.objects.hold().get(pk=self.pk)
            account = change_frequency(
                Account(Frequency(row.frequency), row.digests_from, row.digests_until),
                Frequency(to),
                joined_at=row.confirmed_at or now,
                mailed_until=Mailing.objects.published_until(),
                now=now,
            )
            Member.objects.filter(pk=self.pk).update(
                frequency=account.frequency,
                digests_from=account.since,
                digests_until=account.until,
            )
        self.refresh_from_db(fields=["frequency", "digests_from", "digests_until"])

    def record(
        self,
        act: ConsentAct,
        way: ConsentWay,
        now: datetime,
        *,
        by: User | None = None,
    ) -> None:
        """For good: part of the transaction that does it."""
        ConsentRecord.objects.create(
            member=self,
            email=self.email,
            act=act,
            way=way,
            wording=ConsentWording.keep(self.consent_wording, now),
            by=by,
            happened_at=now,
        )

    def ask_for_confirmation(self, now: datetime) -> bool:
        """Whether one is to be sent. Of all who ask in a short while, one is told True.

        Who has confirmed since need not wait: they left at once and want to come back.
        """
        is_rested = Q(asked_at=None) | Q(asked_at__lte=now - ASK_AGAIN_AFTER)
        may_ask = is_rested | Q(asked_at__lt=F("confirmed_at"))
        return self._move(may_ask, asked_at=now, confirmation_due_at=now + CONFIRMATION_WAIT)

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
