"""Who guesses passwords waits, and only from where they guessed."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.test import Client, RequestFactory

from briefings.clients import read_client_address
from cma_site.tests.makers import PASSWORD, make_staff

pytestmark = pytest.mark.django_db

HERE, ELSEWHERE = "203.0.113.5", "198.51.100.7"


@pytest.fixture(autouse=True)
def chan():
    return make_staff("chan")


def log_in(password: str, *, username: str = "chan", address: str = HERE):
    client = Client(REMOTE_ADDR=address)
    form = {"username": username, "password": password}
    return client.post("/admin/login/", form)


def guess(times: int, **where) -> None:
    for number in range(times):
        log_in(f"guess {number}", **where)


def test_the_fifth_wrong_password_locks_out():
    guess(4)

    answer = log_in("guess 4")

    assert answer.status_code == 429
    assert "<strong>15 分鐘</strong>" in answer.content.decode()
    assert answer["Retry-After"] == "900"


def test_while_locked_out_the_right_password_opens_nothing():
    guess(5)

    answer = log_in(PASSWORD)

    assert answer.status_code == 429
    assert "sessionid" not in answer.cookies


def test_the_account_stays_open_from_elsewhere():
    guess(5)

    assert log_in(PASSWORD, address=ELSEWHERE).status_code == 302


def test_other_accounts_stay_open():
    make_staff("lee")
    guess(5)

    assert log_in(PASSWORD, username="lee").status_code == 302


def test_the_right_password_forgives_what_was_wrong_before():
    guess(4)
    log_in(PASSWORD)
    guess(4)

    assert log_in(PASSWORD).status_code == 302


def test_trying_again_makes_the_wait_no_longer():
    guess(5)
    locked_at = AccessAttempt.objects.get().attempt_time

    log_in("another guess")

    assert AccessAttempt.objects.get().attempt_time == locked_at


def test_the_lock_opens_by_itself():
    guess(5)
    attempt = AccessAttempt.objects.get()
    AccessAttempt.objects.update(attempt_time=attempt.attempt_time - timedelta(minutes=15))

    assert log_in(PASSWORD).status_code == 302


def test_an_account_that_is_not_there_is_locked_alike():
    guess(5, username="nobody")

    there, not_there = log_in(PASSWORD), log_in(PASSWORD, username="nobody")

    assert (there.status_code, not_there.status_code) == (302, 429)
    assert "nobody" not in not_there.content.decode()


def test_no_password_is_kept():
    guess(5)

    assert "guess" not in AccessAttempt.objects.get().post_data


def test_a_superuser_unlocks_an_account(admin_client, chan):
    guess(5)

    action = {"action": "unlock_accounts", "_selected_action": [chan.pk]}
    page = admin_client.post("/admin/auth/user/", action, follow=True).content.decode()

    assert "已解除鎖定：chan。" in page
    assert log_in(PASSWORD).status_code == 302
    assert LogEntry.objects.get(object_id=str(chan.pk)).change_message == "解除了登入鎖定"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "9.9.9.9", "127.0.0.1"),
        (1, "203.0.113.5", "203.0.113.5"),
        (1, "9.9.9.9, 203.0.113.5", "203.0.113.5"),
        (2, "9.9.9.9, 203.0.113.5, 10.0.0.2", "203.0.113.5"),
        (2, "203.0.113.5", "127.0.0.1"),
        (1, "nonsense", None),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (1, "::ffff:203.0.113.5", "203.0.113.5"),
    ],
)
def test_an_attempt_is_counted_against_the_address_our_proxy_saw(
    proxies, forwarded, address, settings
):
    settings.BEHIND_TLS_PROXY, settings.TRUSTED_PROXIES = bool(proxies), proxies
    request = RequestFactory().post("/admin/login/", headers={"x-forwarded-for": forwarded})

    assert read_client_address(request) == address
