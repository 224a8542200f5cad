"""What a report does, and what it doesn't."""

from datetime import timedelta

import pytest
from django.utils import timezone

from briefings.tests.makers import make_published
from subscribers.address_changes import confirm_change
from subscribers.bounces.intake import record_report
from subscribers.bounces.reading import read_report
from subscribers.delivery import ATTEMPTS_AGAINST_POLICY, send_chunk
from subscribers.models import (
    AddressChange,
    ConsentAct,
    ConsentRecord,
    ConsentWay,
    Delivery,
    DeliveryState,
    MailReport,
    Member,
    MemberState,
    RecordedKind,
    RecordsStand,
    ReportWay,
    Suppression,
    SuppressionReason,
)
from subscribers.opening import MailingRefused, open_mailing
from subscribers.personal_data import erase_member, export_member
from subscribers.tests.makers import at_once, make_delivery, make_mailing, make_member, take
from subscribers.tests.reports import (
    COMPLAINT,
    HARD,
    POLICY,
    SOFT,
    SPECIMENS,
    WRITTEN_TO,
    make_redacted_complaint,
    make_report,
    make_unsubscribe_url,
    read_specimen,
)

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture(autouse=True)
def bounce_address(settings):
    settings.BOUNCE_ADDRESS = "bounces@news.example.org"


def make_sent(**fields) -> Delivery:
    return make_delivery(state=DeliveryState.SENT, claimed_at=NOW, sent_at=NOW, **fields)


def send_copy(member: Member, days_ago: int) -> Delivery:
    """One more of a member who gets every edition, sent so long ago."""
    at = NOW - timedelta(days=days_ago)
    delivery = make_mailing(members=0).deliveries.get(member=member)
    Delivery.objects.filter(pk=delivery.pk).update(
        state=DeliveryState.SENT, claimed_at=at, sent_at=at
    )
    return delivery


def report(name: str, delivery: Delivery, now=NOW) -> MailReport | None:
    source = make_report(name, delivery)
    return record_report(read_report(source), way=ReportWay.LMTP, now=now)


def is_stopped(email: str) -> bool:
    return Suppression.objects.of(email).standing().exists()


# ------------------------------------------------------------------------------ what counts


def test_a_hard_bounce_stops_mail_to_the_address_at_once():
    delivery = make_sent()

    report(HARD, delivery)

    suppression = Suppression.objects.get()
    assert (suppression.address, suppression.reason) == (delivery.email, SuppressionReason.HARD)
    assert "User unknown" in suppression.report.text


def test_the_report_is_kept_with_its_words_and_its_way():
    delivery = make_sent()

    row = report(HARD, delivery)

    assert (row.delivery, row.member, row.kind) == (delivery, delivery.member, RecordedKind.HARD)
    assert (row.status, row.way, row.address) == ("5.1.1", "lmtp", "chan.taiman@example.com")


def test_a_complaint_stops_mail_and_unsubscribes():
    delivery = make_sent()

    report(COMPLAINT, delivery)

    assert is_stopped(delivery.email)
    assert Member.objects.get().state == MemberState.UNSUBSCRIBED
    withdrawn = ConsentRecord.objects.get(act=ConsentAct.WITHDRAWN)
    assert withdrawn.way == ConsentWay.COMPLAINT


def test_a_soft_bounce_is_kept_and_stops_nothing():
    delivery = make_sent()

    report(SOFT, delivery)

    assert MailReport.objects.get().kind == RecordedKind.SOFT
    assert not is_stopped(delivery.email)


def test_soft_bounces_of_four_mailings_in_a_row_stop_mail():
    member = make_member()

    for days in (60, 40, 20, 5):
        assert not is_stopped(member.email)
        report(SOFT, send_copy(member, days))

    assert Suppression.objects.get().reason == SuppressionReason.SOFT


def test_four_soft_bounces_of_one_mailing_are_one():
    delivery = make_sent()

    for _ in range(4):
        report(SOFT, delivery)

    assert not is_stopped(delivery.email)


def test_a_copy_that_arrived_begins_the_count_anew():
    member = make_member()
    for days in (90, 70, 50):
        report(SOFT, send_copy(member, days))
    send_copy(member, 30)

    report(SOFT, send_copy(member, 5))

    assert not is_stopped(member.email)


def test_refusals_of_what_we_are_never_stop_mail():
    member = make_member()

    for days in (90, 70, 50, 30, 5):
        report(POLICY, send_copy(member, days))

    assert MailReport.objects.filter(kind=RecordedKind.POLICY).count() == 5
    assert not is_stopped(member.email)


@pytest.mark.parametrize(
    "name", ["auto_reply/gmail-vacation", "delayed/postfix-warning", "other/a-person-answers"]
)
def test_what_says_nothing_of_how_it_ended_is_not_kept(name):
    report(name, make_sent())

    assert not MailReport.objects.exists()


# -------------------------------------------------------------------------- what counts not


