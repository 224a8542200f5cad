"""The rules by themselves. Whole histories, against an oracle: test_digest_histories.py."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from subscribers.digest_rules import (
    LATEST,
    REACH,
    Account,
    Frequency,
    Offer,
    Standing,
    change_frequency,
    choose_due,
    is_news,
)
from subscribers.sending_days import HONG_KONG

EVERY, WEEKLY, MONTHLY, PAUSED = Frequency
NOW = datetime(2026, 11, 27, 9, tzinfo=HONG_KONG)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

TAX, TRADE = 1, 2
TABLE = (
    Offer(13, frozenset({TAX}), NOW - HOUR),
    Offer(12, frozenset({TRADE}), NOW - DAY),
    Offer(11, frozenset(), NOW - 9 * DAY),
)
JOINED = Standing(since=NOW - 30 * DAY)


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({}, (13, 12, 11)),
        ({"themes": frozenset({TAX})}, (13,)),
        ({"themes": frozenset({TAX, TRADE})}, (13, 12)),
        ({"themes": frozenset({9})}, ()),
        ({"since": NOW - 2 * DAY}, (13, 12)),
        ({"since": NOW - DAY}, (13,)),
        ({"since": NOW}, ()),
        ({"until": NOW - DAY}, (12, 11)),
        ({"offered": {11, 12}}, (13,)),
        ({"received": {13}}, (12, 11)),
        ({"offered": {11, 12}, "returned": {11}}, (13, 11)),
        ({"received": {11}, "returned": {11}}, (13, 12)),
        ({"returned": {12}, "themes": frozenset({TAX})}, (13,)),
    ],
)
def test_a_member_is_due_what_is_new_wanted_and_not_had(changes, due):
    assert choose_due(TABLE, replace(JOINED, **changes)) == due


@pytest.mark.parametrize(
    ("published_at", "edition_date", "expected"),
    [
        (NOW - DAY, NOW.date(), True),
        (NOW, NOW.date() - LATEST, True),  # published late
        (NOW, NOW.date() - LATEST - DAY, False),  # an old edition, put into the archive
        (NOW - REACH, (NOW - REACH).date(), False),
    ],
)
def test_what_is_old_or_was_put_into_the_archive_is_no_news(published_at, edition_date, expected):
    assert is_news(published_at, edition_date, NOW) is expected


def change(account, to, now=NOW):
    return change_frequency(
        account, to, joined_at=NOW - 30 * DAY, mailed_until=NOW - 7 * DAY, now=now
    )


@pytest.mark.parametrize("frequency", Frequency)
def test_the_same_frequency_again_changes_nothing(frequency):
    account = Account(frequency, NOW - DAY)

    assert change(account, frequency) == account


def test_from_every_edition_a_digest_goes_on_from_the_last_that_was_mailed():
    assert change(Account(EVERY), WEEKLY) == Account(WEEKLY, since=NOW - 7 * DAY)


def test_from_a_digest_to_every_edition_what_came_out_before_is_still_due():
    assert change(Account(WEEKLY), EVERY) == Account(EVERY, since=NOW - 30 * DAY, until=NOW)


def test_from_one_digest_to_the_other_nothing_is_lost():
    account = Account(WEEKLY, since=NOW - DAY)

    assert change(account, MONTHLY) == Account(MONTHLY, since=NOW - DAY)


def test_a_pause_only_delays_a_digest():
    paused = change(Account(WEEKLY, since=NOW - DAY), PAUSED)

    assert change(paused, WEEKLY) == Account(WEEKLY, since=NOW - DAY)
    assert change(paused, EVERY) == Account(EVERY, since=NOW - DAY, until=NOW)


def test_who_had_every_edition_and_paused_begins_digests_after_the_pause():
    assert change(change(Account(EVERY), PAUSED, NOW - DAY), WEEKLY) == Account(WEEKLY, since=NOW)


def test_a_pause_before_the_last_digest_keeps_its_end():
    left = change(Account(WEEKLY), EVERY, NOW - DAY)

    assert change(change(left, PAUSED), EVERY) == left


def test_who_comes_back_to_digests_is_due_what_came_out_meanwhile():
    left = change(Account(WEEKLY), EVERY, NOW - DAY)

    assert change(left, MONTHLY) == Account(MONTHLY, since=NOW - 30 * DAY)
