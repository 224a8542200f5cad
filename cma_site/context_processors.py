from django.conf import settings
from django.http import HttpRequest


def shape(request: HttpRequest) -> dict[str, object]:
    """Whether captured mail can be read here, which is so in the laptop shape only."""
    return {"has_mailbox": settings.MAILBOX_DIR is not None}
