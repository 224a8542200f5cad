"""Editors are told why mail has stopped, in the mail system's words, and start it again."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from briefings.tests.makers import make_published
from subscribers.bounces.intake import record_report
from subscribers.bounces.reading import read_report
from subscribers.models import Member, ReportWay, Suppression
from subscribers.readership import count_readership
from subscribers.tests.makers import make_delivery
from subscribers.tests.reports import COMPLAINT, HARD, make_report

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def bounce_address(settings):
    settings.BOUNCE_ADDRESS = "bounces@news.example.org"


@pytest.fixture
def editor(client) -> User:
    user = User.objects.create_user("wong", is_staff=True, last_name="黃")
    for codename in ("view_member", "change_member"):
        user.user_permissions.add(Permission.objects.get(codename=codename))
    client.force_login(user)
    return user


def stop(name: str = HARD) -> Member:
    delivery = make_delivery(claimed_at=timezone.now())
    source = make_report(name, delivery)
    record_report(read_report(source), way=ReportWay.IMAP, now=timezone.now())
    return Member.objects.get()


def page_of(member: Member) -> str:
    return reverse("admin:subscribers_member_change", args=[member.pk])


def resume_at(member: Member) -> str:
    return reverse("admin:member_resume", args=[member.pk])


def test_the_page_of_a_member_says_why_mail_has_stopped(client, editor):
    page = client.get(page_of(stop())).text

    assert "已停止寄送：地址無效" in page
    assert "Recipient address rejected: User unknown" in page
    assert "退信信箱，狀態碼 5.1.1" in page


def test_what_a_mail_system_says_is_not_taken_for_html(client, editor):
    delivery = make_delivery(claimed_at=timezone.now())
    source = make_report(HARD, delivery).replace(b"User unknown", b"User unknown <script>x")
    record_report(read_report(source), way=ReportWay.IMAP, now=timezone.now())

    assert "<script>x" not in client.get(page_of(delivery.member)).text


def test_an_editor_starts_it_again_and_the_log_says_who(client, editor):
    member = stop()

    page = client.post(resume_at(member), follow=True).text

    suppression = Suppression.objects.get()
    assert suppression.lifted_by == editor
    assert Member.objects.receiving().exists()
    assert "由黃恢復" in page
    assert LogEntry.objects.get().change_message == "恢復寄送。"


def test_starting_again_what_has_not_stopped_changes_nothing(client, editor):
    member = stop()

    client.post(resume_at(member))
    client.post(resume_at(member))

    assert LogEntry.objects.count() == 1


def test_starting_again_does_not_undo_an_unsubscribing(client, editor):
    member = stop(COMPLAINT)

    client.post(resume_at(member))

    assert not Member.objects.receiving().exists()


def test_who_may_only_look_starts_nothing(client, editor):
    editor.user_permissions.remove(Permission.objects.get(codename="change_member"))
    member = stop()

    assert "恢復寄送" not in client.get(page_of(member)).text
    assert client.post(resume_at(member)).status_code == 403
    assert Suppression.objects.standing().exists()


def test_before_a_mailing_it_is_told_how_many_get_none_for_it():
    stop()

    assert "不寄給 1 位（因退信或投訴已停止寄送）" in str(
        count_readership(make_published(number=9002))
    )


def test_the_list_shows_whom_nothing_is_sent_to(client, editor):
    stop()

    address = reverse("admin:subscribers_member_changelist")
    page = client.get(f"{address}?suppressed=yes").text

    assert Member.objects.get().email in page
