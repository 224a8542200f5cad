"""What somebody tries who means no good: on every public page of members, and in their mail."""

import secrets
from datetime import timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from itertools import chain
from time import time
from urllib.parse import urlencode

import pytest
from django.core import mail, signing
from django.core.cache import cache
from django.core.signing import Signer
from django.test import Client
from django.utils import timezone

from briefings.models import Audience, Entry, Publication, Theme
from briefings.tests.makers import make_published
from subscribers.forms import make_stamp
from subscribers.joining import MAILS
from subscribers.links import CONFIRM_WITHIN, ERASE_WITHIN, Purpose, make_token
from subscribers.messages import build_message
from subscribers.models import (
    AddressChange,
    ConsentRecord,
    ConsentWay,
    Delivery,
    JoiningRequest,
    LoginLink,
    MailReport,
    Member,
    MemberSession,
    MemberState,
    Suppression,
)
from subscribers.personal_data import erase_member
from subscribers.preference_pages import ASKED_FOR_MEMBER
from subscribers.tasks import send_erase_link, send_login_link, send_personal_data
from subscribers.tests.makers import make_mailing, make_member, read_message
from subscribers.urls import urlpatterns

pytestmark = pytest.mark.django_db

EVIL = "evil.test"


@pytest.fixture(autouse=True)
def no_counts():
    cache.clear()


@pytest.fixture
def asked_for(monkeypatch):
    """What a worker was asked to mail; the broker's place is taken at its narrow name."""
    queued: list[tuple] = []
    for task in (send_login_link, send_personal_data, send_erase_link):
        monkeypatch.setattr(task, "delay", lambda *args: queued.append(args))
    return queued


def suppress(email: str) -> None:
    report = MailReport.objects.create(
        kind="hard", way="imap", message_id=f"<{email}>", received_at=timezone.now()
    )
    Suppression.objects.create(address=email, reason="hard", report=report, since=timezone.now())


# ------------------------------------------------------------------------------------ the addresses
def list_pages() -> list[tuple[Purpose, str]]:
    """Each address with a token in it, `{}` in its place, and what its token is for."""
    routes = [str(pattern.pattern) for pattern in urlpatterns]
    pages = [f"/{route}".replace("<str:token>", "{}") for route in routes if "<str:token>" in route]
    return [(find_purpose(page), page) for page in pages]


def find_purpose(page: str) -> Purpose:
    before_token = page.partition("/{}")[0]
    return Purpose(before_token.rpartition("/")[2])


def make_pks() -> dict[Purpose, int]:
    """One key for each purpose, all of them good, of one active member."""
    edition = make_published(audience=Audience.MEMBERS)
    delivery = make_mailing(1, edition).deliveries.get()
    member, now = delivery.member, timezone.now()
    link = LoginLink.objects.create(member=member, made_at=now)
    change = AddressChange.objects.create(
        member=member, old_email=member.email, new_email="new@example.com", asked_at=now
    )
    return dict.fromkeys(Purpose, member.pk) | {
        Purpose.MAIL: delivery.pk,
        Purpose.ENTER: delivery.pk,
        Purpose.LOGIN: link.pk,
        Purpose.MOVE: change.pk,
        Purpose.KEEP: change.pk,
    }


def take_stock() -> list[dict[str, object]]:
    """All that a link could change."""
    kept = (Member, AddressChange, ConsentRecord, LoginLink, MemberSession, Delivery, Suppression)
    rows = [model.objects.order_by("pk").values() for model in kept]
    return list(chain(*rows, Member.themes.through.objects.values()))


