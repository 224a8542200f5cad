"""Where the mail service (ESP) that relays our mail tells what became of it, by HTTP."""

import logging
from collections.abc import Callable
from typing import Any

from anymail.signals import AnymailTrackingEvent, tracking
from anymail.webhooks.amazon_ses import AmazonSESTrackingWebhookView
from anymail.webhooks.base import AnymailBaseWebhookView
from anymail.webhooks.brevo import BrevoTrackingWebhookView
from anymail.webhooks.mailgun import MailgunTrackingWebhookView
from anymail.webhooks.mailjet import MailjetTrackingWebhookView
from anymail.webhooks.postmark import PostmarkTrackingWebhookView
from anymail.webhooks.sendgrid import SendGridTrackingWebhookView
from anymail.webhooks.sparkpost import SparkPostTrackingWebhookView
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError
from django.dispatch import receiver
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from subscribers.bounces.events import read_event
from subscribers.bounces.intake import record_event

logger = logging.getLogger(__name__)


class AmazonSESWebhookView(AmazonSESTrackingWebhookView):
    """Without boto3, which anymail needs only to confirm the topic's subscription."""

    def __init__(self, **kwargs: Any) -> None:
        AnymailBaseWebhookView.__init__(self, **kwargs)

    def auto_confirm_sns_subscription(self, sns_message: dict[str, Any]) -> None:
        """Once, at set-up, and by a person: a server that opens addresses it is sent can be sent
        anywhere.
        """
        logger.warning("Confirm Amazon's subscription by opening %s", sns_message["SubscribeURL"])


# Those of anymail's whose events name a mail that came by SMTP, and that need no further library.
_VIEWS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "amazon_ses": AmazonSESWebhookView.as_view(),
    "brevo": BrevoTrackingWebhookView.as_view(),
    "mailgun": MailgunTrackingWebhookView.as_view(),
    "mailjet": MailjetTrackingWebhookView.as_view(),
    "postmark": PostmarkTrackingWebhookView.as_view(),
    "sendgrid": SendGridTrackingWebhookView.as_view(),
    "sparkpost": SparkPostTrackingWebhookView.as_view(),
}
ESPS = tuple(_VIEWS)


@csrf_exempt
def receive_events(request: HttpRequest, esp: str) -> HttpResponse:
    """What can't be read is refused and not asked for again; what can't be recorded now is."""
    if not settings.ANYMAIL_WEBHOOK_SECRET or esp != settings.ESP or esp not in _VIEWS:
        raise Http404
    try:
        return _VIEWS[esp](request)
    except DatabaseError:
        logger.exception("An event cannot be recorded now")
        return HttpResponse(status=503)
    except SuspiciousOperation as refusal:
        logger.warning("An event is refused: %s", refusal)
        return HttpResponse(status=403)
    except Exception as error:  # anymail expects what the services document
        # Not whole: some have the payload in them, and anybody can post one.
        logger.warning("An event cannot be read: %.200r", error)
        return HttpResponse(status=400)


@receiver(tracking)
def take_event(event: AnymailTrackingEvent, esp_name: str, **_: Any) -> None:
    record_event(read_event(event, esp_name), timezone.now())
