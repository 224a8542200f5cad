import pytest
from django.core.management import call_command
from django.db import connection, transaction

from briefings.models import Audience, Entry
from briefings.publishing import publish_edition, withdraw_edition
from briefings.search.merging import make_all_segments
from briefings.search.query import parse_query
from briefings.tests.makers import make_draft, make_published
from briefings.tests.search.sights import search_entries

pytestmark = pytest.mark.django_db


def find(typed: str, entries=None) -> list[str]:
    visible = Entry.objects.visible_to(Audience.PUBLIC) if entries is None else entries
    return [entry.headline for entry in search_entries(parse_query(typed), visible)]


@pytest.mark.parametrize("field", ["headline", "lead", "body"])
def test_a_published_entry_is_found_by_each_field(field):
    edition = make_published({field: "談新質生產力"})

    assert find("新质生产力") == [edition.entries.get().headline]


def test_mark_up_is_no_text():
    make_published({"body": "<p>新<strong>質</strong>生產力</p>"})

    assert len(find("新質生產力")) == 1
    assert find("strong") == []


def test_a_draft_is_found_by_those_who_may_see_it_only():
    make_draft({"headline": "關稅"})

    assert find("關稅") == find("關稅", Entry.objects.visible_to(Audience.MEMBERS)) == []
    assert find("關稅", Entry.objects.all()) == ["關稅"]


def test_a_withdrawn_edition_is_found_by_those_who_may_see_it_only():
    withdraw_edition(make_published({"headline": "關稅"}))

    assert find("關稅") == find("關稅", Entry.objects.visible_to(Audience.MEMBERS)) == []
    assert find("關稅", Entry.objects.all()) == ["關稅"]


def test_a_deleted_entry_is_not_held():
    entry = make_published({"headline": "關稅"}).entries.get()
    entry.delete()

    assert find("關稅") == []


def test_a_corrected_entry_is_found_by_its_new_text_only():
    entry = make_published({"headline": "關稅"}).entries.get()
    entry.headline = "匯率"
    entry.save()

    assert find("關稅") == []
    assert find("匯率") == ["匯率"]


def test_the_index_holds_what_the_row_holds_after_a_part_of_it_was_saved():
    edition = make_published({"headline": "關稅", "lead": "甲"})
    older = edition.entries.get()
    edition.entries.update(lead="乙")

    older.headline = "匯率"
    older.save(update_fields=["headline"])

    call_command("rebuild_search_index", check=True)
    assert find("匯率") == ["匯率"]


def test_an_older_copy_of_an_entry_that_is_saved_leaves_it_found():
    edition = make_draft({"headline": "關稅"})
    older = edition.entries.get()
    publish_edition(edition, audience=Audience.PUBLIC)

    older.save()

    assert find("關稅") == ["關稅"]


def test_a_correction_rolled_back_leaves_the_index_as_it_was():
    entry = make_published({"headline": "關稅"}).entries.get()
    with transaction.atomic():
        entry.headline = "匯率"
        entry.save()
        transaction.set_rollback(True)

    assert find("關稅") == ["關稅"]


def test_only_what_is_visible_is_found_or_counted():
    make_published({"headline": "關稅"}, audience=Audience.MEMBERS)

    results = search_entries(parse_query("關稅"), Entry.objects.visible_to(Audience.PUBLIC))

    assert results.count() == 0
    assert find("關稅", Entry.objects.visible_to(Audience.MEMBERS)) == ["關稅"]


def test_the_headline_outweighs_the_lead_and_the_lead_the_body():
    make_published(
        {"headline": "文", "body": "關稅"},
        {"headline": "導", "lead": "關稅"},
        {"headline": "關稅"},
    )

    assert find("关税") == ["關稅", "導", "文"]


def test_among_equals_the_given_order_holds():
    make_published({"headline": "關稅甲"}, {"headline": "關稅乙"}, {"headline": "關稅丙"})

    assert find("關稅", Entry.objects.order_by("-pk")) == ["關稅丙", "關稅乙", "關稅甲"]


def test_an_empty_query_finds_nothing():
    make_published({"headline": "關稅"})

    assert find("。") == []


def test_what_nobody_changed_is_not_read_again(django_assert_num_queries):
    make_published({"headline": "關稅"}, {"headline": "關稅"})
    find("關稅")

    with django_assert_num_queries(2):  # whether something changed, and the entries
        find("關稅")

    make_all_segments()
    find("關稅")

    # And the posting lists, which on PostgreSQL are read past Django, who counts the queries.
    with django_assert_num_queries(2 if connection.vendor == "postgresql" else 3):
        find("關稅")
