import pytest

from briefings.lookups import could_be_id
from briefings.models import Entry, Theme
from briefings.tests.makers import make_draft, make_entry

pytestmark = pytest.mark.django_db

FORGED = 10**30


def test_among_a_list_of_keys_an_impossible_one_finds_nothing_and_the_others_are_found():
    entry = make_entry()

    assert list(Entry.objects.filter(pk__in=[FORGED, entry.pk, -FORGED])) == [entry]


@pytest.mark.parametrize(
    "condition", [{"edition": FORGED}, {"edition__in": [FORGED]}, {"themes": FORGED}]
)
def test_an_impossible_key_of_something_else_finds_nothing(condition):
    make_draft()

    assert not Entry.objects.filter(**condition).exists()


def test_nothing_is_excluded_by_an_impossible_key():
    entry = make_draft().entries.get()

    assert list(Entry.objects.exclude(pk__in=[FORGED])) == [entry]
    assert list(Entry.objects.exclude(edition=FORGED)) == [entry]


def test_keys_that_a_query_finds_are_left_to_the_database():
    theme = Theme.objects.create(name="稅務")
    entry = make_entry(themes=[theme])

    assert Entry.objects.filter(themes__in=Theme.objects.all()).get() == entry
    assert Entry.objects.filter(pk__in=Entry.objects.values("pk")).get() == entry


@pytest.mark.parametrize("text", ["", "abc", "-1", "1.5", "１", "9" * 20, "9" * 5000])
def test_what_is_not_the_key_of_a_row_is_told_by_its_looks(text):
    assert not could_be_id(text)
