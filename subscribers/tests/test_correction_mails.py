"""Telling members of a correction to what they were sent."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from briefings.models import Audience, Correction, Entry, Theme
from briefings.publishing import withdraw_entry
from briefings.tests.makers import make_published
from briefings.tests.test_corrections import correct
from subscribers import correction_mails
from subscribers.correction_mails import decide, find_readers
from subscribers.delivery import send_chunk
from subscribers.digest_days import open_digest
from subscribers.digest_rules import Erratum, choose_corrections
from subscribers.links import Purpose, make_url
from subscribers.models import (
    CorrectionMail,
    CorrectionWay,
    Delivery,
    DeliveryState,
    DigestCorrection,
    DigestKind,
    Frequency,
    Mailing,
    MailingKind,
)
from subscribers.opening import MailingRefused, open_mailing
from subscribers.tests.makers import make_member, read_message, take

pytestmark = pytest.mark.django_db

AT_ONCE, WITH_NEXT, NEVER = CorrectionWay
MORNING = datetime(2026, 11, 27, 1, tzinfo=timezone.get_fixed_timezone(0))
HOUR = timedelta(hours=1)
ERRATA = (Erratum(1, 11, MORNING), Erratum(2, 12, MORNING), Erratum(3, 11, MORNING + 2 * HOUR))


@pytest.fixture
def publisher():
    return User.objects.create_superuser("publisher")


@pytest.fixture
def entry():
    """Mailed to all members there are by then, and corrected since."""
    return make_published(
        {"headline": "撥款三億元"}, {"headline": "碼頭"}, number=1
    ).entries.first()


def mail_and_correct(entry: Entry, note="應為三十億元。") -> Correction:
    open_mailing(entry.edition, by=None)
    return correct(entry, note=note, lead="三十億元")


def publish_next(*entries: dict):
    return make_published(*entries, number=2)


@pytest.mark.parametrize(
    ("had", "told", "due"),
    [
        ({}, set(), ()),
        ({11: MORNING - HOUR}, set(), (1, 3)),
        ({11: MORNING - HOUR}, {1}, (3,)),
        ({11: MORNING + HOUR}, set(), (3,)),
        ({11: MORNING + 3 * HOUR, 12: MORNING}, set(), (2,)),
    ],
    ids=["had nothing", "had the first text", "knows one", "had the second text", "had the last"],
)
def test_a_correction_is_for_who_had_the_text_that_it_replaced(had, told, due):
    assert choose_corrections(ERRATA, had, told) == due


def test_at_once_it_goes_to_those_who_received_the_original_and_get_mail(entry, publisher):
    had, left, away = make_member(), make_member(), make_member()
    correction = mail_and_correct(entry)
    left.unsubscribe()
    make_member()  # joined later
    type(away).objects.filter(pk=away.pk).update(frequency=Frequency.PAUSED)

    decided = decide(correction, AT_ONCE, publisher, timezone.now())

    assert decided.mailing.kind == MailingKind.CORRECTION
    assert [copy.member for copy in decided.mailing.deliveries.all()] == [had]
    assert decided.mailing.subject == "政策短評 更正：撥款三億元"


def test_who_was_sent_the_corrected_text_is_told_nothing(entry, publisher):
    make_member()
    correction = correct(entry, note="應為三十億元。", lead="三十億元")
    open_mailing(entry.edition, by=None)

    with pytest.raises(MailingRefused, match="沒有會員收過原文"):
        decide(correction, AT_ONCE, publisher, timezone.now())

    assert not CorrectionMail.objects.exists()


def test_who_was_sent_other_entries_of_the_edition_is_told_nothing(entry, publisher):
    tax = Theme.objects.create(name="稅務")
    entry.themes.add(tax)
    make_member(themes=[tax])
    open_mailing(entry.edition, by=None)
    correction = correct(entry.edition.entries.last(), note="數字有誤。", lead="碼頭二號")

    assert find_readers(correction, timezone.now()) == []


def test_a_copy_of_the_original_that_failed_counts_for_nothing(entry):
    make_member()
    correction = mail_and_correct(entry)
    Delivery.objects.update(state=DeliveryState.FAILED)

    assert find_readers(correction, timezone.now()) == []


def test_with_the_next_mail_it_stands_above_the_next_edition_once(entry, publisher):
    make_member()
    correction = mail_and_correct(entry)
    decide(correction, WITH_NEXT, publisher, timezone.now())
    make_member()  # never had the original

    copies = open_mailing(publish_next({"headline": "新一期"}), by=None).deliveries
    later = open_mailing(make_published({"headline": "再一期"}, number=3), by=None).deliveries

    told, untold = copies.order_by("pk")
    assert told.digest.html.index("應為三十億元。") < told.digest.html.index("新一期</a></h2>")
    assert "【更正】撥款三億元" in told.digest.text
    assert "更正" not in untold.digest.html
    assert "更正" not in later.first().digest.text


def test_it_is_reason_enough_for_a_digest(entry, publisher):
    member = make_member()
    correction = mail_and_correct(entry)
    member.change_frequency(Frequency.WEEKLY, timezone.now())
    decide(correction, WITH_NEXT, publisher, timezone.now())

    day = open_digest(DigestKind.WEEKLY, timezone.localdate(), timezone.now())

    copy = day.mailing.deliveries.get()
    assert copy.digest.subject == "政策短評 更正：撥款三億元"
    assert "應為三十億元。" in copy.digest.text


def test_it_is_no_reason_for_an_edition_that_brings_a_member_nothing(entry, publisher):
    tax = Theme.objects.create(name="稅務")
    member = make_member()
    correction = mail_and_correct(entry)
    member.themes.set([tax])
    decide(correction, WITH_NEXT, publisher, timezone.now())

    with pytest.raises(MailingRefused):
        open_mailing(publish_next({"headline": "新一期"}), by=None)


def test_nobody_is_told_if_it_was_decided_so_or_nothing_was_decided(entry, publisher):
    make_member()
    first = mail_and_correct(entry)
    correct(entry, note="又錯了。", lead="三百億元")
    decide(first, NEVER, publisher, timezone.now())

    open_mailing(publish_next({"headline": "新一期"}), by=None)

    assert not DigestCorrection.objects.exists()


def test_who_is_away_is_told_with_the_next_mail_what_others_were_told_at_once(entry, publisher):
    make_member()
    away = make_member()
    correction = mail_and_correct(entry)
    away.change_frequency(Frequency.PAUSED, timezone.now())
    decide(correction, AT_ONCE, publisher, timezone.now())
    away.change_frequency(Frequency.EVERY_EDITION, timezone.now())

    open_mailing(publish_next({"headline": "新一期"}), by=None)

    told = Delivery.objects.filter(digest__corrections__correction=correction)
    assert sorted(told.values_list("mailing__kind", "member")) == sorted(
        [("correction", told.exclude(member=away).get().member_id), ("edition", away.pk)]
    )


def test_a_copy_that_failed_comes_with_the_next_and_not_again_by_hand(entry, publisher):
    make_member()
    correction = mail_and_correct(entry)
    mailing = decide(correction, AT_ONCE, publisher, timezone.now()).mailing
    mailing.deliveries.update(state=DeliveryState.FAILED)

    open_mailing(publish_next({"headline": "新一期"}), by=None)

    assert DigestCorrection.objects.filter(digest__mailing__kind="edition").count() == 1
    assert not mailing.deliveries.unsettled().exists()


def test_an_edition_that_failed_can_be_sent_again_though_what_stands_above_it_came(
    entry, publisher
):
    """It comes in no other way."""
    make_member()
    decide(mail_and_correct(entry), WITH_NEXT, publisher, timezone.now())
    mailing = open_mailing(publish_next({"headline": "新一期"}), by=None)
    mailing.deliveries.update(state=DeliveryState.FAILED)

    open_mailing(make_published({"headline": "再一期"}, number=3), by=None)

    assert DigestCorrection.objects.count() == 2
    assert mailing.deliveries.unsettled().exists()


def test_a_link_that_lets_in_is_not_to_be_sent_on_though_the_edition_is_public(publisher):
    closed = make_published({"headline": "撥款"}, number=1, audience=Audience.MEMBERS)
    make_member()
    decide(mail_and_correct(closed.entries.get()), WITH_NEXT, publisher, timezone.now())

    digest = open_mailing(publish_next({"headline": "新一期"}), by=None).deliveries.get().digest

    assert "[[enter:" in digest.html
    assert "請勿轉寄" in digest.html
    assert "請勿轉寄" in digest.text


def test_what_was_mailed_is_not_decided_anew(entry, publisher):
    make_member()
    correction = mail_and_correct(entry)
    first = decide(correction, AT_ONCE, publisher, timezone.now())

    again = decide(correction, NEVER, publisher, timezone.now())

    assert (again.way, again.mailing) == (AT_ONCE, first.mailing)
    assert Mailing.objects.filter(kind="correction").count() == 1


def test_before_that_it_may_be_decided_anew(entry, publisher):
    make_member()
    correction = mail_and_correct(entry)
    decide(correction, NEVER, publisher, timezone.now())

    assert decide(correction, AT_ONCE, publisher, timezone.now()).mailing


def test_killed_half_way_nothing_of_it_is_there(entry, publisher, monkeypatch):
    make_member()
    correction = mail_and_correct(entry)

    def die(*_):
        raise SystemExit

    monkeypatch.setattr(correction_mails, "write_deliveries", die)
    with pytest.raises(SystemExit):
        decide(correction, AT_ONCE, publisher, timezone.now())

    assert not CorrectionMail.objects.exists()
    assert not Mailing.objects.filter(kind="correction").exists()


def test_what_members_cannot_read_any_more_is_not_told(entry, publisher):
    make_member()
    correction = mail_and_correct(entry)
    withdraw_entry(entry, note="有誤")

    with pytest.raises(MailingRefused, match="沒有出版"):
        decide(correction, AT_ONCE, publisher, timezone.now())


def test_withdrawn_before_it_is_sent_it_is_skipped(entry, publisher):
    make_member()
    mailing = decide(mail_and_correct(entry), AT_ONCE, publisher, timezone.now()).mailing
    withdraw_entry(entry, note="有誤")

    assert not take(mailing.deliveries.get(), timezone.now())
    Delivery.objects.all().skip_unwanted(timezone.now())

    assert mailing.deliveries.get().state == DeliveryState.SKIPPED


@pytest.mark.parametrize(
    ("fields", "said", "headline"),
    [
        ({}, "【更正】", "撥款三億元"),
        ({"notice_language": "en"}, "[Correction] ", "撥款三億元"),
        ({"script": "hans"}, "【更正】", "拨款三亿元"),
    ],
    ids=["both", "English", "Simplified"],
)
def test_it_is_in_the_readers_language_and_script(entry, publisher, fields, said, headline):
    make_member(**fields)
    mailing = decide(mail_and_correct(entry), AT_ONCE, publisher, timezone.now()).mailing

    digest = mailing.deliveries.get().digest

    assert f"{said}{headline}" in digest.text
    assert headline in digest.html
    assert headline in digest.subject


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_it_is_sent_as_a_mail_to_members_is(relay, publisher):
    entry = make_published({"headline": "撥款三億元"}, number=1).entries.get()
    make_member(email="chan@example.com")
    correction = mail_and_correct(entry)
    Delivery.objects.update(state=DeliveryState.SENT)
    mailing = decide(correction, AT_ONCE, publisher, timezone.now()).mailing
    copy = mailing.deliveries.get()

    send_chunk(mailing.pk, copy.pk, copy.pk)

    [(_, source)] = relay.accepted
    message = read_message(source)
    assert message["To"] == "chan@example.com"
    assert "List-Unsubscribe=One-Click" in message["List-Unsubscribe-Post"]
    assert "應為三十億元。" in message.get_body(("plain",)).get_content()
    assert "應為三十億元。" in message.get_body(("html",)).get_content()


def test_of_a_closed_edition_its_link_lets_the_member_in(client, publisher):
    edition = make_published({"headline": "撥款"}, number=1, audience=Audience.MEMBERS)
    make_member()
    entry = edition.entries.get()
    mailing = decide(mail_and_correct(entry), AT_ONCE, publisher, timezone.now()).mailing
    copy = mailing.deliveries.get()

    assert f"[[enter:e{entry.pk}]]" in copy.digest.html
    answer = client.post(f"{make_url(Purpose.ENTER, copy.pk)}?to=e{entry.pk}")

    assert answer.url == entry.get_absolute_url()
    assert "撥款" in client.get(answer.url).content.decode()


# ------------------------------------------------------------------------------------ the desk


def page_of(entry: Entry) -> str:
    return f"/admin/briefings/edition/{entry.edition_id}/corrections/"


def test_a_publisher_decides_on_the_editions_page(admin_client, entry):
    make_member()
    correction = mail_and_correct(entry)

    assert "收過原文而未知道更正的會員有 1 位" in admin_client.get(page_of(entry)).content.decode()
    form = {"correction": correction.pk, "way": AT_ONCE}
    said = admin_client.post(page_of(entry), form, follow=True).content.decode()

    assert "更正已開始寄給 1 位會員。" in said
    assert 'name="way"' not in said
    assert Mailing.objects.filter(kind="correction").count() == 1


def test_a_second_press_sends_nothing_more(admin_client, entry):
    make_member()
    form = {"correction": mail_and_correct(entry).pk, "way": AT_ONCE}
    admin_client.post(page_of(entry), form)

    admin_client.post(page_of(entry), form)

    assert Mailing.objects.filter(kind="correction").count() == 1


def test_what_is_refused_is_said(admin_client, entry):
    correction = correct(entry, note="應為三十億元。", lead="三十億元")

    form = {"correction": correction.pk, "way": AT_ONCE}
    said = admin_client.post(page_of(entry), form, follow=True).content.decode()

    assert "現時沒有會員收過原文而未知道這項更正。" in said


@pytest.mark.parametrize("form", [{}, {"correction": "x", "way": "never"}, {"way": "sometimes"}])
def test_nonsense_decides_nothing(admin_client, entry, form):
    make_member()
    sent = {"correction": mail_and_correct(entry).pk} | form

    assert admin_client.post(page_of(entry), sent).status_code == 404
    assert not CorrectionMail.objects.exists()


def test_who_may_open_no_mailing_only_looks(client, entry):
    make_member()
    correction = mail_and_correct(entry)
    user = User.objects.create_user("looker", is_staff=True)
    may = Permission.objects.filter(codename__in=["view_edition", "view_mailing"])
    user.user_permissions.add(*may)
    client.force_login(user)

    assert 'name="way"' not in client.get(page_of(entry)).content.decode()
    form = {"correction": correction.pk, "way": AT_ONCE}
    assert client.post(page_of(entry), form).status_code == 403
    assert not CorrectionMail.objects.exists()


def test_the_mail_is_seen_before(admin_client, entry):
    make_member()
    correction = mail_and_correct(entry)

    shown = admin_client.get(f"{page_of(entry)}?frame={correction.pk}")

    assert "應為三十億元。" in shown.content.decode()
    assert "sandbox" in shown["Content-Security-Policy"]


def test_the_first_page_reminds_until_it_is_decided(admin_client, entry, publisher):
    make_member()
    correction = mail_and_correct(entry)

    assert page_of(entry) in admin_client.get("/admin/").content.decode()
    decide(correction, NEVER, publisher, timezone.now())
    assert page_of(entry) not in admin_client.get("/admin/").content.decode()


def test_the_preview_of_a_digest_names_it(admin_client, entry, publisher):
    member = make_member()
    correction = mail_and_correct(entry)
    member.change_frequency(Frequency.WEEKLY, timezone.now())
    decide(correction, WITH_NEXT, publisher, timezone.now())

    page = admin_client.get("/admin/subscribers/mailing/digests/").content.decode()
    assert "更正：撥款三億元" in page
    shown = admin_client.get("/admin/subscribers/mailing/digests/weekly/?choice=1&frame")
    assert "應為三十億元。" in shown.content.decode()
