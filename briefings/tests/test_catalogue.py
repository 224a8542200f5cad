"""What readers keep in memory is what the rows say, whoever changed them and however."""

import re
from datetime import date, timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.migrations import Migration
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from briefings.apps import stop_watching, watch_changes
from briefings.catalogue import WATCHED, Column, open_archive, read_catalogue
from briefings.changes import Kind, list_watched, read_marks, unwatch
from briefings.finding import Chosen, find, find_all
from briefings.models import (
    Audience,
    Author,
    Byline,
    ChangeMark,
    Edition,
    Entry,
    GlossaryTerm,
    Theme,
    ThemeAlias,
    ThemedEntry,
)
from briefings.publishing import publish_edition, withdraw_edition
from briefings.search.query import parse_query
from briefings.tests.makers import make_draft, make_published

pytestmark = pytest.mark.django_db


def search(typed: str, audience: Audience | None = Audience.PUBLIC) -> list[str]:
    ids = find(parse_query(typed), open_archive(audience)).list_ids(slice(0, 100))
    headlines = dict(Entry.objects.values_list("pk", "headline"))
    return [headlines[pk] for pk in ids]


# ----------------------------------------------------------------------------------- what changes
def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


CHANGES = {
    "an edition's state": lambda: Edition.objects.update(state="withdrawn"),
    "its audience": lambda: Edition.objects.update(audience=Audience.MEMBERS),
    "its opening": lambda: Edition.objects.update(public_from=timezone.now()),
    "its date": lambda: Edition.objects.update(date=date(2020, 1, 1)),
    "its number": lambda: Edition.objects.update(number=99),
    "its address": lambda: Edition.objects.update(slug="2020-01-01"),
    "an entry's state": lambda: Entry.objects.update(state="withdrawn"),
    "its edition": lambda: Entry.objects.update(edition=None),
    "its position": lambda: Entry.objects.update(position=9),
    "a theme more": lambda: Entry.objects.get().themes.add("航運"),
    "a theme less": lambda: ThemedEntry.objects.all().delete(),
    "another theme": lambda: ThemedEntry.objects.update(tag=Theme.objects.create(name="房屋")),
    "a theme's name": lambda: Theme.objects.update(name="財稅"),
    "its description": lambda: Theme.objects.update(description="稅務和收費"),
    "an alias": lambda: ThemeAlias.objects.create(theme=Theme.objects.get(), name="稅務"),
    "an author": lambda: Byline.objects.create(
        entry=Entry.objects.get(), author=Author.objects.create(name="陳大文")
    ),
    "an author's name": lambda: Author.objects.update(name="李四"),
    "a glossary term": lambda: GlossaryTerm.objects.create(name="強積金"),
    "a deleted edition": lambda: (
        Entry.objects.update(edition=None) and Edition.objects.all().delete()
    ),
    "by no model of ours": lambda: run("UPDATE briefings_entry SET state = 'draft'"),
    "nor Django": lambda: run("DELETE FROM briefings_themedentry"),
    "a new entry": lambda: Entry.objects.create(headline="新"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_the_lists_is_noticed(change):
    make_published({"headline": "關稅", "themes": ["稅"]})
    Author.objects.create(name="張三")
    before = open_archive(Audience.PUBLIC)

    CHANGES[change]()

    assert read_marks()[Kind.CATALOGUE] != before.version
    assert open_archive(Audience.PUBLIC) is not before


def test_what_makes_no_difference_to_the_lists_is_not_marked():
    make_published({"headline": "關稅"})
    before = read_marks()[Kind.CATALOGUE]

    Entry.objects.update(headline="匯率", withdrawal_note="無")
    Edition.objects.update(withdrawal_note="無")

    assert read_marks()[Kind.CATALOGUE] == before


def test_all_tables_are_watched_and_once():
    tables = {(kind, table) for kind, table, _ in WATCHED}
    assert tables < list_watched()
    before = list_watched()
    marks = read_marks()

    watch_changes()
    assert (list_watched(), read_marks()) == (before, marks)


def test_whatever_a_catalogue_is_read_from_is_watched():
    make_published({"headline": "關稅", "themes": ["稅"]})
    with CaptureQueriesContext(connection) as queries:
        read_catalogue(Audience.PUBLIC, timezone.now())

    read = set(re.findall(r'(?:FROM|JOIN) "(\w+)"', " ".join(q["sql"] for q in queries)))
    assert read == {table for _, table, _ in WATCHED}


def test_what_was_changed_while_nobody_watched_is_noticed_after():
    edition = make_published({"headline": "關稅"})
    assert search("關稅") == ["關稅"]

    unwatch()
    withdraw_edition(edition, note="有誤")
    watch_changes()

    assert len(find(parse_query("關稅"), open_archive(Audience.PUBLIC))) == 0


def test_marks_that_somebody_deleted_are_no_sign_that_nothing_changed():
    edition = make_published({"headline": "關稅"})
    ChangeMark.objects.all().delete()
    assert search("關稅") == ["關稅"]

    withdraw_edition(edition, note="有誤")
    ChangeMark.objects.all().delete()

    assert len(find(parse_query("關稅"), open_archive(Audience.PUBLIC))) == 0


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize(("model", "name"), [(Entry, "state"), (Author, "name")])
def test_a_migration_may_change_a_watched_column(model, name):
    old, new = (model._meta.get_field(name).clone() for _ in range(2))
    new.max_length = 200
    for field in (old, new):
        field.set_attributes_from_name(name)
        field.model = model

    stop_watching(plan=[(Migration("0099", "briefings"), False)])
    with connection.schema_editor() as editor:
        editor.alter_field(model, old, new)
    with connection.schema_editor() as editor:
        editor.alter_field(model, new, old)
    watch_changes()

    assert {(kind, table) for kind, table, _ in WATCHED} < list_watched()
    before = read_marks()
    make_published({"headline": "關稅"})
    assert read_marks() != before


def test_a_table_that_is_not_watched_is_told_of(capsys):
    unwatch()

    with pytest.raises(CommandError, match="不符"):
        call_command("rebuild_search_index", check=True)
    assert "資料表未受監察：catalogue briefings_entry" in capsys.readouterr().out

    call_command("rebuild_search_index")
    call_command("rebuild_search_index", check=True)


# ------------------------------------------------------------------------------------ who may see
def test_published_is_found_and_withdrawn_is_not_at_once():
    edition = make_draft({"headline": "關稅"})
    assert (search("關稅"), search("關稅", None)) == ([], ["關稅"])

    publish_edition(edition, audience=Audience.PUBLIC)
    assert search("關稅") == ["關稅"]

    withdraw_edition(edition, note="有誤")
    assert (search("關稅"), search("關稅", None)) == ([], ["關稅"])


def test_an_edition_opens_to_the_public_at_its_time(monkeypatch):
    soon = timezone.now() + timedelta(hours=1)
    make_published({"headline": "關稅"}, audience=Audience.MEMBERS, public_from=soon)
    assert (search("關稅"), search("關稅", Audience.MEMBERS)) == ([], ["關稅"])

    monkeypatch.setattr(timezone, "now", lambda: soon - timedelta(seconds=1))
    assert search("關稅") == []
    monkeypatch.setattr(timezone, "now", lambda: soon)
    assert search("關稅") == ["關稅"]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_what_is_rolled_back_was_never_there():
    make_published({"headline": "關稅"})

    for _ in range(2):
        with transaction.atomic():
            make_published({"headline": "關稅二"})
            assert len(search("關稅")) == 2
            transaction.set_rollback(True)
        assert search("關稅") == ["關稅"]

    make_published({"headline": "關稅三"})
    assert len(search("關稅")) == 2


# ---------------------------------------------------------------------------------- the columns
@pytest.mark.parametrize("rows", [0, 1, 63, 64, 65, 1000])
def test_columns_count_what_the_rows_have(rows):
    having = {"even": range(0, rows, 2), "third": range(0, rows, 3), "none": range(0)}
    column = Column(rows, ((key, np.array(list(own), np.int64)) for key, own in having.items()))
    chosen = np.arange(0, rows, 5)

    expected = {key: len({*own} & {*chosen.tolist()}) for key, own in having.items()}
    assert column.count(chosen) == {key: count for key, count in expected.items() if count}
    assert column.have(chosen, ["even", "unheard of"]).tolist() == [r % 2 == 0 for r in chosen]
    assert column.total("third") == len(having["third"])


def test_answers_turn_round_by_editions_and_keep_the_order_within_one():
    make_published({"headline": "甲"}, {"headline": "乙"}, date=date(2025, 1, 1))
    make_published({"headline": "丙"}, {"headline": "丁"}, date=date(2026, 1, 1))
    visible = Entry.objects.visible_to(Audience.PUBLIC)
    everything = find_all(open_archive(Audience.PUBLIC))

    for sort, entries in (("newest", visible.newest_first()), ("oldest", visible.oldest_first())):
        expected = list(entries.values_list("pk", flat=True))
        assert everything.list_ids(slice(0, 9), sort) == expected
        assert everything.list_ids(slice(1, 3), sort) == expected[1:3]


def test_what_was_chosen_narrows():
    make_published({"headline": "甲", "themes": ["稅"]}, {"headline": "乙"}, date=date(2025, 1, 1))
    make_published({"headline": "丙", "themes": ["稅"]}, date=date(2026, 1, 1))
    everything = find_all(open_archive(Audience.PUBLIC))
    tax = Theme.objects.get(name="稅")

    assert len(everything.narrow(Chosen())) == 3
    assert len(everything.narrow(Chosen(theme=tax))) == 2
    assert len(everything.narrow(Chosen(theme=tax, year=2026))) == 1
    assert len(everything.narrow(Chosen(author="無名氏"))) == 0
