"""On which days, and at what hour, digests go out. Pure but for the list of holidays."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from subscribers.digest_rules import Frequency

HONG_KONG = ZoneInfo("Asia/Hong_Kong")
DAY = timedelta(days=1)
SUNDAY = 7  # as date.isoweekday() counts


@lru_cache
def _list_holidays(year: int) -> frozenset[date]:
    """General holidays: the library calls "public" only those that are statutory."""
    return frozenset(holidays.country_holidays("HK", years=year, categories=("public", "optional")))


def is_holiday(day: date) -> bool:
    return day in _list_holidays(day.year)


@dataclass(frozen=True)
class Timetable:
    """When digests are due. Weekly ones on `weekday` (1 is Monday), monthly ones on the first of
    the month; from a Sunday or public holiday, unless `on_rest_days`, moved to the next day that
    is neither.
    """

    hour: int = 9
    weekday: int = 5
    on_rest_days: bool = False

    def is_sending_day(self, day: date) -> bool:
        return self.on_rest_days or not (day.isoweekday() == SUNDAY or is_holiday(day))

    def last_due(self, kind: Frequency, now: datetime) -> date:
        """The latest day that was due by `now`: today, only from the hour on."""
        today = now.astimezone(HONG_KONG).date()
        latest = today if now >= self.moment(today) else today - DAY
        nominal = _nominal_day(kind, latest, self.weekday)
        while (due := self._move(nominal)) > latest:
            nominal = _nominal_day(kind, nominal - DAY, self.weekday)
        return due

    def next_due(self, kind: Frequency, after: date) -> date:
        """The first day that is due later than the day `after`."""
        day = after + DAY
        while self.last_due(kind, self.moment(day)) <= after:
            day += DAY
        return day

    def may_send(self, now: datetime) -> bool:
        """What is late waits for the hour of a sending day too: nobody gets it on a Sunday, or in
        the middle of a night.
        """
        today = now.astimezone(HONG_KONG).date()
        return self.is_sending_day(today) and now >= self.moment(today)

    def next_moment(self, after: datetime) -> datetime:
        """The hour of the first sending day at which it is still to come."""
        day = after.astimezone(HONG_KONG).date()
        while self.moment(day) <= after or not self.is_sending_day(day):
            day += DAY
        return self.moment(day)

    def moment(self, day: date) -> datetime:
        return datetime.combine(day, time(self.hour), tzinfo=HONG_KONG)

    def _move(self, day: date) -> date:
        while not self.is_sending_day(day):
            day += DAY
        return day


def _nominal_day(kind: Frequency, latest: date, weekday: int) -> date:
    """The last one up to `latest`, wherever it is moved to."""
    if kind == Frequency.MONTHLY:
        return latest.replace(day=1)
    return latest - DAY * ((latest.isoweekday() - weekday) % 7)
