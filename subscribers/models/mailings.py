"""What is sent, and what it shows."""

from django.conf import settings
from django.db import models
from django.db.models import Count

from briefings.models import Edition
from subscribers.models.states import DeliveryState, MailingState


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