# ---------------------------------------------------------------------------------------- the links
def forge_tokens(purpose: Purpose, pk: int) -> dict[str, str]:
    token = make_token(purpose, pk)
    key, _, signed = token.partition(".")
    last = token[-1]
    others = [other for other in Purpose if other != purpose]
    return {
        "made up": secrets.token_urlsafe(32),
        "the key alone": key,
        "without what is signed": f"{key}.",
        "cut short": token[:-1],
        "cut short by half": token[: len(token) // 2],
        "longer": f"{token}A",
        # Two of its bits say nothing, and must count all the same.
        "with another last letter": token[:-1] + ("B" if last == "A" else "A"),
        "in the other case": token.swapcase(),
        "of another row": f"{pk + 1}.{signed}",
        "with a nought before": f"0{token}",
        "in wide digits": f"{pk}.{signed}".translate({ord(c): ord(c) + 0xFEE0 for c in key}),
        "signed with another key": Signer(
            key="another", salt=f"subscribers.{purpose}", sep="."
        ).sign(str(pk)),
        "signed for no purpose": Signer(sep=".").sign(str(pk)),
        "a form's stamp": make_stamp(pk).replace(":", "."),
        **{f"for {other}": make_token(other, pk) for other in others},
    }


@pytest.mark.parametrize(("purpose", "page"), list_pages())
def test_no_page_is_opened_by_a_token_that_was_not_made_for_it(client, purpose, page):
    pk = make_pks()[purpose]
    before = take_stock()

    opened = []
    for kind, token in forge_tokens(purpose, pk).items():
        for ask in (client.get, client.post):
            answer = ask(page.format(token), {"List-Unsubscribe": "One-Click"})
            is_refused = answer.status_code == 405 or (
                answer.status_code == 404 and "連結無效" in answer.text
            )
            if not is_refused:
                opened.append(f"{kind}: {answer.status_code}")

    assert opened == []
    assert take_stock() == before


@pytest.mark.parametrize(
    ("purpose", "page", "period"),
    [
        (Purpose.CONFIRM, "/subscribe/confirm/{}/", CONFIRM_WITHIN),
        (Purpose.ERASE, "/erase/{}/", ERASE_WITHIN),
    ],
)
def test_a_link_that_is_too_old_does_nothing(client, monkeypatch, purpose, page, period):
    member = make_member(state=MemberState.PENDING, confirmed_at=None)
    address, made = page.format(make_token(purpose, member.pk)), time()
    before = take_stock()
    monkeypatch.setattr(signing.time, "time", lambda: made + period.total_seconds() + 2)

    answers = [client.get(address), client.post(address)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert take_stock() == before


@pytest.mark.parametrize(("purpose", "page"), list_pages())
def test_no_link_does_anything_by_being_looked_at(client, purpose, page):
    """Programs that look through mail open every link in it, and write what they like behind it."""
    address = page.format(make_token(purpose, make_pks()[purpose]))
    before = take_stock()

    for ask in (client.get, client.head, client.options):
        ask(f"{address}?List-Unsubscribe=One-Click&csrfmiddlewaretoken=x")

    assert take_stock() == before


# -------------------------------------------------------------------------------------- the buttons
@pytest.mark.parametrize("route", [str(pattern.pattern) for pattern in urlpatterns])
def test_another_site_presses_no_button_but_that_of_one_click(route):
    page = f"/{route}".replace("<str:token>", "{}")
    address = page
    if "{}" in page:
        purpose = find_purpose(page)
        address = page.format(make_token(purpose, make_pks()[purpose]))
    before = take_stock()

    answer = Client(enforce_csrf_checks=True).post(address, {"email": "chan@example.com"})

    if page == "/unsubscribe/{}/":
        assert answer.status_code == 200
    else:
        # Mail services show no form; without their secret their address isn't there.
        assert answer.status_code == (404 if page.startswith("/webhooks/") else 403)
        assert take_stock() == before


IN_PARTS = """--x\r
Content-Disposition: form-data; name="List-Unsubscribe"\r
\r
One-Click\r
--x--\r
"""


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        (IN_PARTS, "multipart/form-data; boundary=x"),
    ],
)
def test_one_click_leaves_for_its_own_member_and_no_other(body, content_type):
    """RFC 8058 lets a mail program post in either of the forms."""
    member, other = make_member(), make_member()
    address = f"/unsubscribe/{make_token(Purpose.UNSUBSCRIBE, member.pk)}/"

    Client(enforce_csrf_checks=True).post(address, body, content_type=content_type)

    assert list(Member.objects.active()) == [other]
    assert ConsentRecord.objects.get().way == ConsentWay.ONE_CLICK


