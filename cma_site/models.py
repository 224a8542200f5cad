"""What has happened to this installation, counted; and who its staff are elsewhere."""

from django.contrib.auth.models import User
from django.db import models


class Happening(models.Model):
    """How often something happened, how long it took in all, and when it last did.

    In the database, since it happens on any of the machines and is asked for at one; by kind, so
    that there are as many rows as kinds.
    """

    kind = models.CharField(max_length=40)
    detail = models.CharField(max_length=200, blank=True)  # a kind's own distinction
    count = models.BigIntegerField(default=0)
    seconds = models.FloatField(default=0)
    last_at = models.DateTimeField()

    class Meta:
        verbose_name = verbose_name_plural = "運作紀錄"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["kind", "detail"], name="one_happening_of_a_kind")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.detail}".strip()


class ProviderAccount(models.Model):
    """Who an account's person is at a provider: the one to whom it has opened before.

    An address can be given to somebody else there; a subject never is (OpenID Connect Core, 2).
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="provider_accounts")
    issuer = models.TextField()
    subject = models.TextField()
    linked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "機構帳戶"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["user", "issuer"], name="one_person_at_a_provider")
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.issuer})"
