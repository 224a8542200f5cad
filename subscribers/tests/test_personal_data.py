"""What is held of a person: theirs to see and to have deleted, and forgotten in time."""

import json
from datetime import date, timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from briefings.models import Theme
from briefings.tests.makers import make_published
from subscribers import tasks
from subscribers.address_changes import ask_for_change, confirm_change
from subscribers.joining import write_down
from subscribers.links import Purpose, make_token, make_url
from subscribers.models import (
    ConsentAct,
    ConsentRecord,
    ConsentWay,
    Delivery,
    DeliveryState,
    Digest,
    JoiningRequest,
    MailReport,
    Member,
    MemberImport,
    MemberState,
    RowKind,
    SearchSubscription,
    Suppression,
    add_search,
)
from subscribers.opening import open_mailing
from subscribers.personal_data import (
    COPIES_KEPT,
    RECORDS_KEPT,
    RULES,
    UNCONFIRMED_KEPT,
    erase_member,
    export_member,
    send_erase_link,
    send_personal_data,
)
from subscribers.tests.makers import VARIANT, make_delivery, make_member

pytestmark = pytest.mark.django_db

NOW = timezone.now()
DAY = timedelta(days=1)


def forget_old(now):
    """As the nightly run does."""
    for rule in RULES:
        rule.purge(now)


@pytest.fixture(autouse=True)
def no_counts():
    cache.clear()


def make_whole() -> Member:
    """A member of whom we hold something of every kind."""
    delivery = make_delivery(state=DeliveryState.SENT, reply="250 secret-7351", name="陳大文")
    member = delivery.member
    member.name = "陳大文"
    member.save()
    member.themes.set([Theme.objects.create(name="房屋")])
    add_search(member, "房屋 -居屋", NOW)
    member.record(ConsentAct.ASKED, ConsentWay.PAGE, NOW)
    ask_for_change(member, "new@example.com", NOW)
    write_down(email=member.email, name="陳", frequency="every", themes=[], now=NOW)
    return member


def test_all_of_it_is_told(mailoutbox):
    member = make_whole()

    send_personal_data(member.pk)

    [mail] = mailoutbox
    [(_, content, kind)] = mail.attachments
    told = json.loads(content)
    assert mail.to == [member.email]
    assert kind == "application/json"
    assert told == json.loads(json.dumps(export_member(member)))
    assert told["稱呼"] == "陳大文"
    assert told["政策主題"] == ["房屋"]
    assert [search["搜尋字詞"] for search in told["訂閱的搜尋"]] == ["房屋 -居屋"]
    assert told["更改電郵"][0]["至"] == "new@example.com"
    assert told["收過的郵件"][0]["郵件伺服器的回覆"] == "250 secret-7351"
    assert told["同意紀錄"][0]["事項"] == "要求訂閱"


def test_every_column_of_a_member_is_told_or_named_here():
    """Whoever adds one decides."""
    told = {
        *("email", "name", "state", "frequency", "paused_until", "themes", "created_at"),
        *("searches", "only_searches"),
        *("script", "notice_language", "wants_pdf"),
        "consent_source",
        *("consent_records", "address_changes", "deliveries", "reports", "sessions"),
        *("consent_wording", "consented_at", "confirmed_at", "unsubscribed_at"),  # as records
    }
    of_no_interest = {
        *("id", "asked_at", "confirmation_due_at", "chosen_themes", "login_links", "member_import"),
        *("digests_from", "digests_until", "last_digest_day"),  # what they got is in the deliveries
    }

    assert {field.name for field in Member._meta.get_fields()} == told | of_no_interest


def test_erasing_leaves_the_consent_records_and_nothing_else():
    member = make_whole()
    email = member.email

    erase_member(member, NOW, way=ConsentWay.LINK)

    assert not Member.objects.exists()
    assert not JoiningRequest.objects.exists()
    assert not SearchSubscription.objects.exists()
    assert [record.act for record in ConsentRecord.objects.all()] == [
        ConsentAct.ASKED,
        ConsentAct.WITHDRAWN,
        ConsentAct.ERASED,
    ]
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.email, delivery.name, delivery.reply) == ("sent", "", "", "")
    assert {record.email for record in ConsentRecord.objects.all()} == {email}


def suppress(address: str, delivery: Delivery) -> None:
    report = MailReport.objects.create(
        delivery=delivery, kind="hard", way="imap", message_id=address, received_at=NOW
    )
    Suppression.objects.create(address=address, reason="hard", report=report, since=NOW)