# ---------------------------------------------------------------------------------- who is a member
def make_known() -> list[str]:
    """One address of each kind, and one of nobody."""
    make_member(email="active@example.com")
    make_member(email="pending@example.com", state=MemberState.PENDING, confirmed_at=None)
    make_member(email="gone@example.com").unsubscribe()
    make_member(email="suppressed@example.com")
    suppress("suppressed@example.com")
    erased = make_member(email="erased@example.com")
    erase_member(erased, timezone.now(), way=ConsentWay.LINK)
    kinds = ("active", "pending", "gone", "suppressed", "erased", "nobody")
    return [f"{kind}@example.com" for kind in kinds]


def describe(answer) -> tuple:
    """All that is seen of it, but when it expires, and the request's own number."""
    own = ("Expires", "X-Request-ID")
    headers = {name: value for name, value in answer.items() if name not in own}
    return answer.status_code, headers, sorted(answer.cookies), answer.content


def test_no_answer_tells_whose_an_address_is(answered, asked_for, confirmations):
    emails = make_known()
    member = make_member(email="asks@example.com")
    move = f"/preferences/{make_token(Purpose.PREFERENCES, member.pk)}/address/"

    answers = {"/subscribe/": set(), "/login/": set(), move: set()}
    for page, seen in answers.items():
        for email in emails:
            form = {"email": email, "consent": "on", "shown": make_stamp(time() - 5)}
            AddressChange.objects.all().delete()  # three are let through, whosever they are
            seen.add(str(describe(Client().post(page, form))))

    assert [len(seen) for seen in answers.values()] == [1, 1, 1]


# --------------------------------------------------------------------------- a mailbox to be filled
@pytest.mark.parametrize(
    "email",
    [
        "chan+{}@example.com",
        "CHAN+{}@Example.com",
        "chan@xn--fsqu00a.xn--j6w193g",
        "chan@例子.香港",
    ],
)
def test_one_mailbox_is_written_to_three_times_a_day_however_its_address_is_written(
    email, confirmations, answered, django_capture_on_commit_callbacks, monkeypatch
):
    monkeypatch.setattr("subscribers.models.members.ASK_AGAIN_AFTER", timedelta(0))
    for number in range(MAILS + 3):
        form = {"email": email.format(number), "consent": "on", "shown": make_stamp(time() - 5)}
        with django_capture_on_commit_callbacks(execute=True):
            answer = Client(REMOTE_ADDR=f"203.0.113.{number}").post("/subscribe/", form)
        assert answer.status_code == 302

    assert JoiningRequest.objects.count() == MAILS + 3
    assert len(confirmations) == MAILS


@pytest.mark.parametrize("page", ["data", "erase"])
def test_who_was_sent_a_mail_on_fills_nobodys_mailbox(asked_for, page):
    """From however many machines."""
    token = make_token(Purpose.PREFERENCES, make_member().pk)

    answers = [
        Client(REMOTE_ADDR=f"203.0.113.{number}").post(f"/preferences/{token}/{page}/")
        for number in range(ASKED_FOR_MEMBER + 2)
    ]

    assert len(asked_for) == ASKED_FOR_MEMBER
    assert answers[-1].status_code == 429


# ----------------------------------------------------------------------------------------- the mail
LINE_ENDS = ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
INJECTED = [f"甲{end}Bcc: x@{EVIL}{end}{end}正文" for end in LINE_ENDS] + [
    f"a\r\nBcc: x@{EVIL}",
    f"=?utf-8?q?a=0d=0aBcc:_x@{EVIL}?=",
    f"=?utf-8?b?YQ0KQmNjOiB4QGV2aWwudGVzdA==?= <x@{EVIL}>",
    f'" <x@{EVIL}>, "',
]
HEADERS = [
    "Content-Type",
    "MIME-Version",
    "Subject",
    "From",
    "To",
    "Reply-To",
    "Date",
    "Message-ID",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Auto-Submitted",
    "Precedence",
    "Feedback-ID",
]


