"""Where a mailing and each copy of it stand."""

from django.db import models


class MailingState(models.TextChoices):
    """sending → done, and back when something is to be sent again"""

    SENDING = "sending", "寄送中"
    DONE = "done", "完成"


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
