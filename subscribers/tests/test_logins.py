"""Members reading on the web: getting in, being known, and getting out."""

import re
from datetime import timedelta
from threading import Event
from time import sleep

import pytest
from celery import current_app
from django.core import mail
from django.core.cache import cache
from django.db import DatabaseError
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone
from kombu.exceptions import OperationalError

from briefings.models import Audience, Edition
from briefings.publishing import withdraw_edition
from briefings.tests.makers import make_published
from briefings.tests.test_lock_order import do_at_once
from subscribers import login_pages, logins
from subscribers.links import Purpose, make_token
from subscribers.logins import (
    ASKED_BY_CLIENT,
    COOKIE,
    MAILS,
    WITHIN,
    MemberSessions,
    choose_address,
)
from subscribers.models import LOGIN_LINK_GOOD_FOR, LoginLink, Mailing, Member, MemberSession
from subscribers.retention import LINKS_KEPT, RULES
from subscribers.tests.makers import at_once, make_mailing, make_member
from subscribers.transport import Relay

pytestmark = pytest.mark.django_db

SECRET = "會員先讀的話"


@pytest.fixture(autouse=True)
def worker_at_once():
    cache.clear()
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


@pytest.fixture
def member() -> Member:
    return make_member(email="chan@example.com", name="陳大文")


def make_closed(**fields) -> Edition:
    return make_published({"headline": SECRET}, audience=Audience.MEMBERS, **fields)


def ask(email="chan@example.com", client=None, **fields):
    return (client or Client()).post("/login/", {"email": email} | fields)


def make_link(member: Member, **fields) -> str:
    link = LoginLink.objects.create(member=member, **{"made_at": timezone.now()} | fields)
    return f"/login/{make_token(Purpose.LOGIN, link.pk)}/"


def log_in(member: Member, client=None) -> Client:
    client = client or Client()
    assert client.post(make_link(member)).status_code == 302
    return client


def may_read(client: Client) -> bool:
    return (
        client.get(Edition.objects.get(entries__headline=SECRET).get_absolute_url()).status_code
        == 200
    )


def enter(mailing: Mailing, place="") -> str:
    return f"/enter/{make_token(Purpose.ENTER, mailing.deliveries.get().pk)}/{place}"


def mail_closed(member: Member, **fields) -> Mailing:
    return make_mailing(0, make_closed(**fields))


# ------------------------------------------------------------------------------- asking for a link
def test_the_link_that_is_mailed_logs_the_member_in(member):
    make_closed()
    client = Client()
    sent = client.get(ask(client=client)["Location"])

    link = re.search(r"https?://[^/]+(/login/\S+)", mail.outbox[0].body)[1]
    shown = client.get(link)
    client.post(link)

    assert "請查看電郵" in sent.content.decode()
    assert mail.outbox[0].to == ["chan@example.com"]
    assert mail.outbox[0].body.startswith("陳大文，您好：")
    assert "登入</button>" in shown.content.decode()
    assert may_read(client)


@pytest.mark.parametrize("letters", ["CHAN@example.com", " chan@EXAMPLE.com "])
def test_the_case_of_an_address_makes_no_difference(member, letters):
    ask(letters)

    assert len(mail.outbox) == 1


def test_the_answer_is_the_same_whether_or_not_somebody_is_a_member(member):
    make_member(email="gone@example.com").unsubscribe()

    answers = [ask(f"{name}@example.com") for name in ("chan", "nobody", "gone")]

    assert len({(one.status_code, one["Location"], one.content) for one in answers}) == 1
    assert len(mail.outbox) == 1


def test_the_page_does_not_look_the_address_up(member, django_assert_num_queries, monkeypatch):
    # What takes time differs by address, so the page leaves all of it to the worker.
    monkeypatch.setattr("subscribers.tasks.send_login_link.delay", lambda *args: None)

    with django_assert_num_queries(0):
        ask()


