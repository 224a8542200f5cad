"""A setting that is misspelt stops what would act on it."""

import sqlite3

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection

from subscribers.checks import (
    check_bounce_mailbox,
    check_name_servers,
    check_sqlite,
    check_unknown_deliveries,
)


@pytest.mark.parametrize("value", ["resend", "hold"])
def test_what_is_to_be_done_with_unknown_deliveries_is_one_of_two(settings, value):
    settings.UNKNOWN_DELIVERIES = value

    assert check_unknown_deliveries() == []


@pytest.mark.parametrize("value", ["Resend", "re-send", ""])
def test_anything_else_is_an_error_that_names_the_choices(settings, value):
    settings.UNKNOWN_DELIVERIES = value

    [error] = check_unknown_deliveries()

    assert error.id == "subscribers.E001"
    assert f"「{value}」" in error.msg
    assert "resend" in error.hint
    assert "hold" in error.hint


def test_workers_and_commands_do_not_start_with_such_an_error(settings):
    settings.UNKNOWN_DELIVERIES = "resent"

    with pytest.raises(SystemCheckError, match=r"subscribers\.E001"):
        call_command("check")


def test_an_sqlite_that_cannot_return_what_it_updated_is_refused(monkeypatch):
    assert check_sqlite() == []
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    monkeypatch.setattr(connection, "vendor", "sqlite")

    [error] = check_sqlite()

    assert "3.35" in error.hint


@pytest.mark.parametrize("server", ["9.9.9.9", "9.9.9.9:5353", "[2620:fe::fe]:53"])
def test_a_name_server_goes_by_its_address(settings, server):
    settings.DNS_SERVERS = [server]

    assert check_name_servers() == []


@pytest.mark.parametrize("server", ["dns.google", "9.9.9.9:port", "9.9.9", "2620:fe::fe", "[x"])
def test_another_name_server_is_refused(settings, server):
    settings.DNS_SERVERS = ["9.9.9.9", server]

    (error,) = check_name_servers()

    assert (error.id, server in error.msg) == ("subscribers.E003", True)


@pytest.mark.parametrize(
    "url", ["", "imaps://reader:a%20secret@mail.example.org/INBOX", "imaps://r:s@[::1]:1993"]
)
def test_a_mailbox_for_bounces_goes_by_its_url(settings, url):
    settings.BOUNCE_IMAP_URL = url

    assert check_bounce_mailbox() == []


@pytest.mark.parametrize(
    "url",
    [
        *("imaps://r:secret@mail.example.org:port", "imaps://r:secret@mail.example.org:99999"),
        *("imap://r:secret@mail.example.org", "imaps://r:secret@", "imaps://[x", "imaps://r:密@h"),
        *("imaps://r:secret@mail.example.org/退信", "imaps://r:secret@mail.example.org/%22"),
    ],
)
def test_another_is_refused_and_its_password_not_repeated(settings, url):
    settings.BOUNCE_IMAP_URL = url

    (error,) = check_bounce_mailbox()

    assert error.id == "subscribers.E005"
    assert "imaps://user:password@host" in error.msg
    assert "secret" not in f"{error.msg}{error.hint}"
