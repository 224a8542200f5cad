"""The mail that answers a forgotten password."""

import logging
from datetime import datetime, timedelta
from email.utils import format_datetime, make_msgid

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.contrib.contenttypes.models import ContentType
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from briefings.contexts import absolute_url
from briefings.history import name_person
from briefings.models import Publication
from cma_site.accounts import log_about
from subscribers.messages import Message, one_line, write_address
from subscribers.transport import Relay, TransportError

logger = logging.getLogger(__name__)

# Enough for a typing mistake and an impatient person; no more to fill somebody's mailbox with.
MAILS = 3
WITHIN = timedelta(hours=1)
ASKED = "有人要求重設密碼，已寄出連結"


def send_reset_mails(email: str, now: datetime) -> None:
    """One for each account of that address, unless it got its share already."""
    for user in PasswordResetForm().get_users(email):
        if _count_mails(user, since=now - WITHIN) >= MAILS:
            logger.warning("Account %s has been mailed enough links", user.pk)
            continue
        # Noted first: a mail too few is asked for again, mails without end are not taken back.
        log_about(user, by=user, said=ASKED)
        try:
            with Relay() as relay:
                relay.send(build_reset_mail(user))
        except TransportError as error:
            logger.warning("The link for account %s was not sent: %s", user.pk, error)


def build_reset_mail(user: User) -> Message:
    """The link is at the site's own address, whatever host the page was asked from."""
    publication = Publication.load()
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    context = {
        "publication": publication,
        "user": user,
        "url": absolute_url(reverse("password_reset_confirm", args=[uid, token])),
    }
    return Message(
        subject=one_line(render_to_string("admin/mail/password_reset/subject.txt", context)),
        body=render_to_string("admin/mail/password_reset/body.txt", context),
        from_email=publication.sender_email,
        to=[user.email],
        headers={
            "From": write_address(publication.name, publication.sender_email),
            "To": write_address(name_person(user), user.email),
            "Date": format_datetime(timezone.localtime()),
            "Message-ID": make_msgid(domain=publication.sender_email.rpartition("@")[2]),
            "Auto-Submitted": "auto-generated",
        },
    )


def _count_mails(user: User, since: datetime) -> int:
    return LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(user.pk),
        action_flag=CHANGE,
        action_time__gte=since,
        change_message=ASKED,
    ).count()