def test_without_its_broker_the_page_asks_for_patience(member, monkeypatch):
    def refuse(*args):
        raise OperationalError

    monkeypatch.setattr("subscribers.tasks.send_login_link.delay", refuse)

    answer = ask()

    assert answer.status_code == 503
    assert "現時未能寄出郵件，請過幾分鐘再試。" in answer.content.decode()


def test_nobody_is_mailed_more_than_three_in_an_hour(member):
    for _ in range(MAILS + 2):
        ask()

    assert len(mail.outbox) == MAILS


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_workers_at_once_mail_no_more_than_one_after_another(member, monkeypatch):
    sent = []
    monkeypatch.setattr(logins, "build_login", lambda member, link: sleep(0.05) or link)
    monkeypatch.setattr(Relay, "__enter__", lambda relay: relay)
    monkeypatch.setattr(Relay, "__exit__", lambda *args: None)
    monkeypatch.setattr(Relay, "send", lambda relay, link: sent.append(link))

    at_once(MAILS + 5, lambda: logins.send_login_link(member.email, "", timezone.now()))

    assert len(sent) == MAILS


def test_after_an_hour_mail_goes_out_again(member):
    for _ in range(MAILS):
        ask()
    LoginLink.objects.update(made_at=timezone.now() - timedelta(hours=1))

    ask()

    assert len(mail.outbox) == MAILS + 1


def test_a_client_that_asks_without_end_is_told_to_wait_whoever_it_asks_for(member):
    answers = [ask(f"{number}@example.com") for number in range(ASKED_BY_CLIENT + 1)]

    assert [one.status_code for one in answers] == [302] * ASKED_BY_CLIENT + [429]
    assert "請過一小時再試" in answers[-1].content.decode()


def test_a_full_cache_keeps_nobody_from_asking(member, monkeypatch):
    monkeypatch.setattr(cache, "add", lambda *args, **kwargs: True)

    assert ask().status_code == 302
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("email", ["", "x", "a@b\x00.hk", "😀" * 3000, '""@example.com'])
def test_a_faulty_address_is_asked_for_again(email):
    answer = ask(email)

    assert answer.status_code == 200
    assert 'class="error"' in answer.content.decode()
    assert mail.outbox == []


def test_a_relay_that_refuses_is_no_failure(member, relay):
    relay.on_data = lambda address: "550 no"

    assert ask().status_code == 302


def test_members_are_brought_back_to_the_page_they_came_from(member):
    edition = make_closed()
    client = Client()
    page = client.get(
        "/login/", headers={"referer": f"http://testserver{edition.get_absolute_url()}"}
    )
    ask(client=client, leads_to=page.context["leads_to"])

    link = re.search(r"https?://[^/]+(/login/\S+)", mail.outbox[0].body)[1]

    assert client.post(link)["Location"] == edition.get_absolute_url()


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "editions/",
        "/" * 501,
        "/\x00",
    ],
)
def test_nobody_is_led_away_from_the_site(path):
    assert choose_address(path) == ""


def came_from(address: str) -> str:
    return Client().get("/login/", headers={"referer": address}).context["leads_to"]


@pytest.mark.parametrize("address", ["https://evil.example/editions/", "http://[", "testserver"])
def test_a_page_elsewhere_is_not_gone_back_to(address):
    assert came_from(address) == ""


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/search/?q=%E5%85%B3&page=2",
        "/zh-hans/search/?q=abc",
        "/en/",
        "/editions/%E7%94%B2/",
        "/editions/%E7%94%B2.pdf",
        "/enter/token/?to=entry-1",
        "/en/enter/token/",
    ],
)
def test_a_page_with_something_to_read_is_gone_back_to_with_its_query(path):
    assert came_from(f"http://testserver{path}") == path


