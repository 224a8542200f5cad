"""The PDF that comes with an edition's mail."""

import logging
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, Self

from django.core.files.storage import default_storage
from django.db import models

from subscribers.models.mailings import Mailing
from subscribers.models.states import AttachmentState

logger = logging.getLogger(__name__)


class AttachedPDFQuerySet(models.QuerySet["AttachedPDF"]):
    def waiting(self) -> Self:
        return self.filter(state=AttachmentState.WAITING)


class AttachedPDF(models.Model):
    """The edition as it was when its mailing was opened, printed: the same file in each copy.

    What is printed is kept until that is done, so a correction in between changes nothing.
    """

    mailing = models.OneToOneField(
        Mailing, on_delete=models.CASCADE, related_name="attached_pdf", verbose_name="發送"
    )
    state = models.CharField(
        "狀態", max_length=20, choices=AttachmentState, default=AttachmentState.WAITING
    )
    filename = models.CharField("檔名", max_length=40)  # as members get it
    written = models.TextField(blank=True)  # what is printed; none once it is settled
    tried_at = models.DateTimeField("開始製作", null=True)
    reason = models.TextField("原因", blank=True)  # why it isn't there
    name = models.CharField(max_length=200, blank=True)  # in default_storage
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveIntegerField("大小", default=0)  # in octets

    objects = AttachedPDFQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "附上的PDF"
        default_permissions = ()  # a mailing's permissions count

    def __str__(self) -> str:
        size = f"（{self.megabytes} MB）" if self.size else ""
        reason = f"：{self.reason}" if self.reason else ""
        return f"{self.filename}{size}，{self.get_state_display()}{reason}"

    @property
    def is_waiting(self) -> bool:
        return self.state == AttachmentState.WAITING

    @property
    def is_attached(self) -> bool:
        return self.state == AttachmentState.ATTACHED

    @property
    def is_too_big(self) -> bool:
        return self.state == AttachmentState.TOO_BIG

    @property
    def megabytes(self) -> str:
        """With one decimal. Mail says it, so it depends on nobody's language."""
        return f"{max(self.size / 1_000_000, 0.1):.1f}"

    @cached_property
    def content(self) -> bytes | None:
        """Read once, however often it is asked for; None if it is lost or has become another."""
        try:
            with default_storage.open(self.name) as file:
                content: bytes = file.read()
        except Exception:  # each storage has errors of its own
            logger.exception("The PDF %s cannot be read", self.name)
            return None
        if self.sha256 and sha256(content).hexdigest() != self.sha256:
            logger.error("The PDF %s is no longer what was mailed", self.name)
            return None
        return content

    def note_trial(self, now: datetime) -> None:
        """Only the first."""
        AttachedPDF.objects.filter(pk=self.pk, tried_at=None).update(tried_at=now)

    def note_reason(self, reason: str) -> None:
        """Why it isn't there yet."""
        AttachedPDF.objects.waiting().filter(pk=self.pk).update(reason=reason)

    def settle(self, state: AttachmentState, **facts: Any) -> bool:
        """waiting → any other, for good. Of all who come to an end, one is told True."""
        waiting = AttachedPDF.objects.waiting().filter(pk=self.pk)
        return bool(waiting.update(state=state, written="", **facts))
