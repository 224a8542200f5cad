"""Wishes to join, as they were typed."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from briefings.search.query import MAX_QUERY_LENGTH
from subscribers.addresses import normalise_email
from subscribers.digest_rules import Frequency
from subscribers.variants import NoticeLanguage, Script, Variant


class JoiningRequestQuerySet(models.QuerySet["JoiningRequest"]):
    def unanswered(self) -> Self:
        return self.filter(answered_at=None)

    def of_address(self, email: str, since: datetime) -> Self:
        """Whatever the case of its letters, and what stands after a "+": all of it arrives in the
        same mailbox.
        """
        local, _, domain = normalise_email(email).lower().rpartition("@")
        mailbox = local.partition("+")[0]
        tagged = Q(lower_email__startswith=f"{mailbox}+", lower_email__endswith=f"@{domain}")
        same = self.alias(lower_email=Lower("email")).filter(
            tagged | Q(lower_email=f"{mailbox}@{domain}")
        )
        return same.filter(asked_at__gt=since)


class JoiningRequest(models.Model):
    """What somebody, anybody, typed: kept for a day, for a worker to see to and to count."""

    email = models.EmailField()
    name = models.CharField(max_length=60, blank=True)
    frequency = models.CharField(max_length=20, choices=Frequency, default=Frequency.EVERY_EDITION)
    script = models.CharField(max_length=4, choices=Script, default=Script.TRADITIONAL)
    notice_language = models.CharField(
        max_length=4, choices=NoticeLanguage, default=NoticeLanguage.BOTH
    )
    theme_ids = models.JSONField(default=list)
    consent_wording = models.TextField(blank=True)  # as the page showed it
    search = models.CharField(max_length=MAX_QUERY_LENGTH, blank=True)
    only_searches = models.BooleanField(default=False)
    asked_at = models.DateTimeField(db_index=True)
    answered_at = models.DateTimeField(null=True)

    objects = JoiningRequestQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "訂閱要求"
        default_permissions = ()  # nobody looks at them

    def __str__(self) -> str:
        return f"一個訂閱要求（{self.pk}）"

    @property
    def variant(self) -> Variant:
        return Variant(Script(self.script), NoticeLanguage(self.notice_language))
