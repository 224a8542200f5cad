"""Joining, changing one's mind, and leaving, as a member's browser and mail program see it."""

import re
from datetime import timedelta
from html import unescape
from itertools import permutations
from time import time

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags
from kombu.exceptions import OperationalError

from briefings.models import Edition, Publication, Theme
from briefings.publishing import withdraw_edition
from briefings.tests.makers import make_draft, make_published
from subscribers import views
from subscribers.forms import PreferencesForm, make_stamp
from subscribers.links import Purpose, make_token
from subscribers.models import ConsentRecord, Frequency, JoiningRequest, Member, MemberState
from subscribers.tasks import answer_joining_request, send_confirmation
from subscribers.tests.makers import VARIANT, make_delivery, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_counts():
    cache.clear()


@pytest.fixture
def subscribe(client, answered, django_capture_on_commit_callbacks):
    def post(email="chan@example.com", prefix="", **fields):
        wish = {"email": email, "consent": "on", "shown": make_stamp(time() - 5)}
        with django_capture_on_commit_callbacks(execute=True):
            return client.post(f"{prefix}/subscribe/", wish | fields, follow=True)

    return post


def make_theme(name="創新科技"):
    theme = Theme.objects.create(name=name)
    make_published({"themes": [theme]})
    return theme


def path(purpose, pk, *, token_for=None):
    folder = "subscribe/confirm" if purpose == Purpose.CONFIRM else purpose
    return f"/{folder}/{make_token(token_for or purpose, pk)}/"


def test_subscribing_makes_a_pending_member_and_mails_them(subscribe, confirmations):
    theme = make_theme()

    response = subscribe(name="陳大文", themes=[theme.pk])

    member = Member.objects.get()
    assert member.state == MemberState.PENDING
    assert (member.name, member.frequency) == ("陳大文", Frequency.EVERY_EDITION)
    assert list(member.themes.all()) == [theme]
    assert confirmations == [member.pk]
    assert "請查看電郵" in response.content.decode()


def test_the_answer_is_the_same_whatever_the_address(subscribe, confirmations):
    make_member(email="active@example.com")
    make_member(email="gone@example.com").unsubscribe()

    pages = [
        subscribe(email) for email in ("new@example.com", "active@example.com", "GONE@example.com")
    ]

    assert len({page.content for page in pages}) == 1
    assert len({tuple(page.redirect_chain) for page in pages}) == 1
    assert len(confirmations) == 3


def test_without_consent_nobody_is_written_down(subscribe, confirmations):
    response = subscribe(consent="")

    assert "請先剔選同意" in response.content.decode()
    assert not Member.objects.exists()
    assert confirmations == []


def test_the_consent_that_is_asked_for_is_the_one_that_is_kept(client, subscribe, confirmations):
    Publication(organisation="某商會").save()

    page = client.get("/subscribe/").content.decode()
    subscribe()

    assert "某商會" in Member.objects.get().consent_wording
    assert Member.objects.get().consent_wording in page


@pytest.mark.parametrize(
    ("prefix", "script", "language"),
    [("", "hant", "both"), ("/zh-hans", "hans", "both"), ("/en", "hant", "en")],
)
def test_who_joins_on_a_page_is_written_to_in_its_language_and_script(
    subscribe, confirmations, prefix, script, language
):
    subscribe(prefix=prefix)

    member = Member.objects.get()
    assert (member.script, member.notice_language) == (script, language)


def test_the_page_proposes_its_language_and_a_person_chooses(client, subscribe, confirmations):
    page = client.get("/en/subscribe/").text

    assert re.search(r'name="notice_language" value="en"[^>]* checked', page)
    subscribe(prefix="/en", notice_language="both", script="hans")
    member = Member.objects.get()
    assert (member.script, member.notice_language) == ("hans", "both")


