"""The rules by themselves. Whole histories, against an oracle: test_digest_histories.py."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from subscribers.digest_rules import (
    LATEST,
    REACH,
    Account,
    Frequency,
    Hits,
    Offer,
    Search,
    Standing,
    Wish,
    change_frequency,
    choose_due,
    choose_hits,
    choose_wanted,
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
        ({"wish": Wish(frozenset({TAX}))}, (13,)),
        ({"wish": Wish(frozenset({TAX, TRADE}))}, (13, 12)),
        ({"wish": Wish(frozenset({9}))}, ()),
        ({"since": NOW - 2 * DAY}, (13, 12)),
        ({"since": NOW - DAY}, (13,)),
        ({"since": NOW}, ()),
        ({"until": NOW - DAY}, (12, 11)),
        ({"offered": {11, 12}}, (13,)),
        ({"received": {13}}, (12, 11)),
        ({"offered": {11, 12}, "returned": {11}}, (13, 11)),
        ({"received": {11}, "returned": {11}}, (13, 12)),
        ({"returned": {12}, "wish": Wish(frozenset({TAX}))}, (13,)),
    ],
)
def test_a_member_is_due_what_is_new_wanted_and_not_had(changes, due):
    assert choose_due(TABLE, replace(JOINED, **changes)) == due


@pytest.mark.parametrize(
    ("themes", "chosen"),
    [(set(), (13, 12, 11)), ({TAX}, (13,)), ({TAX, 9}, (13,)), ({9}, ())],
)
def test_entries_are_wanted_for_shared_themes(themes, chosen):
    assert choose_wanted(TABLE, Wish(frozenset(themes))) == chosen


def seek(*keys, since=NOW - 30 * DAY, **wish):
    return Wish(searches=tuple(Search(key, f"字{key}", since) for key in keys), **wish)


FOUND = {"a": {12, 13}, "b": {11, 12}, "c": frozenset()}


@pytest.mark.parametrize(
    ("wish", "due"),
    [
        (seek("b", themes=frozenset({TAX})), (13, 12, 11)),
        (seek("a", themes=frozenset({9})), (13, 12)),
        (seek("a"), (13, 12, 11)),  # no theme means all
        (seek("a", only_searches=True), (13, 12)),
        (seek("a", "b", only_searches=True), (13, 12, 11)),
        (seek("c", only_searches=True), ()),
        (seek("unknown", only_searches=True), ()),
        (seek(only_searches=True), ()),
        (seek("a", only_searches=True, themes=frozenset({TRADE})), (13, 12)),
        (seek("b", since=NOW - 2 * DAY, only_searches=True), (12,)),
        (seek("b", since=NOW - DAY, only_searches=True), ()),
        (seek("b", since=NOW - 2 * DAY, themes=frozenset({TAX})), (13, 12)),
    ],
)
def test_what_a_search_finds_is_wanted_beside_the_themes_from_when_it_was_subscribed_to(wish, due):
    assert choose_wanted(TABLE, wish, FOUND) == due
    assert choose_due(TABLE, replace(JOINED, wish=wish), FOUND) == due


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({"offered": {12}}, (13,)),
        ({"received": {13}}, (12,)),
        ({"since": NOW - DAY}, (13,)),
        ({"until": NOW - DAY}, (12,)),
        ({"offered": {12, 13}, "returned": {12}}, (12,)),
        ({"offered": {11, 12, 13}, "returned": {11}}, ()),
    ],
)
def test_what_searches_find_is_due_by_the_rules_for_themes(changes, due):
    member = replace(JOINED, wish=seek("a", only_searches=True), **changes)

    assert choose_due(TABLE, member, FOUND) == due


def test_each_search_is_told_what_of_the_mail_it_found_in_the_order_of_the_mail():
    wish = seek("b", "a", "c")

    assert choose_hits(TABLE, (13, 12, 11), wish, FOUND) == (
        Hits("字b", (12, 11)),
        Hits("字a", (13, 12)),
    )
    assert choose_hits(TABLE, (11,), wish, FOUND) == (Hits("字b", (11,)),)
    assert choose_hits(TABLE, (13,), Wish(), FOUND) == ()


def test_what_came_for_a_theme_and_is_older_than_the_search_is_no_hit_of_it():
    assert choose_hits(TABLE, (13, 12), seek("a", since=NOW - DAY), FOUND) == (Hits("字a", (13,)),)


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
