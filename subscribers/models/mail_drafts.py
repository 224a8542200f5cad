"""An edition's mail before it goes out: what is written for it, and its way to approval."""

from datetime import datetime
from hashlib import sha256
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from briefings.models import Edition
from subscribers.models.mailings import Mailing
from subscribers.models.states import MailAct, MailDraftState


class MailDraftQuerySet(models.QuerySet["MailDraft"]):
    def pending(self) -> Self:
        """Of editions that were not mailed yet, by whatever way."""
        return self.filter(~Exists(Mailing.objects.filter(edition=OuterRef("edition"))))

    def due(self, now: datetime) -> Self:
        return self.pending().filter(state=MailDraftState.SCHEDULED, scheduled_for__lte=now)


class MailDraft(models.Model):
    """What is written for an edition's mail before it goes out; what is blank is proposed.

    `subscribers.mail_steps` has the ways between its states. Once there is a mailing, that is what
    counts, and the draft stays as it was.
    """

    edition = models.OneToOneField(Edition, on_delete=models.CASCADE, related_name="mail_draft")
    subject = models.CharField("主旨", max_length=120, blank=True)
    preheader = models.CharField("預覽文字", max_length=150, blank=True)
    state = models.CharField(
        "狀態",
        max_length=20,
        choices=MailDraftState,
        default=MailDraftState.DRAFT,
        db_index=True,
    )
    # Who brought it into its state: who asked, who returned it; of a scheduled one, who approved.
    moved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="經手人",
    )
    moved_at = models.DateTimeField("時間", null=True)
    scheduled_for = models.DateTimeField("寄出時間", null=True)
    note = models.TextField("原因", blank=True)  # why it was returned, or could not be sent

    objects = MailDraftQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "郵件草稿"
        default_permissions = ()  # see subscribers.permissions
        constraints = [
            models.CheckConstraint(
                condition=Q(state=MailDraftState.SCHEDULED, scheduled_for__isnull=False)
                | (~Q(state=MailDraftState.SCHEDULED) & Q(scheduled_for=None)),
                name="scheduled_mail_has_its_time",
            )
        ]

    def __str__(self) -> str:
        return self.subject or f"郵件草稿（{self.pk}）"

    @staticmethod
    def of(edition: Edition) -> "MailDraft":
        """Unsaved and blank if nobody wrote one."""
        return MailDraft.objects.filter(edition=edition).first() or MailDraft(edition=edition)

    @property
    def is_scheduled(self) -> bool:
        return self.state == MailDraftState.SCHEDULED

    @property
    def mark(self) -> str:
        """Another one as soon as what a person decides upon is no longer what they saw."""
        seen = (self.state, self.scheduled_for, self.subject, self.preheader)
        return sha256(repr(tuple(map(str, seen))).encode()).hexdigest()[:16]


class MailRecord(models.Model):
    """One thing that was done with an edition's mail. Only ever added."""

    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, related_name="mail_records")
    act = models.CharField("事項", max_length=20, choices=MailAct)
    at = models.DateTimeField("時間")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="經手人",
    )
    note = models.TextField("說明", blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "郵件經過"
        default_permissions = ()
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return self.get_act_display()
