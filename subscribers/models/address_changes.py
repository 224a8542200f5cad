"""A member's wish for another address."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models

from subscribers.models.members import Member

CHANGE_GOOD_FOR = timedelta(days=7)


class AddressChangeQuerySet(models.QuerySet["AddressChange"]):
    def asked_since(self, moment: datetime) -> Self:
        return self.filter(asked_at__gt=moment)


class AddressChange(models.Model):
    """asked → confirmed, by the holder of the new address; and until it is too old → cancelled,
    by the holder of the old one, even after that.
    """

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="address_changes")
    old_email = models.EmailField()
    new_email = models.EmailField()
    asked_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)

    objects = AddressChangeQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "更改電郵"
        default_permissions = ()  # a member's permissions count
        ordering = ["asked_at", "pk"]

    def __str__(self) -> str:
        return f"一位會員更改電郵（{self.pk}）"

    def is_good(self, now: datetime) -> bool:
        """Whether it can still be confirmed or cancelled."""
        return self.cancelled_at is None and now - self.asked_at < CHANGE_GOOD_FOR