@pytest.mark.parametrize("prefix", ["", "/zh-hans", "/en"])
def test_what_is_recorded_is_what_was_shown_in_whatever_language(
    client, subscribe, confirmations, prefix
):
    Publication(organisation="某&商會").save()

    page = client.get(f"{prefix}/subscribe/").text
    subscribe(prefix=prefix)
    Member.objects.get().confirm()

    label = re.search(r'<label for="id_consent">(.*?)</label>', page, re.DOTALL)[1]
    shown = unescape(strip_tags(label.replace('<span class="consent-beside"', "\n<span")))
    recorded = {record.wording.text for record in ConsentRecord.objects.all()}
    assert recorded == {shown}
    assert ("I agree" in shown) == (prefix == "/en")
    assert ("本人同意某&商會" in shown) == (prefix != "/zh-hans")


def test_a_wording_that_changes_before_a_worker_comes_is_recorded_as_it_was_shown(client):
    wish = {"email": "chan@example.com", "consent": "on", "shown": make_stamp(time() - 5)}
    client.post("/subscribe/", wish)
    Publication(organisation="另一商會").save()

    answer_joining_request(JoiningRequest.objects.get().pk)

    assert "另一商會" not in Member.objects.get().consent_wording


def test_a_program_that_fills_in_every_field_gets_the_usual_answer_and_nothing_else(
    subscribe, confirmations
):
    response = subscribe(website="https://spam.example")

    assert "請查看電郵" in response.content.decode()
    assert not Member.objects.exists()
    assert confirmations == []


def test_opening_the_confirmation_link_only_shows_a_button(client):
    member = make_member(state=MemberState.PENDING)

    page = client.get(path(Purpose.CONFIRM, member.pk)).content.decode()

    member.refresh_from_db()
    assert member.state == MemberState.PENDING
    assert "確認訂閱</button>" in page


def test_pressing_the_button_confirms(client):
    member = make_member(state=MemberState.PENDING)

    page = client.post(path(Purpose.CONFIRM, member.pk)).content.decode()

    member.refresh_from_db()
    assert member.is_active
    assert "訂閱成功" in page


def test_preferences_can_be_changed(client):
    theme = make_theme()
    member = make_member()

    wish = {"name": "李四", "frequency": "paused", **VARIANT, "themes": [theme.pk]}
    page = client.post(path(Purpose.PREFERENCES, member.pk), wish).content.decode()

    member.refresh_from_db()
    assert "偏好已儲存" in page
    assert (member.name, member.frequency) == ("李四", Frequency.PAUSED)
    assert list(member.themes.all()) == [theme]


def test_saving_preferences_does_not_bring_back_who_unsubscribes_meanwhile(client, monkeypatch):
    member = make_member()
    find = views._find_member

    def find_then_unsubscribe(*args):
        found = find(*args)
        member.unsubscribe()
        return found

    monkeypatch.setattr(views, "_find_member", find_then_unsubscribe)
    client.post(path(Purpose.PREFERENCES, member.pk), {"frequency": "every", **VARIANT})

    member.refresh_from_db()
    assert member.state == MemberState.UNSUBSCRIBED


def test_only_themes_of_public_entries_are_offered(client):
    make_theme("已出版的主題")
    make_draft({"themes": [Theme.objects.create(name="未公開的主題")]})

    page = client.get("/subscribe/").content.decode()

    assert "已出版的主題" in page
    assert "未公開的主題" not in page


def test_a_chosen_theme_stays_although_its_edition_was_withdrawn(client):
    theme = make_theme()
    member = make_member(themes=[theme])
    withdraw_edition(Edition.objects.get())

    client.post(
        path(Purpose.PREFERENCES, member.pk),
        {"frequency": "every", **VARIANT, "themes": [theme.pk]},
    )

    assert list(member.themes.all()) == [theme]


def test_who_has_left_finds_no_preferences_but_a_way_back(client):
    member = make_member()
    member.unsubscribe()

    response = client.get(path(Purpose.PREFERENCES, member.pk))

    assert response.status_code == 200
    assert "現時沒有訂閱" in response.content.decode()


