"""When soft bounces are too many: rules over copies, with a clock that is handed in."""

from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from subscribers.bounces.rules import (
    BACK_WITHIN,
    COPIES_IN_A_ROW,
    SHORTEST_SPAN,
    Copy,
    keeps_coming_back,
)

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)

copies = st.lists(
    st.builds(
        Copy,
        sent_at=st.integers(0, 400).map(lambda days: NOW - timedelta(days=days)),
        came_back=st.booleans(),
    ),
    max_size=12,
)


def sent(days_ago: int, *, back: bool = True) -> Copy:
    return Copy(NOW - timedelta(days=days_ago), came_back=back)


def test_four_in_a_row_over_a_fortnight_are_too_many():
    assert keeps_coming_back([sent(60), sent(40), sent(20), sent(1)], NOW)


def test_three_are_not():
    assert not keeps_coming_back([sent(40), sent(20), sent(1)], NOW)


def test_four_within_days_are_not():
    assert not keeps_coming_back([sent(13), sent(9), sent(5), sent(1)], NOW)


def test_a_copy_that_arrived_between_begins_the_count_anew():
    between = sent(30, back=False)

    assert not keeps_coming_back([sent(60), sent(40), between, sent(20), sent(1)], NOW)


def test_a_copy_sent_yesterday_may_still_come_back_and_says_nothing():
    waiting = sent(1, back=False)

    assert keeps_coming_back([sent(80), sent(60), sent(40), sent(20), waiting], NOW)


@given(copies)
def test_the_order_in_which_they_are_told_does_not_matter(some):
    assume(len({copy.sent_at for copy in some}) == len(some))

    assert keeps_coming_back(some, NOW) == keeps_coming_back(some[::-1], NOW)


@given(copies)
def test_fewer_than_four_returns_are_never_too_many(some):
    assume(sum(copy.came_back for copy in some) < COPIES_IN_A_ROW)

    assert not keeps_coming_back(some, NOW)


@given(copies)
def test_whoever_got_the_latest_that_is_known_is_never_given_up(some):
    arrived = Copy(NOW - BACK_WITHIN, came_back=False)
    earlier = [copy for copy in some if copy.sent_at < arrived.sent_at]

    assert not keeps_coming_back([*earlier, arrived], NOW)


@given(copies, st.integers(0, 30))
def test_the_clock_alone_never_condemns_who_has_copies_out(some, days):
    """A copy that stays away becomes one that arrived; that can only help."""
    later = NOW + timedelta(days=days)

    assert keeps_coming_back(some, later) <= keeps_coming_back(some, NOW)


@given(st.lists(st.integers(0, 60), max_size=8))
def test_too_many_means_four_of_them_over_a_fortnight(days):
    returned = [sent(ago) for ago in days]

    is_too_many = len(days) >= COPIES_IN_A_ROW and max(days) - min(days) >= SHORTEST_SPAN.days

    assert keeps_coming_back(returned, NOW) == is_too_many
