import pytest

from briefings.models import Theme
from briefings.tests.makers import make_published
from briefings.themes import merge_themes
from subscribers.chosen_themes import count_members
from subscribers.models import Digest, MemberState
from subscribers.opening import open_mailing
from subscribers.tests.makers import make_member

pytestmark = pytest.mark.django_db


def make_theme(name: str) -> Theme:
    return Theme.objects.create(name=name)


def chosen(member) -> list[str]:
    return sorted(theme.name for theme in member.themes.all())


def test_who_chose_a_merged_theme_chose_the_one_that_stays():
    stays, goes, other = make_theme("甲"), make_theme("乙"), make_theme("丙")
    one, both = make_member(themes=[goes, other]), make_member(themes=[stays, goes])

    merge_themes(stays, [goes.pk])

    assert chosen(one) == ["丙", "甲"]
    assert chosen(both) == ["甲"]


def test_who_chose_none_still_wants_all():
    member = make_member()
    stays, goes = make_theme("甲"), make_theme("乙")

    merge_themes(stays, [goes.pk])

    assert chosen(member) == []


def test_a_digest_that_was_sent_stays_as_it_was():
    stays, goes = make_theme("甲"), make_theme("乙")
    edition = make_published({"themes": [goes]})
    make_member(themes=[goes])
    open_mailing(edition, by=None)
    before = Digest.objects.values().get()

    merge_themes(stays, [goes.pk])

    assert Digest.objects.values().get() == before


def test_each_active_member_is_counted_once():
    one, two = make_theme("甲"), make_theme("乙")
    make_member(themes=[one, two])
    make_member(themes=[two])
    make_member(themes=[one], state=MemberState.UNSUBSCRIBED)

    assert count_members([one.pk, two.pk]) == 2