def test_forged_reports_do_nothing():
    """All specimens as they are, about a real delivery, with a tag that somebody made up."""
    delivery = make_sent()
    forged = f"bounces+{delivery.pk}-aaaaaaaaaaaaaaaa@news.example.org"

    for path in SPECIMENS.glob("*/*.eml"):
        name = f"{path.parent.name}/{path.stem}"
        source = read_specimen(name).replace(WRITTEN_TO, forged.encode())
        record_report(read_report(source), recipients=[forged], way=ReportWay.LMTP, now=NOW)

    assert not MailReport.objects.exists()
    assert not Suppression.objects.exists()
    assert Member.objects.get().is_active


def test_a_report_about_somebody_elses_mail_does_nothing():
    make_sent()

    assert record_report(read_report(read_specimen(HARD)), way="lmtp", now=NOW) is None


def test_the_same_report_twice_counts_once():
    delivery = make_sent()
    source = make_report(HARD, delivery)

    rows = [record_report(read_report(source), way=way, now=NOW) for way in ("lmtp", "imap")]

    assert rows[1] is None
    assert MailReport.objects.count() == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_same_report_four_times_at_once_counts_once():
    delivery = make_sent()
    read = read_report(make_report(HARD, delivery))

    at_once(4, lambda: record_report(read, way=ReportWay.LMTP, now=NOW))

    assert MailReport.objects.count() == 1
    assert Suppression.objects.count() == 1


def test_a_report_that_names_nobody_is_known_by_where_it_came_to():
    delivery = make_sent()
    source = make_report(HARD, delivery)
    return_path = read_report(source).traces.return_paths[0]
    nameless = source.replace(return_path.encode(), b"")

    row = record_report(read_report(nameless), recipients=[return_path], way="lmtp", now=NOW)

    assert row.delivery == delivery


def test_a_report_of_a_deleted_member_harms_nobody():
    delivery = make_sent()
    erase_member(delivery.member, NOW, way=ConsentWay.DESK)

    row = report(COMPLAINT, delivery)

    assert row.member is None
    assert not Suppression.objects.exists()


# ------------------------------------------------------------- complaints without a return path


def complain(source: bytes) -> MailReport | None:
    return record_report(read_report(source), way=ReportWay.IMAP, now=NOW)


def test_a_complaint_is_known_by_the_link_to_unsubscribe_in_the_mail_it_sends_back():
    delivery = make_sent()

    row = complain(make_redacted_complaint(delivery, make_unsubscribe_url(delivery)))

    assert (row.delivery, row.kind) == (delivery, RecordedKind.COMPLAINT)
    assert is_stopped(delivery.email)
    assert Member.objects.get().state == MemberState.UNSUBSCRIBED


def test_the_message_id_tells_which_of_the_members_copies_it_is():
    member = make_member()
    earlier, _ = send_copy(member, 9), send_copy(member, 1)

    row = complain(make_redacted_complaint(earlier, make_unsubscribe_url(earlier)))

    assert row.delivery == earlier


def test_without_a_message_id_it_is_the_latest_copy():
    member = make_member()
    _, later = send_copy(member, 9), send_copy(member, 1)

    row = complain(make_redacted_complaint(unsubscribe=make_unsubscribe_url(later)))

    assert row.delivery == later


def test_the_message_id_of_another_members_copy_is_not_believed():
    own, another = make_mailing(members=2).deliveries.all()
    Delivery.objects.update(state=DeliveryState.SENT, claimed_at=NOW)

    row = complain(make_redacted_complaint(another, make_unsubscribe_url(own)))

    assert row.delivery == own
    assert not is_stopped(another.email)


def test_a_bare_message_id_can_be_guessed_and_does_nothing():
    assert complain(make_redacted_complaint(make_sent())) is None
    assert Member.objects.get().is_active


def test_a_link_that_somebody_made_up_does_nothing():
    delivery = make_sent()
    genuine = make_unsubscribe_url(delivery)
    forged = genuine.replace(f"/{delivery.member_id}.", f"/{delivery.member_id + 1}.")

    assert complain(make_redacted_complaint(delivery, forged)) is None


def test_the_link_of_a_deleted_member_finds_nobodys_copies():
    delivery = make_sent()
    erase_member(delivery.member, NOW, way=ConsentWay.DESK)
    delivery.refresh_from_db()

    assert complain(make_redacted_complaint(delivery, make_unsubscribe_url(delivery))) is None


def test_a_bounce_is_not_believed_by_the_link_to_unsubscribe():
    delivery = make_sent()
    source = read_specimen(HARD).replace(
        b"Date:", f"X: {make_unsubscribe_url(delivery)}\nDate:".encode(), 1
    )

    assert complain(source) is None


# --------------------------------------------------------------------- nothing is sent there


def test_a_stopped_address_is_not_in_the_next_mailing():
    report(HARD, make_sent())

    with pytest.raises(MailingRefused):
        open_mailing(make_published(number=9001), by=None)


