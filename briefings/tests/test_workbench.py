"""The desk's first page, as far as the writing goes."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from briefings.models import Autosave, Edition, Entry, SearchMiss, State
from briefings.tests.makers import make_draft, make_entry

pytestmark = pytest.mark.django_db
FIRST_PAGE = "/admin/"


@pytest.fixture
def editor(client) -> User:
    user = User.objects.create_superuser("chan")
    client.force_login(user)
    return user


def read_card(client, name: str) -> str:
    """The HTML of one card; empty if it isn't there."""
    page = client.get(FIRST_PAGE).content.decode()
    _, found, rest = page.partition(f'card-{name}"')
    return rest.partition("</section>")[0] if found else ""


def test_my_drafts_are_mine(client, editor):
    make_entry(headline="我的", created_by=editor)
    make_entry(headline="別人的", created_by=User.objects.create_user("lee"))

    card = read_card(client, "my-drafts")

    assert "我的</a>" in card
    assert "別人的" not in card


def test_all_my_drafts_are_one_step_away(client, editor):
    make_entry(headline="我的", created_by=editor)
    make_entry(headline="送審的", created_by=editor, state=State.IN_REVIEW)
    make_entry(headline="已批的", created_by=editor, state=State.APPROVED)
    make_entry(headline="別人的", created_by=User.objects.create_user("lee"))

    [card] = [c for c in client.get(FIRST_PAGE).context["cards"] if c.name == "my-drafts"]
    found = client.get(card.address).context["cl"].result_list

    assert {entry.headline for entry in found} == {"我的", "送審的"}


def test_text_that_was_never_saved_is_pointed_to(client, editor):
    now = datetime(2026, 11, 23, 2, tzinfo=UTC)
    typed = {"headline": ["半篇"]}  # as a browser sends it: every field has a list of values
    Autosave.objects.create(user=editor, form_id="a", fields=typed, saved_at=now)

    assert ">半篇</a>" in read_card(client, "my-drafts")


def test_what_waits_longest_for_review_comes_first(client, editor):
    for headline in ("先送審的", "後送審的"):
        entry = make_entry(headline=headline)
        Entry.objects.filter(pk=entry.pk).update(state=State.IN_REVIEW)

    card = read_card(client, "waiting")

    assert card.index("先送審的") < card.index("後送審的")


def test_the_edition_in_the_making_says_what_it_lacks(client, editor):
    make_draft({"headline": "園區公司", "lead": ""})

    card = read_card(client, "in-the-making")

    assert "「園區公司」未有導言。" in card


def test_of_two_drafts_the_later_one_is_in_the_making(client, editor):
    make_draft(number=8, date=date(2026, 11, 1))
    make_draft(number=9, date=date(2026, 12, 1))

    assert "第9期" in read_card(client, "in-the-making")


def test_a_scheduled_edition_stands_with_its_time(client, editor):
    edition = make_draft(number=9)
    at = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
    Edition.objects.filter(pk=edition.pk).update(state=State.SCHEDULED, scheduled_for=at)

    card = read_card(client, "scheduled")

    assert "第9期" in card
    assert "2026年12月1日 09:00自動出版" in card


def test_what_readers_missed_most_comes_first_and_links_to_the_search(client, editor):
    for text, count in (("碳關稅", 2), ("低空經濟", 9)):
        SearchMiss.objects.create(text=text, count=count, last_day=date(2026, 11, 23))

    card = read_card(client, "missed-searches")

    assert card.index("低空經濟") < card.index("碳關稅")
    assert f"{reverse('briefings:search')}?q=" in card


def test_who_may_only_write_sees_their_drafts_alone(client):
    writer = User.objects.create_user("wong", is_staff=True)
    writer.user_permissions.set(
        Permission.objects.filter(codename__in=["view_entry", "write_entry"])
    )
    client.force_login(writer)

    page = client.get(FIRST_PAGE).content.decode()

    assert page.count('<section class="card') == 1


def test_more_work_costs_no_more_queries(client, editor, django_assert_max_num_queries):
    make_draft(*[{} for _ in range(6)], date=date(2026, 12, 1))
    for number in range(8):
        make_entry(created_by=editor)
        make_draft(number=number + 1)

    with django_assert_max_num_queries(40):
        client.get(FIRST_PAGE)
