"""When digests are due, by the real calendar of Hong Kong."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.digest_rules import Frequency
from subscribers.sending_days import HONG_KONG, Timetable, is_holiday

WEEKLY, MONTHLY = Frequency.WEEKLY, Frequency.MONTHLY
KINDS = st.sampled_from([WEEKLY, MONTHLY])
DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 1))
TIMETABLES = st.builds(Timetable, st.integers(0, 23), st.integers(1, 7), st.booleans())


def at(day: str, clock: str = "12:00") -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=HONG_KONG)


@pytest.mark.parametrize(
    "day",
    [
        "2026-02-17",  # Lunar New Year
        "2026-04-03",  # Good Friday, which is no statutory holiday
        "2026-04-07",  # in lieu
        "2026-10-01",
        "2026-12-26",
    ],
)
def test_general_holidays_of_hong_kong_are_known(day):
    assert is_holiday(date.fromisoformat(day))


@pytest.mark.parametrize(
    ("kind", "now", "due"),
    [
        (WEEKLY, at("2026-11-27", "09:00"), "2026-11-27"),
        (WEEKLY, at("2026-11-27", "08:59"), "2026-11-20"),
        (WEEKLY, at("2026-12-03"), "2026-11-27"),
        (MONTHLY, at("2026-12-01", "09:00"), "2026-12-01"),
        (MONTHLY, at("2026-11-30"), "2026-11-02"),  # the 1st was a Sunday
        (WEEKLY, at("2026-12-26"), "2026-12-18"),  # the 25th, 26th and 27th are none of them
        (WEEKLY, at("2026-12-28"), "2026-12-28"),
        (WEEKLY, at("2026-04-08"), "2026-04-08"),  # from Good Friday past Easter
        (MONTHLY, at("2026-10-01"), "2026-09-01"),
        (MONTHLY, at("2026-10-02"), "2026-10-02"),
        (MONTHLY, at("2027-01-01"), "2026-12-01"),
        (MONTHLY, at("2027-01-02"), "2027-01-02"),
    ],
)
def test_a_digest_is_due_on_its_day_or_on_the_next_that_is_no_rest_day(kind, now, due):
    assert Timetable().last_due(kind, now) == date.fromisoformat(due)


def test_who_is_told_so_sends_on_rest_days_too():
    timetable = Timetable(on_rest_days=True)

    assert timetable.last_due(WEEKLY, at("2026-12-25")) == date(2026, 12, 25)
    assert timetable.may_send(at("2026-12-27"))


@pytest.mark.parametrize(
    ("now", "may_send"),
    [
        (at("2026-11-28", "09:00"), True),  # a Saturday
        (at("2026-11-28", "08:59"), False),
        (at("2026-11-29"), False),  # a Sunday
        (at("2026-12-25"), False),
    ],
)
def test_what_is_late_waits_for_the_hour_of_a_sending_day(now, may_send):
    assert Timetable().may_send(now) is may_send


@pytest.mark.parametrize(
    ("now", "moment"),
    [
        (at("2026-11-27", "08:59"), at("2026-11-27", "09:00")),
        (at("2026-11-27", "09:00"), at("2026-11-28", "09:00")),
        (at("2026-11-28", "10:00"), at("2026-11-30", "09:00")),  # past a Sunday
        (at("2026-12-24", "10:00"), at("2026-12-28", "09:00")),  # past Christmas and a Sunday
    ],
)
def test_the_next_moment_is_the_hour_of_a_sending_day(now, moment):
    assert Timetable().next_moment(now) == moment


@given(TIMETABLES, KINDS, DAYS, st.integers(0, 23))
def test_every_due_day_is_a_sending_day_that_has_come(timetable, kind, day, hour):
    now = datetime(day.year, day.month, day.day, hour, tzinfo=HONG_KONG)

    due = timetable.last_due(kind, now)

    assert timetable.is_sending_day(due)
    assert timetable.moment(due) <= now


@given(TIMETABLES, KINDS, DAYS)
def test_the_next_due_day_is_the_first_on_which_something_new_is_due(timetable, kind, day):
    following = timetable.next_due(kind, day)

    assert following > day
    assert timetable.last_due(kind, timetable.moment(following)) == following
    for between in range((following - day).days):
        moment = timetable.moment(day + timedelta(days=between))
        assert timetable.last_due(kind, moment) <= day


@given(TIMETABLES, DAYS)
def test_each_week_and_each_month_has_one(timetable, day):
    weeks, months, last = [], [], day
    for kind, days, count in ((WEEKLY, weeks, 52), (MONTHLY, months, 12)):
        last = day
        for _ in range(count):
            last = timetable.next_due(kind, last)
            days.append(last)

    assert 350 <= (weeks[-1] - day).days <= 372
    assert len({(month.year, month.month) for month in months}) == 12