@pytest.mark.parametrize(
    "path",
    [
        "/login/",
        "/login/sent/",
        "/login/token/",
        "/preferences/token/",
        "/unsubscribe/token/",
        "/subscribe/confirm/token/",
        "/mail/token/",
        "/preview/token/",
        "/zh-hans/login/sent/",
        "/en/preferences/token/",
        "/nowhere/",
        "//evil.example/",
        "",
    ],
)
def test_nobody_is_led_back_to_a_page_that_is_over_or_is_one_persons(path):
    assert came_from(f"http://testserver{path}") == ""


def test_who_asks_anew_after_an_old_link_ends_on_a_page_that_is_there(member):
    client, old = Client(), make_link(member, made_at=timezone.now() - timedelta(hours=2))
    assert client.get(old).status_code == 410
    page = client.get("/login/", headers={"referer": f"http://testserver{old}"})
    ask(client=client, leads_to=page.context["leads_to"])

    link = re.search(r"https?://[^/]+(/login/\S+)", mail.outbox[0].body)[1]

    assert client.post(link)["Location"] == "/"


# ------------------------------------------------------------------------------------- the link
def test_opening_the_link_uses_nothing_up(member):
    make_closed()
    link, scanner = make_link(member), Client()

    scanner.get(link)
    scanner.head(link)

    assert not may_read(scanner)
    assert Client().post(link).status_code == 302


def test_the_link_is_good_once(member):
    make_closed()
    link, second = make_link(member), Client()
    Client().post(link)

    answer = second.post(link)

    assert answer.status_code == 410
    assert "連結已失效" in answer.content.decode()
    assert not may_read(second)


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_link_is_good_for_a_quarter_of_an_hour(member, method):
    link = make_link(member, made_at=timezone.now() - timedelta(minutes=15))

    assert getattr(Client(), method)(link).status_code == 410


def test_who_unsubscribed_meanwhile_is_not_let_in(member):
    link = make_link(member)
    member.unsubscribe()

    assert Client().post(link).status_code == 410


@pytest.mark.parametrize("page", ["login", "enter"])
@pytest.mark.parametrize("token", ["1.forged", "x", "%00", "%E4%B8%80.x", "9" * 400])
def test_a_forged_link_gets_a_kind_page(page, token):
    for method in ("get", "post"):
        answer = getattr(Client(), method)(f"/{page}/{token}/")

        assert answer.status_code == 404
        assert "連結無效" in answer.content.decode()


# ------------------------------------------------------------------------------------ being known
def test_a_login_lasts_thirty_days(member):
    client = log_in(member)

    assert client.cookies[COOKIE]["max-age"] == 30 * 24 * 60 * 60
    lasts = MemberSession.objects.get().expire_date - timezone.now()
    assert timedelta(days=29) < lasts <= timedelta(days=30)


def test_the_cookie_is_no_business_of_scripts_or_of_other_sites(member, settings):
    settings.SESSION_COOKIE_SECURE = True

    cookie = log_in(member).cookies[COOKIE]

    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", True)


def test_each_login_has_a_new_session_and_ends_the_one_before(member):
    client = log_in(member)
    before = client.cookies[COOKIE].value

    log_in(member, client)

    assert client.cookies[COOKIE].value != before
    assert MemberSession.objects.get().session_key == client.cookies[COOKIE].value


def test_a_session_that_somebody_else_put_there_is_never_taken_on(member):
    client = Client()
    client.cookies[COOKIE] = "a" * 32

    log_in(member, client)

    assert client.cookies[COOKIE].value != "a" * 32


@pytest.mark.parametrize(
    "key", ["", "x", "a" * 32, "\x00" * 32, r'"\000\000"', "a" * 5000, "' OR 1=1 --"]
)
def test_a_cookie_made_up_is_nobodys(member, key):
    make_closed()

    assert not may_read(Client(HTTP_COOKIE=f"{COOKIE}={key}"))  # Python's own wouldn't write some


def test_an_old_session_lets_nobody_in(member):
    make_closed()
    client = log_in(member)
    MemberSession.objects.update(expire_date=timezone.now())

    assert not may_read(client)


