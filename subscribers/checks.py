"""Whether what only a worker would use is spelt right; celery asks before it starts one."""

from typing import Any

from django.conf import settings
from django.core import checks

CHOICES = ("resend", "hold")


@checks.register
def check_unknown_deliveries(**kwargs: Any) -> list[checks.Error]:  # noqa: ARG001
    value = settings.UNKNOWN_DELIVERIES
    if value in CHOICES:
        return []
    message = f"UNKNOWN_DELIVERIES 不能是「{value}」。"
    hint = "請設為 resend（再寄一次）或 hold（留待編輯決定）。"
    return [checks.Error(message, hint=hint, id="subscribers.E001")]
