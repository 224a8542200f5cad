"""A wish to join: typed on a page by anybody, seen to by a worker.

The page writes it down and looks nobody up: neither its answer nor the time it takes tells whether
an address is a member's. What is mailed to an address is bounded, whoever asks and from wherever.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from celery import signature
from django.db import transaction
from django.http import HttpRequest

from briefings.clients import count_asking
from briefings.models import Theme
from subscribers.addresses import normalise_email
from subscribers.confirmations import ask_to_confirm
from subscribers.models import JoiningRequest, Member
from subscribers.variants import DEFAULT, Variant

logger = logging.getLogger(__name__)

ASKED_BY_CLIENT = 20  # in an hour: an office asks from one address
HOUR = timedelta(hours=1)

# Enough for who mislaid the mail; no more to fill somebody's mailbox with.
MAILS = 3
WITHIN = timedelta(days=1)

# How long the sweep leaves a request to the task that was queued for it.
ANSWER_WAIT = timedelta(minutes=1)


def may_ask(request: HttpRequest) -> bool:
    """Whether this client has not asked too often, whoever it asked for."""
    return count_asking("subscribe", request, int(HOUR.total_seconds())) <= ASKED_BY_CLIENT


def write_down(  # noqa: PLR0913  (what was typed on one form, each part of it by name)
    *,
    email: str,
    name: str,
    frequency: str,
    themes: Iterable[Theme],
    now: datetime,
    variant: Variant = DEFAULT,
    consent_wording: str = "",
    search: str = "",
    only_searches: bool = False,
) -> JoiningRequest:
    """One row, whatever the address; a worker goes on from it after commit."""
    asked = JoiningRequest.objects.create(
        email=normalise_email(email),
        name=name,
        frequency=frequency,
        script=variant.script,
        notice_language=variant.language,
        theme_ids=[theme.pk for theme in themes],
        consent_wording=consent_wording,
        search=search,
        only_searches=only_searches,
        asked_at=now,
    )
    # Robust: without its broker the wish is kept all the same, and the sweep sees to it.
    transaction.on_commit(lambda: _wake(asked.pk), robust=True)
    return asked


def answer_request(request_id: int, now: datetime) -> None:
    """Nothing if it was answered before: of two workers at once, one does it."""
    with transaction.atomic():
        unanswered = JoiningRequest.objects.unanswered().select_for_update()
        asked = unanswered.filter(pk=request_id).first()
        if asked is None:
            return
        if _is_asked_too_often(asked):
            logger.warning("Joining request %s: that address was mailed enough", asked.pk)
        else:
            member = Member.objects.sign_up(
                email=asked.email,
                name=asked.name,
                frequency=asked.frequency,
                themes=Theme.objects.filter(pk__in=asked.theme_ids),
                search=asked.search,
                only_searches=asked.only_searches,
                now=asked.asked_at,
                variant=asked.variant,
                consent_wording=asked.consent_wording,
            )
            ask_to_confirm(member, now)
        asked.answered_at = now
        asked.save(update_fields=["answered_at"])


def _is_asked_too_often(asked: JoiningRequest) -> bool:
    same = JoiningRequest.objects.of_address(asked.email, since=asked.asked_at - WITHIN)
    return same.filter(asked_at__lte=asked.asked_at).count() > MAILS


def wake_requests(now: datetime) -> None:
    """Queue those that nobody has answered, and forget the answered ones in time."""
    waiting = JoiningRequest.objects.unanswered().filter(asked_at__lte=now - ANSWER_WAIT)
    for request_id in waiting.values_list("pk", flat=True):
        _wake(request_id)
    JoiningRequest.objects.filter(answered_at__lte=now - WITHIN).delete()


def _wake(request_id: int) -> None:
    # By name: the tasks import this module.
    signature("subscribers.tasks.answer_joining_request", args=(request_id,)).apply_async()