@pytest.mark.parametrize("end", [Member.unsubscribe, Member.delete])
def test_a_login_ends_with_the_membership(member, end):
    make_closed()
    client = log_in(member)
    assert may_read(client)

    end(Member.objects.get(pk=member.pk))

    assert not may_read(client)
    assert not MemberSession.objects.exists()


@pytest.mark.parametrize("way", ["login", "enter"])
def test_who_left_while_the_button_was_pressed_is_not_let_in(member, way, monkeypatch):
    """Between the look at the member and the opening of the session."""
    link = make_link(member) if way == "login" else enter(mail_closed(member))
    client = log_in(make_member(email="wong@example.com"))
    before = client.cookies[COOKIE].value
    open_session = login_pages.open_session

    def leave_first(*args):
        Member.objects.get(pk=member.pk).unsubscribe()
        return open_session(*args)

    monkeypatch.setattr(login_pages, "open_session", leave_first)
    monkeypatch.setattr(login_pages, "audience_of", lambda request: Audience.PUBLIC)

    answer = client.post(link)

    assert answer.status_code == (410 if way == "login" else 200)
    assert COOKIE not in answer.cookies
    assert MemberSession.objects.get().session_key == before


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_nobody_stays_logged_in_who_leaves_at_the_moment_of_logging_in(member, monkeypatch):
    """The login is stopped where it makes a session, and the other gets as far as it can."""
    make_session = MemberSessions.create
    has_looked, left = Event(), Event()

    def wait_and_make(session):
        has_looked.set()
        left.wait(1)
        return make_session(session)

    def leave():
        has_looked.wait(10)
        try:
            return Member.objects.get(pk=member.pk).unsubscribe()
        finally:
            left.set()

    monkeypatch.setattr(MemberSessions, "create", wait_and_make)
    link = make_link(member)
    do_at_once(lambda: Client().post(link), leave)

    assert not Member.objects.get().is_active
    assert not MemberSession.objects.exists()


def test_who_cannot_be_let_out_everywhere_has_not_left(member, monkeypatch):
    log_in(member)
    delete = QuerySet.delete

    def fail_at_links(rows):
        if rows.model is LoginLink:
            raise DatabaseError
        return delete(rows)

    monkeypatch.setattr(QuerySet, "delete", fail_at_links)

    with pytest.raises(DatabaseError):
        member.unsubscribe()

    assert Member.objects.get().is_active
    assert MemberSession.objects.exists()


def test_who_joins_again_is_not_logged_in_by_what_was_before(member):
    make_closed()
    client = log_in(member)
    member.unsubscribe()
    Member.objects.update(state="active")

    assert not may_read(client)


def test_logging_out_ends_it_and_takes_a_press_of_a_button(member):
    make_closed()
    client = log_in(member)

    client.get("/logout/")
    assert may_read(client)
    client.post("/logout/")

    assert not may_read(client)
    assert not MemberSession.objects.exists()


def test_a_stranger_may_log_out_as_well():
    assert Client().post("/logout/", follow=True).status_code == 200


def test_members_are_no_editors_and_editors_no_members(member, admin_client):
    make_closed()

    assert log_in(member).get("/admin/").status_code == 302
    assert not may_read(admin_client)


def test_a_login_changes_no_preferences(member):
    """Those take the link in the member's own mail."""
    page = log_in(member).get("/login/").content.decode()

    assert "/preferences/" not in page
    assert "chan@example.com" not in page
    assert "陳大文" not in page


@pytest.mark.parametrize("path", ["/", "/editions/", "/search/?q=甲", "/themes/"])
def test_what_a_member_sees_is_kept_from_shared_caches(member, path):
    make_published()
    seen = log_in(member).get(path)

    assert "private" in seen["Cache-Control"]
    assert "Cookie" in seen["Vary"]
    assert "Cookie" in Client().get(path)["Vary"]


