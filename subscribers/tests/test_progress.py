"""How far a mailing is, on its page, and the buttons there."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from subscribers.models import Delivery, DeliveryState, Mailing, MailingState, SteeringAct
from subscribers.progress import describe_span, measure, tell_progress
from subscribers.steering import cancel, pause
from subscribers.tests.makers import make_mail_publisher, make_mailing

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def publisher(client) -> User:
    wong = make_mail_publisher()
    client.force_login(wong)
    return wong


@pytest.fixture
def looker(client) -> User:
    """Who sees how many, and steers nothing."""
    user = User.objects.create_user("lee", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_mailing"))
    client.force_login(user)
    return user


def put(mailing: Mailing, state: DeliveryState, count: int, **fields) -> None:
    """So many of those that are queued and untried, into that state."""
    queued = mailing.deliveries.filter(state=DeliveryState.QUEUED, attempts=0)
    keys = list(queued.values_list("pk", flat=True)[:count])
    Delivery.objects.filter(pk__in=keys).update(state=state, **fields)


def page_of(mailing: Mailing) -> str:
    return reverse("admin:subscribers_mailing_change", args=[mailing.pk])


def steer(client, mailing: Mailing, act: str, **data):
    address = reverse("admin:mailing_steer", args=[mailing.pk])
    return client.post(address, {"act": act, **data}, follow=True)


# ------------------------------------------------------------------------------------ measuring
def test_what_was_put_off_is_counted_apart_with_its_next_time(now):
    mailing = make_mailing(members=5)
    put(mailing, DeliveryState.SENT, 2, sent_at=now, claimed_at=now)
    put(mailing, DeliveryState.QUEUED, 1, attempts=1, not_before=now + 5 * SECOND)
    put(mailing, DeliveryState.QUEUED, 1, attempts=2, not_before=now + 9 * SECOND)

    progress = measure(mailing, now)

    assert (progress.total, progress.settled, progress.remaining) == (5, 2, 3)
    assert (progress.deferred, progress.next_try) == (2, now + 5 * SECOND)
    assert progress.percent == 40


def test_the_rate_is_of_the_last_minute(now):
    mailing = make_mailing(members=4)
    Mailing.objects.update(opened_at=now - timedelta(minutes=5))
    mailing.refresh_from_db()
    put(mailing, DeliveryState.SENT, 2, sent_at=now - 10 * SECOND, claimed_at=now - 11 * SECOND)
    put(mailing, DeliveryState.SENT, 1, sent_at=now - 61 * SECOND, claimed_at=now - 62 * SECOND)

    progress = measure(mailing, now)

    assert progress.rate == 2
    assert progress.time_left == timedelta(seconds=30)


def test_a_mailing_that_has_just_begun_has_its_rate_at_once(now):
    mailing = make_mailing(members=4)
    Mailing.objects.update(opened_at=now - 6 * SECOND)
    mailing.refresh_from_db()
    put(mailing, DeliveryState.SENT, 2, sent_at=now - SECOND, claimed_at=now - SECOND)

    assert measure(mailing, now).rate == pytest.approx(20)


def test_nobody_can_tell_how_long_what_is_put_off_takes(now):
    mailing = make_mailing(members=2)
    put(mailing, DeliveryState.SENT, 1, sent_at=now, claimed_at=now)
    put(mailing, DeliveryState.QUEUED, 1, attempts=1)

    assert measure(mailing, now).time_left is None


def test_of_a_paused_mailing_no_time_is_told(now):
    mailing = make_mailing(members=2)
    put(mailing, DeliveryState.SENT, 1, sent_at=now, claimed_at=now)
    pause(mailing, None, "", now)

    assert measure(mailing, now).time_left is None


def test_not_all_is_done_before_it_is():
    mailing = make_mailing(members=3)
    put(mailing, DeliveryState.FAILED, 2)

    assert measure(mailing, timezone.now()).percent == 66
    assert tell_progress(measure(mailing, timezone.now())) == "寄送中，已過六成"


def test_what_is_heard_changes_with_each_tenth():
    mailing = make_mailing(members=20)
    told = []
    for _ in range(20):
        put(mailing, DeliveryState.SENT, 1)
        told.append(tell_progress(measure(mailing, timezone.now())))

    assert told[:3] == ["寄送中，未足一成", "寄送中，已過一成", "寄送中，已過一成"]
    assert told[9] == "寄送中，已過一半"
    assert told[-1] == "寄送中，已全部處理"
    assert len(set(told)) == 11


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(20, "不足一分鐘"), (60, "約 1 分鐘"), (89 * 60, "約 89 分鐘"), (7200, "約 2 小時")],
)
def test_a_span_is_told_roughly(seconds, told):
    assert describe_span(seconds * SECOND) == told


def test_measuring_costs_three_queries_however_many_there_are(django_assert_num_queries):
    mailing = make_mailing(members=30)

    with django_assert_num_queries(3):
        measure(mailing, timezone.now())


# ------------------------------------------------------------------------------------- the page
def test_the_page_tells_how_far_it_is_and_nobodys_address(client, publisher):
    mailing = make_mailing(members=3)
    put(mailing, DeliveryState.SENT, 1, sent_at=timezone.now(), claimed_at=timezone.now())

    page = client.get(page_of(mailing)).text

    assert "已處理 1 份，共 3 份（33%）" in page
    assert "mailing-progress.js" in page
    assert mailing.deliveries.first().email not in page


def test_whose_copies_failed_is_one_click_away_for_who_may_see_it(client, publisher):
    mailing = make_mailing(members=3)
    put(mailing, DeliveryState.FAILED, 2)
    assert "逐份看失敗的" not in client.get(page_of(mailing)).text

    publisher.user_permissions.add(Permission.objects.get(codename="view_delivery"))
    page = client.get(page_of(mailing)).text

    [link] = re.findall(r'href="([^"]+)">逐份看失敗的 2 份', page)
    assert "2項" in client.get(unescape(link)).text


def test_who_opened_it_is_told_by_name(client, publisher):
    publisher.last_name, publisher.first_name = "黃", "小明"
    publisher.save()
    by_the_clock, by_hand = make_mailing(), make_mailing()
    Mailing.objects.filter(pk=by_hand.pk).update(opened_by=publisher)

    assert "黃小明" in client.get(page_of(by_hand)).text.partition("發送者")[2]
    opener = client.get(page_of(by_the_clock)).text.partition("發送者")[2].partition("發送時間")[0]
    assert "系統" in opener


def test_a_finished_mailing_is_not_asked_after(client, publisher):
    mailing = make_mailing()
    put(mailing, DeliveryState.SENT, 1)
    Mailing.objects.update(state=MailingState.DONE)

    assert "mailing-progress.js" not in client.get(page_of(mailing)).text
    assert client.get(reverse("admin:mailing_progress", args=[mailing.pk])).json()["next"] is None


def test_a_page_costs_no_more_for_more_members(client, publisher, django_assert_max_num_queries):
    mailing = make_mailing(members=30)
    pause(mailing, publisher, "", timezone.now())

    with django_assert_max_num_queries(10):
        client.get(reverse("admin:mailing_progress", args=[mailing.pk]))
    with django_assert_max_num_queries(16):
        client.get(page_of(mailing))


def test_whoever_may_only_look_gets_no_buttons(client, looker):
    mailing = make_mailing()

    page = client.get(page_of(mailing)).text

    assert "發送進度" in page
    assert 'value="pause"' not in page
    assert "取消發送" not in page


@pytest.mark.parametrize("name", ["mailing_steer", "mailing_cancel"])
def test_whoever_may_only_look_steers_nothing(client, looker, name):
    mailing = make_mailing()

    answer = client.post(reverse(f"admin:{name}", args=[mailing.pk]), {"act": "pause"})

    mailing.refresh_from_db()
    assert (answer.status_code, mailing.state) == (403, MailingState.SENDING)


def test_no_link_steers(client, publisher):
    mailing = make_mailing()

    address = reverse("admin:mailing_steer", args=[mailing.pk])

    assert client.get(address, {"act": "pause"}).status_code == 405


def test_pausing_and_resuming_by_the_buttons(client, publisher):
    mailing = make_mailing()

    paused = steer(client, mailing, "pause", reason="主旨有錯字").text
    mailing.refresh_from_db()
    assert mailing.state == MailingState.PAUSED
    assert "暫停發送：主旨有錯字" in paused
    assert 'value="resume"' in paused

    steer(client, mailing, "resume")
    mailing.refresh_from_db()
    assert mailing.state == MailingState.SENDING


def test_who_presses_too_late_is_told(client, publisher):
    mailing = make_mailing()
    pause(mailing, None, "", timezone.now())

    assert "剛才已有變動，沒有再做" in steer(client, mailing, "pause").text
    assert mailing.steering_records.count() == 1


def test_cancelling_says_first_what_will_happen(client, publisher):
    mailing = make_mailing(members=3)
    put(mailing, DeliveryState.SENT, 1, sent_at=timezone.now())

    page = client.get(reverse("admin:mailing_cancel", args=[mailing.pk])).text

    mailing.refresh_from_db()
    assert mailing.state == MailingState.SENDING
    assert "<strong>2</strong> 份都不會寄出" in page
    assert "已寄出的 1 份無法收回" in page


def test_cancelling_by_the_button(client, publisher):
    mailing = make_mailing(members=2)

    page = client.post(reverse("admin:mailing_cancel", args=[mailing.pk]), follow=True).text

    mailing.refresh_from_db()
    assert mailing.state == MailingState.CANCELLED
    assert "取消發送" in page
    assert 'value="resume"' not in page


def test_what_is_over_cannot_be_cancelled(client, publisher):
    mailing = make_mailing()
    cancel(mailing, None, timezone.now())

    page = client.get(reverse("admin:mailing_cancel", args=[mailing.pk]), follow=True).text

    assert "已取消，不能取消" in page


def test_what_failed_is_sent_again_by_the_button(client, publisher, woken):
    mailing = make_mailing(members=3)
    put(mailing, DeliveryState.FAILED, 2)
    put(mailing, DeliveryState.UNKNOWN, 1)
    Mailing.objects.update(state=MailingState.DONE)

    assert "失敗的 2 份再寄一次" in client.get(page_of(mailing)).text
    steer(client, mailing, "send_again")

    mailing.refresh_from_db()
    assert mailing.state == MailingState.SENDING
    assert mailing.count_deliveries()[DeliveryState.QUEUED] == 2
    assert list(mailing.steering_records.values_list("act", "by", "note")) == [
        (SteeringAct.SENT_AGAIN, publisher.pk, "2 份")
    ]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_page_follows_the_mailing_by_itself(desk, live_server, woken):
    mailing = make_mailing(members=2)
    desk.goto(live_server.url + page_of(mailing))
    desk.get_by_label("暫停的原因").fill("主旨有錯字")

    put(mailing, DeliveryState.SENT, 1, sent_at=timezone.now(), claimed_at=timezone.now())
    expect(desk.get_by_text("已處理 1 份，共 2 份（50%）")).to_be_visible()
    assert desk.get_by_label("暫停的原因").input_value() == "主旨有錯字"

    desk.get_by_role("button", name="暫停").focus()
    put(mailing, DeliveryState.FAILED, 1)
    Mailing.objects.update(state=MailingState.DONE, finished_at=timezone.now())
    expect(desk.get_by_role("status")).to_have_text("完成")
    expect(desk.get_by_role("button", name="失敗的 1 份再寄一次")).to_be_visible()
    expect(desk.get_by_role("button", name="暫停")).to_have_count(0)