def move(member: Member, email: str) -> None:
    change = ask_for_change(member, email, NOW)
    assert change
    assert confirm_change(change, NOW)
    member.refresh_from_db()


def test_erasing_takes_the_addresses_they_had_before_too():
    delivery = make_delivery()
    member = delivery.member
    member.record(ConsentAct.GIVEN, ConsentWay.LINK, NOW)
    old = member.email
    suppress(old, delivery)
    suppress("somebody@example.com", delivery)
    move(member, "new@example.com")

    assert [told["電郵"] for told in export_member(member)["停止寄送"]] == [old]
    erase_member(member, NOW, way=ConsentWay.LINK)

    assert [left.address for left in Suppression.objects.all()] == ["somebody@example.com"]


def test_an_address_that_is_another_members_by_now_stays_suppressed():
    delivery = make_delivery()
    member = delivery.member
    member.record(ConsentAct.GIVEN, ConsentWay.LINK, NOW)
    old = member.email
    move(member, "new@example.com")
    make_member(email=old.upper())
    suppress(old, delivery)

    assert export_member(member)["停止寄送"] == []
    erase_member(member, NOW, way=ConsentWay.LINK)

    assert Suppression.objects.get().address == old


def test_erasing_takes_what_lists_said_of_them():
    member = make_member(email="chan@example.com")
    handed_in = MemberImport.objects.create(name="名單", consent_source="會", consented_on=NOW)
    for number, address in enumerate(("Chan@EXAMPLE.com", "a.chan@example.com"), start=2):
        handed_in.rows.create(number=number, kind=RowKind.KNOWN, cells=["陳大文", address])

    erase_member(member, NOW, way=ConsentWay.LINK)

    assert [row.cells[1] for row in handed_in.rows.all()] == ["a.chan@example.com"]


def test_what_still_waits_is_not_sent_to_who_was_erased():
    delivery = make_delivery()

    erase_member(delivery.member, NOW, way=ConsentWay.DESK)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.email) == (DeliveryState.SKIPPED, "")


def test_erasing_twice_is_like_once():
    member = make_member()

    erase_member(member, NOW, way=ConsentWay.LINK)
    erase_member(member, NOW, way=ConsentWay.LINK)

    assert ConsentRecord.objects.filter(act=ConsentAct.ERASED).count() == 1


def test_a_member_has_themselves_erased_by_a_mailed_link(client, mailoutbox):
    member = make_member()
    send_erase_link(member.pk)
    address = f"/erase/{make_token(Purpose.ERASE, member.pk)}/"
    assert make_url(Purpose.ERASE, member.pk).partition("/erase/")[0] in mailoutbox[0].body

    assert "刪除我的資料</button>" in client.get(address).text
    assert Member.objects.exists()

    for _ in range(2):
        assert "資料已刪除" in client.post(address).text
    assert not Member.objects.exists()


@pytest.mark.parametrize(
    ("page", "task"), [("data", "send_personal_data"), ("erase", "send_erase_link")]
)
def test_the_page_itself_shows_and_does_nothing(client, monkeypatch, page, task):
    member = make_member(name="陳大文")
    queued: list[int] = []
    monkeypatch.setattr(getattr(tasks, task), "delay", queued.append)
    address = f"/preferences/{make_token(Purpose.PREFERENCES, member.pk)}/{page}/"

    answer = client.post(address)

    assert "請查看電郵" in answer.text
    assert queued == [member.pk]
    assert Member.objects.exists()
    assert client.get(address).status_code == 405
    for _ in range(10):
        answer = client.post(address)
    assert answer.status_code == 429


def test_the_desk_hands_out_a_members_data(admin_client):
    member = make_whole()

    answer = admin_client.get(f"/admin/subscribers/member/{member.pk}/data.json")

    assert answer.json() == json.loads(json.dumps(export_member(member)))
    assert "attachment" in answer["Content-Disposition"]
    assert "data.json" in admin_client.get(f"/admin/subscribers/member/{member.pk}/change/").text


def test_whom_the_desk_deletes_is_erased(admin_client, admin_user):
    member = make_whole()

    admin_client.post(f"/admin/subscribers/member/{member.pk}/delete/", {"post": "yes"})

    assert not Member.objects.exists()
    record = ConsentRecord.objects.get(act=ConsentAct.ERASED)
    assert (record.way, record.by) == (ConsentWay.DESK, admin_user)
    assert Delivery.objects.get().email == ""