def test_opening_the_unsubscribe_link_only_asks(client):
    member = make_member()

    page = client.get(path(Purpose.UNSUBSCRIBE, member.pk)).content.decode()

    member.refresh_from_db()
    assert member.is_active
    assert "Unsubscribe" in page


def test_a_mail_program_unsubscribes_in_one_click_without_cookie_or_redirect():
    """RFC 8058, 3.1: a POST with this body, and nothing else."""
    member = make_member()
    program = Client(enforce_csrf_checks=True)

    response = program.post(
        path(Purpose.UNSUBSCRIBE, member.pk),
        "List-Unsubscribe=One-Click",
        content_type="application/x-www-form-urlencoded",
    )

    member.refresh_from_db()
    assert response.status_code == 200
    assert member.state == MemberState.UNSUBSCRIBED


def test_unsubscribing_twice_gets_the_same_kind_answer(client):
    member = make_member()

    first = client.post(path(Purpose.UNSUBSCRIBE, member.pk))
    second = client.post(path(Purpose.UNSUBSCRIBE, member.pk))

    assert first.content == second.content
    assert "已取消訂閱" in second.content.decode()


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("purpose", [Purpose.PREFERENCES, Purpose.UNSUBSCRIBE, Purpose.CONFIRM])
def test_a_deleted_member_gets_a_kind_page(client, purpose, method):
    member = make_member()
    address = path(purpose, member.pk)
    member.delete()

    response = getattr(client, method)(address)

    assert response.status_code == 200
    assert "現時沒有訂閱" in response.content.decode()


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("folder", ["preferences", "unsubscribe", "subscribe/confirm"])
@pytest.mark.parametrize("token", ["1.forged", "x", "1.2.3", "%00", "%E4%B8%80.x"])
def test_a_bad_link_gets_a_kind_page_and_does_nothing(client, folder, token, method):
    member = make_member()

    response = getattr(client, method)(f"/{folder}/{token}/")

    member.refresh_from_db()
    assert response.status_code == 404
    assert "連結無效" in response.content.decode()
    assert member.is_active


@pytest.mark.parametrize(("purpose", "other"), list(permutations(Purpose, 2)))
def test_a_link_for_one_purpose_opens_no_other_page(client, purpose, other):
    delivery = make_delivery()

    response = client.get(path(other, delivery.pk, token_for=purpose))

    assert response.status_code == 404
    assert "連結無效" in response.content.decode()


def test_a_mail_can_be_read_in_the_browser_as_it_was_sent(client):
    delivery = make_delivery(name="陳大文")

    page = client.get(path(Purpose.MAIL, delivery.pk))

    assert "陳大文，您好" in page.content.decode()
    assert delivery.mailing.edition.entries.get().headline in page.content.decode()
    assert page["X-Robots-Tag"] == "noindex"


@pytest.mark.parametrize("purpose", [Purpose.PREFERENCES, Purpose.UNSUBSCRIBE, Purpose.CONFIRM])
def test_what_a_link_shows_is_kept_in_no_cache(client, purpose):
    response = client.get(path(purpose, make_member().pk))

    assert "no-store" in response["Cache-Control"]


def test_who_signs_up_chooses_a_frequency(subscribe):
    subscribe("chan@example.com", frequency="monthly")

    assert Member.objects.get().frequency == Frequency.MONTHLY


def test_nobody_signs_up_to_get_nothing(subscribe):
    page = subscribe("chan@example.com", frequency="paused").content.decode()

    assert 'role="alert"' in page
    assert not Member.objects.exists()


def test_preferences_offer_every_frequency():
    form = PreferencesForm(instance=make_member())

    assert [value for value, _ in form.fields["frequency"].choices] == Frequency.values


@pytest.mark.parametrize(
    ("email", "words"), [("", "請填寫電郵地址。"), ("x", "請填寫正確的電郵地址。")]
)
def test_a_faulty_address_is_asked_for_in_the_words_of_the_form(subscribe, email, words):
    page = subscribe(email).content.decode()

    assert words in page