def test_a_copy_that_waits_is_skipped_and_says_why(relay):
    stopped = make_member()
    report(HARD, send_copy(stopped, 1))
    Suppression.objects.update(lifted_at=NOW)
    mailing = make_mailing()
    Suppression.objects.update(lifted_at=None)

    ids = mailing.deliveries.values_list("pk", flat=True)
    send_chunk(mailing.pk, min(ids), max(ids))

    skipped = mailing.deliveries.get(member=stopped)
    assert stopped.email not in [address for address, _ in relay.accepted]
    assert (skipped.state, skipped.reply) == ("skipped", "因退信或投訴，已停止寄往這個地址")


def test_a_copy_of_a_stopped_address_is_not_claimed():
    delivery = make_delivery()
    report(HARD, delivery)

    assert not take(delivery, timezone.now())


def test_the_case_of_an_address_does_not_bring_it_back():
    delivery = make_sent()
    report(HARD, delivery)
    Member.objects.update(email=delivery.email.upper())

    assert not Member.objects.receiving().exists()


def test_another_address_of_the_member_is_not_stopped():
    delivery = make_sent()
    report(HARD, delivery)

    Member.objects.update(email="another@example.com")

    assert Member.objects.receiving().exists()


def test_a_relay_that_knows_no_such_user_stops_mail_too(relay):
    relay.on_rcpt = lambda address: "550 5.1.1 User unknown"
    mailing = make_mailing()
    delivery = mailing.deliveries.get()

    send_chunk(mailing.pk, delivery.pk, delivery.pk)

    assert MailReport.objects.get().way == ReportWay.SENDING
    assert is_stopped(delivery.email)


def test_a_relay_that_refuses_us_stops_nothing(relay):
    relay.on_rcpt = lambda address: "554 5.7.1 Relay access denied"
    mailing = make_mailing()
    delivery = mailing.deliveries.get()

    for _ in range(ATTEMPTS_AGAINST_POLICY):
        mailing.deliveries.update(not_before=timezone.now())
        send_chunk(mailing.pk, delivery.pk, delivery.pk)

    assert MailReport.objects.get().kind == RecordedKind.POLICY
    assert not is_stopped(delivery.email)


# ------------------------------------------------------------------------------- and back


def test_lifting_lets_mail_through_again():
    report(HARD, make_sent())

    Suppression.objects.all().lift(NOW)

    assert Member.objects.receiving().exists()


def test_a_late_report_does_not_undo_a_lifting():
    delivery = make_sent()
    report(HARD, delivery)
    Suppression.objects.all().lift(NOW + timedelta(hours=1))

    report(HARD, delivery, now=NOW + timedelta(hours=2))

    assert not is_stopped(delivery.email)


def test_a_hard_bounce_of_the_next_copy_stops_mail_again():
    member = make_member()
    report(HARD, send_copy(member, 9))
    Suppression.objects.all().lift(NOW - timedelta(days=5))

    report(HARD, send_copy(member, 1))

    assert is_stopped(member.email)


def test_soft_bounces_before_a_lifting_no_longer_count():
    member = make_member()
    for days in (60, 40, 30, 20):
        report(SOFT, send_copy(member, days))
    Suppression.objects.all().lift(NOW - timedelta(days=10))

    report(SOFT, send_copy(member, 1))

    assert not is_stopped(member.email)


def test_who_joins_again_by_a_mailed_link_gets_mail_again():
    delivery = make_sent()
    report(COMPLAINT, delivery)
    Member.objects.update(consented_at=NOW + timedelta(days=1))

    Member.objects.get().confirm(NOW + timedelta(days=1))

    assert Member.objects.receiving().exists()


def test_an_address_that_is_confirmed_as_somebodys_new_one_gets_mail_again():
    delivery = make_sent()
    report(HARD, delivery)
    stopped = delivery.email
    Member.objects.update(email="another@example.com")
    change = AddressChange.objects.create(
        member=delivery.member, old_email="another@example.com", new_email=stopped, asked_at=NOW
    )

    assert confirm_change(change, NOW)

    assert not is_stopped(stopped)


# ----------------------------------------------------------------------------- the records


def test_a_report_stands():
    row = report(HARD, make_sent())

    with pytest.raises(RecordsStand):
        row.save()
    with pytest.raises(RecordsStand):
        MailReport.objects.all().delete()


def test_a_member_is_shown_what_was_reported():
    delivery = make_sent()
    report(HARD, delivery)

    data = export_member(delivery.member)

    assert "User unknown" in data["退信及投訴"][0]["對方的說明"]
    assert data["停止寄送"][0]["原因"] == "地址無效"


def test_of_an_erased_member_only_the_bare_report_is_left():
    delivery = make_sent()
    report(HARD, delivery)

    erase_member(delivery.member, NOW, way=ConsentWay.DESK)

    row = MailReport.objects.get()
    assert (row.member, row.address, row.text) == (None, "", "")
    assert not Suppression.objects.exists()
