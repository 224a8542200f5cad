"""Members over time, on the desk's first page."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import Permission, User

from subscribers.growth import count_members_by_month, draw_growth
from subscribers.models import Member
from subscribers.tests.makers import make_member

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)


def join(day: datetime) -> Member:
    member = make_member()
    Member.objects.filter(pk=member.pk).update(confirmed_at=day)
    member.refresh_from_db()
    return member


@pytest.mark.django_db
def test_twelve_months_are_counted_the_current_one_last():
    months = [month for month, _ in count_members_by_month(NOW)]

    assert len(months) == 12
    assert (months[0], months[-1]) == (date(2025, 12, 1), date(2026, 11, 1))


@pytest.mark.django_db
def test_a_member_counts_from_the_month_of_confirming():
    join(datetime(2026, 10, 5, tzinfo=UTC))

    counts = dict(count_members_by_month(NOW))

    assert (counts[date(2026, 9, 1)], counts[date(2026, 10, 1)]) == (0, 1)


@pytest.mark.django_db
def test_a_month_ends_at_midnight_in_hong_kong():
    join(datetime(2026, 9, 30, 16, 30, tzinfo=UTC))

    counts = dict(count_members_by_month(NOW))

    assert (counts[date(2026, 9, 1)], counts[date(2026, 10, 1)]) == (0, 1)


@pytest.mark.django_db
def test_who_left_no_longer_counts():
    join(datetime(2026, 8, 5, tzinfo=UTC)).unsubscribe(datetime(2026, 10, 5, tzinfo=UTC))

    counts = dict(count_members_by_month(NOW))

    assert (counts[date(2026, 9, 1)], counts[date(2026, 10, 1)]) == (1, 0)


@pytest.mark.django_db
def test_counting_costs_one_query(django_assert_num_queries):
    with django_assert_num_queries(1):
        count_members_by_month(NOW)


def test_the_plot_is_an_image_that_loads_nothing():
    drawn = draw_growth([(date(2026, month, 1), month) for month in range(1, 12)])

    assert drawn.startswith(b"<?xml")
    assert b'href="http' not in drawn
    assert b"src=" not in drawn


@pytest.mark.django_db
def test_who_may_not_see_mailings_sees_no_plot(client):
    client.force_login(User.objects.create_user("wong", is_staff=True))

    assert client.get("/admin/subscribers/member/growth.svg").status_code == 403


@pytest.mark.django_db
def test_who_sees_mailings_sees_numbers_but_no_link_to_members(client):
    publisher = User.objects.create_user("lee", is_staff=True)
    publisher.user_permissions.set(Permission.objects.filter(codename="view_mailing"))
    make_member(email="secret@example.com")
    client.force_login(publisher)

    page = client.get("/admin/").content.decode()

    assert "<strong>1</strong> 位有效會員" in page
    assert "secret@example.com" not in page
    assert '/admin/subscribers/member/"' not in page