def test_a_faulty_field_is_described_by_what_is_wrong_with_it(client):
    page = client.post("/subscribe/", {"email": "x", "frequency": "x"}).text

    described = " ".join(re.findall(r'aria-describedby="([^"]*)"', page)).split()
    assert {"id_email_error", "id_frequency_error"} <= set(described)
    assert [one for one in described if f'id="{one}"' not in page] == []


@pytest.mark.parametrize(
    "email",
    [
        '""@example.com',
        "a@．.hk",
        "a@\u200d.hk",
        f"a@{'é' * 60}.hk",
        "a@b＠example.hk",
        "a@b，example.hk",
        "=?utf-8?q?a?=@example.com",
    ],
)
def test_an_address_that_no_mail_can_be_sent_to_is_refused(subscribe, confirmations, email):
    page = subscribe(email).content.decode()

    assert "無法寄信到這個地址" in page
    assert not Member.objects.exists()


def test_an_address_in_chinese_is_accepted(subscribe, confirmations):
    subscribe("chan@例子.香港")

    assert Member.objects.get().email == "chan@例子.香港"


def test_asking_again_soon_gets_the_same_answer_and_no_second_mail(subscribe, confirmations):
    pages = [subscribe(), subscribe("CHAN@example.com")]

    assert pages[0].content == pages[1].content
    assert confirmations == [Member.objects.get().pk]


def test_asking_again_later_gets_another_mail(subscribe, confirmations):
    subscribe()
    Member.objects.update(asked_at=timezone.now() - timedelta(minutes=11))

    subscribe()

    assert len(confirmations) == 2


def fail(*args, **kwargs):
    raise OperationalError("no broker")


def test_who_leaves_and_comes_back_at_once_gets_another_mail(subscribe, confirmations):
    subscribe()
    member = Member.objects.get()
    member.confirm()
    member.unsubscribe()

    subscribe()
    subscribe()

    assert confirmations == [member.pk, member.pk]


def test_without_a_broker_the_visitor_gets_the_page_and_the_wish_is_kept(subscribe, monkeypatch):
    monkeypatch.setattr(answer_joining_request, "apply_async", fail)

    response = subscribe()

    assert "請查看電郵" in response.content.decode()
    assert JoiningRequest.objects.get().answered_at is None


def test_without_a_broker_for_the_mail_the_member_is_there_and_the_mail_stays_due(
    subscribe, monkeypatch
):
    monkeypatch.setattr(send_confirmation, "apply_async", fail)

    subscribe()

    assert Member.objects.get().confirmation_due_at is not None


def test_the_mail_of_a_withdrawn_edition_is_no_longer_shown(client):
    delivery = make_delivery()
    withdraw_edition(delivery.mailing.edition)

    response = client.get(path(Purpose.MAIL, delivery.pk))

    assert response.status_code == 410
    assert "這一期已撤回" in response.content.decode()
    assert delivery.mailing.edition.entries.get().headline not in response.content.decode()


@pytest.mark.parametrize("page", ["/subscribe/confirm/{}/", "/unsubscribe/{}/", "/preferences/{}/"])
def test_who_is_deleted_at_this_moment_is_told_kindly(client, monkeypatch, page):
    member = make_member()
    monkeypatch.setattr(views, "_find_member", lambda *_: member)
    Member.objects.all().delete()

    answer = client.post(page.format("token"), {"frequency": "paused", "script": "hant"})

    assert answer.status_code == 200


@pytest.mark.django_db
def test_who_joins_again_is_not_held_to_what_they_chose_before():
    member = make_member(wants_pdf=True, paused_until=timezone.localdate() + timedelta(days=90))
    member.unsubscribe()

    again = Member.objects.sign_up(
        email=member.email, name="", frequency="every", themes=[], now=timezone.now()
    )

    again.refresh_from_db()
    assert (again.wants_pdf, again.paused_until) == (False, None)
