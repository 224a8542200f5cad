"""Members who read on the web: how they are let in, known again, and let out.

Not the editors' login: a cookie and a table of its own, and no password. It gives one thing, to
read as a member. What a member has chosen is changed with the links in their mail alone, so whoever
was sent such a mail on, or finds a browser open, can read and nothing else.
"""

import logging
import re
from datetime import datetime, timedelta
from typing import cast

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.csrf import rotate_token
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from briefings.clients import count_asking
from briefings.models import Audience, Edition, Entry
from subscribers.messages import build_login
from subscribers.models import (
    Delivery,
    LoginLink,
    Member,
    MemberSession,
)
from subscribers.transport import Relay, TransportError

logger = logging.getLogger(__name__)

COOKIE = "member"
LOGIN_GOOD_FOR = timedelta(days=30)

# A mail is sent on to colleagues, and they get in by its link: so the link is good for a month,
# and opens a day's reading each time.
ENTRANCE_GOOD_FOR = timedelta(days=30)
ENTERED_GOOD_FOR = timedelta(days=1)

# Enough for a typing mistake and an impatient person; no more to fill somebody's mailbox with.
MAILS = 3
WITHIN = timedelta(hours=1)
ASKED_BY_CLIENT = 20  # in an hour: an office asks from one address

_KEY = re.compile("[a-z0-9]{32}")  # as Django makes them
_MEMBER = "member"
_ANCHOR = re.compile(r"entry-[0-9]{1,4}")
_ENTRY = re.compile(r"e([0-9]{1,18})")


class MemberSessions(SessionStore):
    """Django's sessions in a table of their own, each knowing its member.

    So they go with the member's row, and are never mistaken for an editor's.
    """

    @classmethod
    def get_model_class(cls) -> type[MemberSession]:
        return MemberSession

    def create_model_instance(self, data: dict[str, int]) -> MemberSession:
        session = cast(MemberSession, super().create_model_instance(data))
        session.member_id = data[_MEMBER]
        return session


# --------------------------------------------------------------------------------------- reading


def audience_of(request: HttpRequest) -> Audience:
    """What briefings asks (`briefings.hooks`). No query for who has no cookie, one for others."""
    return Audience.MEMBERS if find_reader(request) else Audience.PUBLIC


def find_reader(request: HttpRequest) -> Member | None:
    """The member who is logged in. Who has left or was suspended is none from that moment on."""
    key = request.COOKIES.get(COOKIE, "")
    if not _KEY.fullmatch(key):
        return None
    is_open = {"sessions__session_key": key, "sessions__expire_date__gt": timezone.now()}
    return Member.objects.active().filter(**is_open).first()


def open_session(
    request: HttpRequest, answer: HttpResponseBase, member: Member, good_for: timedelta
) -> bool:
    """Always a new one: what a browser brought along is of no use to who put it there.

    False, and nothing is changed, if the member has left meanwhile.
    """
    with transaction.atomic():
        if Member.objects.active().hold().filter(pk=member.pk).first() is None:
            return False
        _drop_session(request)
        session = MemberSessions()
        session[_MEMBER] = member.pk
        session.set_expiry(good_for)
        session.create()
    rotate_token(request)
    answer.set_cookie(
        COOKIE,
        str(session.session_key),
        max_age=good_for,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return True


def close_session(request: HttpRequest, answer: HttpResponseBase) -> None:
    _drop_session(request)
    answer.delete_cookie(COOKIE, samesite="Lax")


def _drop_session(request: HttpRequest) -> None:
    key = request.COOKIES.get(COOKIE, "")
    if _KEY.fullmatch(key):
        MemberSession.objects.filter(session_key=key).delete()


# ---------------------------------------------------------------------------------- the login link


def may_ask(request: HttpRequest) -> bool:
    """Whether this client has not asked too often, whoever it asked for.

    What is mailed to one address is bounded by its rows, whoever asks.
    """
    return count_asking("login", request, int(WITHIN.total_seconds())) <= ASKED_BY_CLIENT


def send_login_link(email: str, leads_to: str, now: datetime) -> None:
    """To the active member of that address, unless they got their share already; else nothing."""
    # Written first: a mail too few is asked for again, mails without end are not taken back.
    link = _make_login_link(email, leads_to, now)
    if link is None:
        return
    member = link.member
    try:
        with Relay() as relay:
            relay.send(build_login(member, link))
    except (TransportError, ValueError) as error:  # a BadAddress is a ValueError
        logger.warning("The login link for member %s was not sent: %s", member.pk, error)


@transaction.atomic
def _make_login_link(email: str, leads_to: str, now: datetime) -> LoginLink | None:
    """Counted and written under one lock, so that workers at once make no more than one would."""
    member = Member.objects.active().hold().with_email(email).first()
    if member is None:
        return None
    if member.login_links.filter(made_at__gt=now - WITHIN).count() >= MAILS:
        logger.warning("Member %s has been mailed enough login links", member.pk)
        return None
    return member.login_links.create(made_at=now, leads_to=choose_address(leads_to))


def choose_address(path: str) -> str:
    """`path` if it is one of this site's and not too long to keep; else empty."""
    is_ours = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if is_ours and path.isprintable() and len(path) <= 500 else ""


# -------------------------------------------------------------------- the links in a mailed edition


def is_entrance_open(delivery: Delivery, now: datetime) -> bool:
    """Whether the links of a delivery's mail still let its member in."""
    return now - delivery.mailing.opened_at < ENTRANCE_GOOD_FOR


def find_place(delivery: Delivery, place: str) -> tuple[Edition, str] | None:
    """Where a link of the delivery's mail leads, and the edition that is to be open for it.

    In an edition's mail: "pdf", an entry's anchor, or its beginning. In any: the page of an entry
    that is in it or that it has a correction of, by its key. None if there is no such entry.
    """
    edition = delivery.mailing.edition
    if edition is None or _ENTRY.fullmatch(place):
        return _find_entry(delivery, place)
    path = edition.get_absolute_url()
    if place == "pdf":
        return edition, f"{path.rstrip('/')}.pdf"
    return edition, f"{path}#{place}" if _ANCHOR.fullmatch(place) else path


def _find_entry(delivery: Delivery, place: str) -> tuple[Edition, str] | None:
    named = _ENTRY.fullmatch(place)
    is_shown = Q(pk__in=delivery.digest.items.values("entry"))
    is_corrected = Q(pk__in=delivery.digest.corrections.values("correction__entry"))
    entries = Entry.objects.select_related("edition").filter(is_shown | is_corrected)
    entry = entries.filter(pk=int(named[1])).first() if named else entries.newest_first().first()
    if entry is None or entry.edition is None:
        return None
    return entry.edition, entry.get_absolute_url()