def mail_with(place: str, text: str):
    """The copy of a member, with this text stored where editors and members may write some."""
    written = {"reply_to": "editor@cma.org.hk"}
    if place in {"name", "sender_name", "organisation"}:
        written[place] = text
    Publication(**written).save()
    edition = make_published({"themes": [Theme.objects.create(name="工業")]})
    if place == "headline":
        Entry.objects.update(headline=text)
    if place == "theme":
        Theme.objects.update(name=text)
    member = make_member(name=text if place == "member" else "")
    delivery = make_mailing(0, edition).deliveries.get()
    message = build_message(delivery, delivery.digest, delivery.mailing)
    return member, message


@pytest.mark.parametrize("text", INJECTED)
@pytest.mark.parametrize(
    "place", ["name", "sender_name", "organisation", "headline", "theme", "member"]
)
def test_what_anybody_writes_stays_in_its_header(place, text):
    member, message = mail_with(place, text)

    source = message.message().as_bytes()

    assert message.recipients() == [member.email]
    read, raw = read_message(source), message_from_bytes(source)
    assert sorted(read.keys()) == sorted(raw.keys()) == sorted(HEADERS)
    for name in ("Subject", "From", "To", "Reply-To"):
        assert len(str(read[name]).splitlines()) == 1, name
        assert len(str(make_header(decode_header(raw[name]))).splitlines()) == 1, name
    assert [one.addr_spec for one in read["To"].addresses] == [member.email]
    assert [one.addr_spec for one in read["From"].addresses] == ["research@cma.org.hk"]


@pytest.mark.parametrize("text", INJECTED)
@pytest.mark.parametrize("place", ["sender_email", "reply_to"])
def test_an_address_that_is_none_is_refused_or_stays_in_its_header(place, text):
    """No form stores one; should it ever stand in the row, it must not become a header."""
    make_mailing()
    Publication(**{place: f"{text}@cma.org.hk"}).save()
    mailing = make_mailing(0)
    delivery = mailing.deliveries.get()

    try:
        source = build_message(delivery, delivery.digest, mailing).message().as_bytes()
    except ValueError:  # which delivery takes for what it is
        return

    assert message_from_bytes(source)["Bcc"] is None
    assert len(message_from_bytes(source).get("Reply-To", "-").splitlines()) == 1


# --------------------------------------------------------------------------------- led to elsewhere
ELSEWHERE = [
    f"https://{EVIL}/",
    f"//{EVIL}/",
    f"///{EVIL}/",
    f"/\\{EVIL}/",
    f"\\\\{EVIL}",
    f"/\t/{EVIL}/",
    f" //{EVIL}",
    f"https:{EVIL}",
    f"javascript:alert('{EVIL}')",
    f"/\r\nLocation: https://{EVIL}/",
    f"@{EVIL}",
]


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_mailed_link_leads_to_our_pages_whatever_is_written_behind_it(client, place):
    pks = make_pks()
    address = f"/enter/{make_token(Purpose.ENTER, pks[Purpose.ENTER])}/"

    answer = client.post(f"{address}?{urlencode({'to': place})}")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/editions/")
    assert EVIL not in answer["Location"]


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_login_leads_to_our_pages_whatever_the_form_was_made_to_hold(client, place):
    make_member(email="chan@example.com")
    send_login_link("chan@example.com", place)
    link = LoginLink.objects.get()

    answer = client.post(f"/login/{make_token(Purpose.LOGIN, link.pk)}/", {"leads_to": place})

    assert answer["Location"] == "/"
    assert len(mail.outbox) == 1
