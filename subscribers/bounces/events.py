"""What a mail service tells of a delivery: anymail's event in, `Report` out.

anymail brings the events of all services into one form, but for what we need most: whether a
bounce is for good. The words of the refusing mail system decide, as they do in a returned mail,
and the service's own verdict only where they say nothing.
"""

import json
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason

from subscribers.bounces.judging import find_status, judge
from subscribers.bounces.reports import LONGEST_TEXT, Report, ReportKind
from subscribers.bounces.texts import LONGEST, make_storable
from subscribers.bounces.traces import find_traces

_KINDS = {
    EventType.COMPLAINED: ReportKind.COMPLAINT,
    EventType.UNSUBSCRIBED: ReportKind.UNSUBSCRIBED,
    EventType.DEFERRED: ReportKind.DELAYED,
    EventType.AUTORESPONDED: ReportKind.AUTO_REPLY,
}
_REFUSALS = {EventType.BOUNCED, EventType.REJECTED}

# Where each service calls an address dead, by its own name in anymail.
_DEAD: dict[str, list[tuple[str, set[str | bool]]]] = {
    "Amazon SES": [("bounce.bounceType", {"Permanent"})],
    "Brevo": [("event", {"hard_bounce", "invalid_email"})],
    "Mailgun": [("event-data.reason", {"suppress-bounce"})],
    "Mailjet": [("hard_bounce", {True})],
    "Postmark": [
        ("Type", {"HardBounce", "BadEmailAddress"}),
        ("SuppressionReason", {"HardBounce"}),
    ],
    "SendGrid": [("type", {"bounce"}), ("reason", {"Bounced Address", "Invalid"})],
    "SparkPost": [("msys.message_event.bounce_class", {"10", "30", "90"})],
}


def read_event(event: AnymailTrackingEvent, esp_name: str) -> Report:
    text = _find_words(event)
    return Report(
        kind=_judge_event(event, esp_name, text),
        message_id=_identify(event, esp_name),
        status=find_status(text)[:20],
        text=make_storable(text)[:LONGEST_TEXT],
        address=str(event.recipient or "")[:254],
        # Each service gives back what it was given in another place.
        traces=find_traces(json.dumps(event.esp_event, default=str).encode()),
    )


def _judge_event(event: AnymailTrackingEvent, esp_name: str, text: str) -> ReportKind:
    if event.event_type not in _REFUSALS:
        return _KINDS.get(event.event_type, ReportKind.OTHER)
    if event.reject_reason == RejectReason.UNSUBSCRIBED:
        return ReportKind.UNSUBSCRIBED
    if _is_dead(event.esp_event, esp_name):
        unsure = ReportKind.HARD
    elif event.event_type == EventType.REJECTED:
        unsure = ReportKind.POLICY  # by the service itself, before anybody's mail system had it
    else:
        unsure = ReportKind.SOFT
    return judge(find_status(text), text, unsure)


def _is_dead(payload: Any, esp_name: str) -> bool:
    return any(_look_up(payload, path) in values for path, values in _DEAD.get(esp_name, []))


def _look_up(payload: Any, path: str) -> Any:
    for name in path.split("."):
        payload = payload.get(name) if isinstance(payload, dict) else None
    return payload if isinstance(payload, str | bool) else None


def _find_words(event: AnymailTrackingEvent) -> str:
    """The refusing mail system's, or else the service's."""
    words = (event.mta_response, event.description, _look_up(event.esp_event, "error"))
    return next((str(said)[:LONGEST] for said in words if said), "")


def _identify(event: AnymailTrackingEvent, esp_name: str) -> str:
    """The same whenever it is told again. Some services number no events (Brevo, Mailjet), and
    Mailgun's number may be one of the telling; that a thing happened then all of them say.
    """
    return f"{esp_name} {event.event_type} {event.timestamp}"[:250]