def test_being_a_member_costs_one_query(member, django_assert_num_queries, rf):
    from subscribers.logins import audience_of

    request = rf.get("/")
    with django_assert_num_queries(0):
        assert audience_of(request) == Audience.PUBLIC
    request.COOKIES[COOKIE] = log_in(member).cookies[COOKIE].value
    with django_assert_num_queries(1):
        assert audience_of(request) == Audience.MEMBERS


def test_login_links_are_kept_while_they_count():
    assert max(LOGIN_LINK_GOOD_FOR, WITHIN) < LINKS_KEPT


def test_old_logins_are_forgotten(member):
    log_in(member)
    MemberSession.objects.update(expire_date=timezone.now())
    LoginLink.objects.update(made_at=timezone.now() - LINKS_KEPT)
    log_in(member)

    for rule in RULES:
        rule.purge(timezone.now())

    assert MemberSession.objects.count() == LoginLink.objects.count() == 1


# ----------------------------------------------------------- coming in by the links of an edition
def test_a_mailed_link_leads_into_a_closed_edition_after_one_press(member):
    mailing = mail_closed(member)
    client = Client()

    shown = client.get(enter(mailing, "?to=entry-1"))
    answer = client.post(enter(mailing, "?to=entry-1"), follow=True)

    assert "會員閱讀" in shown.content.decode()
    assert SECRET not in shown.content.decode()
    assert answer.redirect_chain[0][0] == f"{mailing.edition.get_absolute_url()}#entry-1"
    assert SECRET in answer.content.decode()


def test_opening_a_mailed_link_lets_nobody_in(member):
    mailing = mail_closed(member)
    scanner = Client()

    scanner.get(enter(mailing))

    assert not may_read(scanner)


def test_a_mailed_link_opens_for_a_day(member):
    """It may have been sent on."""
    client = Client()

    client.post(enter(mail_closed(member)))

    assert client.cookies[COOKIE]["max-age"] == 24 * 60 * 60


def test_who_is_logged_in_is_led_there_at_once(member):
    mailing = mail_closed(member)

    answer = log_in(member).get(enter(mailing, "?to=pdf"))

    assert answer["Location"] == f"/editions/{mailing.edition.slug}.pdf"


def test_once_an_edition_is_public_its_mailed_links_lead_there_and_log_nobody_in(member):
    mailing = mail_closed(member, public_from=timezone.now() + timedelta(days=1))
    Edition.objects.update(public_from=timezone.now())
    client = Client()

    answer = client.post(enter(mailing))

    assert answer["Location"] == mailing.edition.get_absolute_url()
    assert COOKIE not in client.cookies


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_mailed_link_grows_old(member, method):
    mailing = mail_closed(member)
    Mailing.objects.update(opened_at=timezone.now() - timedelta(days=30))

    assert getattr(Client(), method)(enter(mailing)).status_code == 410


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("end", [Member.unsubscribe, Member.delete])
def test_a_mailed_link_ends_with_the_membership(member, end, method):
    link = enter(mail_closed(member))
    end(Member.objects.get(pk=member.pk))

    answer = getattr(Client(), method)(link)

    assert "現時沒有訂閱" in answer.content.decode()
    assert COOKIE not in answer.cookies


def test_the_link_to_a_withdrawn_edition_says_so(member):
    mailing = mail_closed(member)
    withdraw_edition(mailing.edition)

    answer = Client().post(enter(mailing))

    assert answer.status_code == 410
    assert "這一期已撤回" in answer.content.decode()


@pytest.mark.parametrize(
    "place", ["//evil.example", "entry-", "entry-１", "x" * 5000, "\x00", "entry-1\n"]
)
def test_a_place_made_up_is_the_beginning(member, place):
    mailing = mail_closed(member)

    answer = log_in(member).get(enter(mailing), {"to": place})

    assert answer["Location"] == mailing.edition.get_absolute_url()