def test_who_never_confirmed_is_forgotten_with_the_record_that_somebody_asked():
    asked = Member.objects.sign_up(
        email="a@example.com", name="", frequency="every", themes=[], now=NOW - UNCONFIRMED_KEPT
    )
    again = Member.objects.sign_up(
        email="b@example.com", name="", frequency="every", themes=[], now=NOW - DAY
    )
    Member.objects.update(created_at=NOW - UNCONFIRMED_KEPT - DAY)

    forget_old(NOW)

    assert list(Member.objects.all()) == [again]
    assert not ConsentRecord.objects.filter(email=asked.email).exists()
    assert ConsentRecord.objects.filter(email=again.email).exists()


@pytest.mark.parametrize("age", [RECORDS_KEPT - DAY, RECORDS_KEPT + DAY])
def test_who_left_is_known_for_three_years(age):
    member = make_member(email="gone@example.com", consented_at=NOW - age - DAY)
    member.unsubscribe(NOW - age)

    forget_old(NOW)

    is_known = age < RECORDS_KEPT
    assert Member.objects.exists() is is_known
    assert ConsentRecord.objects.filter(act=ConsentAct.WITHDRAWN).exists() is is_known


def test_a_member_is_never_forgotten():
    member = make_member(consented_at=NOW - 4 * RECORDS_KEPT)
    Member.objects.update(created_at=NOW - 4 * RECORDS_KEPT)
    ConsentRecord.objects.create(
        member=member,
        email=member.email,
        act=ConsentAct.GIVEN,
        way=ConsentWay.LINK,
        happened_at=NOW - 4 * RECORDS_KEPT,
    )

    forget_old(NOW)
    forget_old(NOW)

    assert Member.objects.get().state == MemberState.ACTIVE
    assert ConsentRecord.objects.exists()


def test_whose_a_copy_was_is_forgotten_in_two_years_or_with_the_member():
    old = make_delivery(state=DeliveryState.SENT)
    old.mailing.opened_at = NOW - COPIES_KEPT - DAY
    old.mailing.save()
    Member.objects.all().delete()
    orphan = make_delivery(state=DeliveryState.FAILED)
    orphan.member.delete()
    fresh = make_delivery(state=DeliveryState.SENT)

    forget_old(NOW)

    emails = dict(Delivery.objects.values_list("pk", "email"))
    assert emails == {old.pk: "", orphan.pk: "", fresh.pk: fresh.member.email}


@pytest.mark.parametrize(
    ("days", "gets_mail"), [(None, True), (-1, True), (0, True), (1, False), (30, False)]
)
def test_who_pauses_until_a_day_gets_mail_on_that_day(days, gets_mail):
    until = days is not None and timezone.localdate(NOW) + days * DAY
    make_member(paused_until=until or None)

    assert Member.objects.wants_every_edition(NOW).exists() is gets_mail


def post_pause(client, member: Member, until: str) -> str:
    token = make_token(Purpose.PREFERENCES, member.pk)
    wish = {"frequency": "every", **VARIANT, "paused_until": until}
    return client.post(f"/preferences/{token}/", wish).text


def test_a_pause_is_for_a_day_to_come_and_within_a_year(client):
    member = make_member()
    today = timezone.localdate()

    for faulty in ("x", str(today), str(today - DAY), str(today + 367 * DAY), "9999-12-31"):
        assert 'role="alert"' in post_pause(client, member, faulty)
    member.refresh_from_db()
    assert member.paused_until is None

    assert "偏好已儲存" in post_pause(client, member, str(today + 9 * DAY))
    member.refresh_from_db()
    assert member.paused_until == today + 9 * DAY


def test_a_pause_that_is_over_hinders_nobody_from_saving(client):
    member = make_member(paused_until=date(2026, 1, 1))

    assert "偏好已儲存" in post_pause(client, member, "2026-01-01")

    member.refresh_from_db()
    assert member.paused_until is None


def test_what_they_alone_searched_for_is_forgotten_in_their_copies_too(client):
    member, other = make_member(), make_member()
    for one in (member, other):
        add_search(one, "關稅", timezone.now())
    add_search(member, "陳大文 OR 關稅", timezone.now())
    mailing = open_mailing(make_published({"headline": "關稅"}, number=77), by=None)
    mailing.deliveries.update(state=DeliveryState.SENT)
    copy, others = (mailing.deliveries.get(member=one) for one in (member, other))

    erase_member(member, timezone.now(), way=ConsentWay.LINK)

    assert not Digest.objects.filter(html__contains="陳大文").exists()
    assert not Digest.objects.filter(text__contains="陳大文").exists()
    assert "關稅" not in client.get(make_url(Purpose.MAIL, copy.pk)).text
    assert "關稅" in client.get(make_url(Purpose.MAIL, others.pk)).text
