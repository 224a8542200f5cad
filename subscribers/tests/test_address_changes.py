"""A member's mail goes to another address when its holder says so, and the old one can object."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from django.utils.html import strip_tags

from subscribers.address_changes import (
    CHANGES,
    TooManyChanges,
    ask_for_change,
    cancel_change,
    confirm_change,
    send_address_mails,
)
from subscribers.links import Purpose, make_token, make_url
from subscribers.models import AddressChange, ConsentAct, Member
from subscribers.tasks import send_address_mails as send_task
from subscribers.tests.makers import at_once, make_member

pytestmark = pytest.mark.django_db

NOW = timezone.now()
OLD, NEW = "old@example.com", "new@example.com"


@pytest.fixture(autouse=True)
def no_counts():
    cache.clear()


@pytest.fixture
def member() -> Member:
    return make_member(email=OLD, name="陳大文")


@pytest.fixture
def queued(monkeypatch):
    """The changes that mail was queued for; the broker's place is taken at its narrow name."""
    asked: list[int] = []
    monkeypatch.setattr(send_task, "apply_async", lambda args, kwargs=None, **_: asked.extend(args))
    return asked


def ask(member: Member, email: str = NEW, now=NOW) -> AddressChange:
    change = ask_for_change(member, email, now)
    assert change
    return change


def sign_up(email: str) -> Member:
    """By anybody: its holder has not confirmed it."""
    return Member.objects.sign_up(
        email=email, name="", frequency="every_edition", themes=[], now=NOW
    )


def address_of(member: Member) -> str:
    return Member.objects.get(pk=member.pk).email


def link(purpose: Purpose, change: AddressChange) -> str:
    return f"/{purpose}/{make_token(purpose, change.pk)}/"


def post_address(client, member, email=NEW):
    token = make_token(Purpose.PREFERENCES, member.pk)
    return client.post(f"/preferences/{token}/address/", {"email": email})


def test_both_addresses_are_written_to_and_nothing_is_changed_yet(member, mailoutbox):
    change = ask(member)

    send_address_mails(change.pk, NOW)

    assert [mail.to for mail in mailoutbox] == [[OLD], [NEW]]
    to_old, to_new = (mail.body for mail in mailoutbox)
    assert make_url(Purpose.KEEP, change.pk) in to_old
    assert make_url(Purpose.MOVE, change.pk) in to_new
    assert make_url(Purpose.MOVE, change.pk) not in to_old
    assert "陳大文" not in to_new  # whose the address is, it is to show
    assert OLD not in to_new
    assert address_of(member) == OLD


def test_who_holds_the_new_address_confirms(client, member):
    change = ask(member)

    shown = client.get(link(Purpose.MOVE, change))
    assert "確認更改</button>" in shown.text
    assert address_of(member) == OLD

    done = client.post(link(Purpose.MOVE, change))
    assert "電郵已更改" in done.text
    assert address_of(member) == NEW
    record = member.consent_records.last()
    assert (record.act, record.email) == (ConsentAct.MOVED, NEW)


def test_confirming_twice_gets_the_same_answer(client, member):
    change = ask(member)

    first, second = (client.post(link(Purpose.MOVE, change)) for _ in range(2))

    assert first.content == second.content
    assert member.consent_records.count() == 1


@pytest.mark.parametrize("is_confirmed", [False, True])
def test_who_holds_the_old_address_takes_it_back(client, member, is_confirmed):
    change = ask(member)
    if is_confirmed:
        confirm_change(change, NOW)

    assert "取消更改" in client.get(link(Purpose.KEEP, change)).text
    for _ in range(2):
        assert "繼續寄往" in client.post(link(Purpose.KEEP, change)).text

    assert address_of(member) == OLD
    assert client.post(link(Purpose.MOVE, change)).status_code == 410
    assert address_of(member) == OLD


def test_the_first_address_takes_back_a_chain_of_changes(client, member):
    first = ask(member)
    confirm_change(first, NOW)
    member.refresh_from_db()
    second = ask(member, "third@example.com")
    confirm_change(second, NOW)

    page = client.post(link(Purpose.KEEP, first)).text
    assert "繼續寄往 old@example.com" in strip_tags(page)

    assert address_of(member) == OLD
    assert not confirm_change(second, NOW)
    assert client.post(link(Purpose.KEEP, second)).status_code == 200
    assert address_of(member) == OLD


def test_what_was_asked_for_from_an_address_that_was_taken_back_does_nothing(member):
    first = ask(member)
    confirm_change(first, NOW)
    member.refresh_from_db()
    second = ask(member, "third@example.com")

    cancel_change(first, NOW)

    assert not confirm_change(second, NOW)
    assert address_of(member) == OLD


def test_of_two_that_were_asked_for_the_first_confirmed_holds(member):
    first, second = ask(member), ask(member, "third@example.com")

    assert confirm_change(second, NOW)
    assert not confirm_change(first, NOW)

    assert address_of(member) == "third@example.com"


def test_after_a_week_neither_link_does_anything(client, member):
    confirmed = ask(member, now=NOW - timedelta(days=8))
    confirm_change(confirmed, NOW - timedelta(days=7, hours=12))
    late = ask(member, "later@example.com", now=NOW - timedelta(days=8))

    assert client.post(link(Purpose.KEEP, confirmed)).status_code == 410
    assert client.post(link(Purpose.MOVE, late)).status_code == 410
    assert address_of(member) == NEW


def test_the_address_of_another_member_tells_nothing_and_is_not_taken(client, member):
    other = make_member(email="taken@example.com")

    free, taken = (
        post_address(client, member, email) for email in ("free@example.com", other.email)
    )
    assert free.content == taken.content

    change = AddressChange.objects.get(new_email=other.email)
    assert client.post(link(Purpose.MOVE, change)).status_code == 410
    assert address_of(member) == OLD


def test_who_only_signed_the_new_address_up_does_not_keep_it_from_its_holder(client, member):
    sign_up(NEW)
    change = ask(member)

    assert client.post(link(Purpose.MOVE, change)).status_code == 200

    assert address_of(member) == NEW
    assert Member.objects.count() == 1


def test_who_only_signed_the_old_address_up_does_not_keep_it_from_its_holder(member):
    change = ask(member)
    confirm_change(change, NOW)
    sign_up(OLD)

    assert cancel_change(change, NOW)

    assert address_of(member) == OLD


def test_a_confirmation_of_who_was_displaced_finds_nobody(client, member):
    stranger = sign_up(NEW)
    token = make_token(Purpose.CONFIRM, stranger.pk)
    confirm_change(ask(member), NOW)

    assert "訂閱已確認" not in client.post(f"/subscribe/confirm/{token}/").text
    assert address_of(member) == NEW


def test_who_left_before_keeps_their_address(member):
    other = make_member(email=NEW)
    other.unsubscribe(NOW)

    assert not confirm_change(ask(member), NOW)

    assert (address_of(member), address_of(other)) == (OLD, NEW)


def test_the_old_address_may_be_another_members_by_then(member):
    change = ask(member)
    confirm_change(change, NOW)
    other = make_member(email=OLD)

    assert not cancel_change(change, NOW)

    assert (address_of(member), address_of(other)) == (NEW, OLD)


def test_their_own_address_is_no_change(client, member, queued):
    answer = post_address(client, member, "old@EXAMPLE.com")

    assert "請查看電郵" in answer.text
    assert not AddressChange.objects.exists()


@pytest.mark.parametrize("email", ["", "x", '""@example.com'])
def test_a_faulty_address_is_told_on_the_page(client, member, email):
    answer = post_address(client, member, email)

    assert 'role="alert"' in answer.text
    assert "訂閱偏好" in answer.text
    assert not AddressChange.objects.exists()


def test_nobodys_mailbox_is_filled(client, member):
    for number in range(CHANGES):
        ask(member, f"a{number}@example.com")

    with pytest.raises(TooManyChanges):
        ask(member, "more@example.com")
    assert "次數太多" in post_address(client, member).text

    assert ask(member, "tomorrow@example.com", now=NOW + timedelta(days=1, minutes=1))


def test_mail_is_queued_after_commit(member, queued, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        change = ask(member)

    assert queued == [change.pk]


@pytest.mark.parametrize("settle", [confirm_change, cancel_change])
def test_no_mail_of_what_was_settled_before_it_went_out(member, settle, mailoutbox):
    change = ask(member)
    settle(change, NOW)

    send_address_mails(change.pk, NOW)

    assert mailoutbox == []


def test_who_has_left_changes_nothing(client, member):
    member.unsubscribe()

    assert "現時沒有訂閱" in post_address(client, member).text
    assert not AddressChange.objects.exists()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_confirmed_and_taken_back_at_once_the_old_address_stays():
    member = make_member(email=OLD)
    change = AddressChange.objects.create(member=member, old_email=OLD, new_email=NEW, asked_at=NOW)
    acts = [confirm_change, cancel_change]

    at_once(2, lambda: acts.pop()(change, NOW))

    assert address_of(member) == OLD
    change.refresh_from_db()
    assert change.cancelled_at
