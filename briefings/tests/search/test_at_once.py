"""A search knows of every change at once: within its transaction, and after it for everybody."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from django.db import connection, transaction
from django.utils.html import strip_tags
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from briefings.models import Audience, Edition, Entry, Theme
from briefings.publishing import (
    find_gaps,
    publish_edition,
    restore_entry,
    withdraw_edition,
    withdraw_entry,
)
from briefings.tasks import build_edition_pdf, draw_cards
from briefings.tests.makers import make_published
from briefings.tests.search.archives import (
    Written,
    add_public,
    choose_phrases,
    choose_wanted,
    find,
    make_body,
    make_public_edition,
    rebuild_index,
    write_entry,
)
from briefings.themes import merge_themes, rename_theme

numbers = st.integers(0, 2**32)
archives = settings(
    max_examples=8,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
STEPS = 12


class Archive:
    """An edition that changes at random, and what the public may read of it."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.edition = make_public_edition()
        self.public: dict[int, Written] = {}
        self.withdrawn: dict[int, Written] = {}
        self.ever = [Written("工業發展")]  # also what is there no longer

    def change(self) -> str:
        """One change; its name."""
        name, act = self.random.choice(
            [
                *[("write", self.write)] * 3,
                *[("edit", self.edit)] * 4,
                ("save a part", self.save_part),
                ("withdraw", self.withdraw),
                ("restore", self.restore),
                ("delete", self.delete),
                ("delete by queryset", self.delete_many),
                ("roll back", self.roll_back),
                ("edition goes and comes", self.go_and_come),
                *[("rebuild", rebuild_index)] * 2,
            ]
        )
        act()
        return name

    def _choose(self, written: dict[int, Written]) -> Entry | None:
        return Entry.objects.get(pk=self.random.choice(sorted(written))) if written else None

    def _write_entry(self) -> Written:
        self.ever.append(write_entry(self.random))
        return self.ever[-1]

    def write(self) -> None:
        written = self._write_entry()
        self.public[add_public(self.edition, written).pk] = written

    def edit(self) -> None:
        if entry := self._choose(self.public):
            written = self._write_entry()
            for field, text in written.fields.items():
                setattr(entry, field, text)
            entry.save()
            self.public[entry.pk] = written

    def save_part(self) -> None:
        if entry := self._choose(self.public):
            lead = self._write_entry().lead
            entry.lead = lead
            entry.save(update_fields=["lead"])
            self.public[entry.pk] = self.public[entry.pk]._replace(lead=lead)

    def withdraw(self) -> None:
        if entry := self._choose(self.public):
            withdraw_entry(entry, note="因故")
            self.withdrawn[entry.pk] = self.public.pop(entry.pk)

    def restore(self) -> None:
        if entry := self._choose(self.withdrawn):
            restore_entry(entry)
            self.public[entry.pk] = self.withdrawn.pop(entry.pk)

    def delete(self) -> None:
        if entry := self._choose(self.public):
            del self.public[entry.pk]
            entry.delete()

    def delete_many(self) -> None:
        if entry := self._choose(self.public):
            del self.public[entry.pk]
            Entry.objects.filter(pk=entry.pk).delete()

    def roll_back(self) -> None:
        """A change that never was."""
        before = dict(self.public), dict(self.withdrawn)
        with transaction.atomic():
            for act in (self.write, self.edit, self.withdraw, self.delete):
                act()
            self.check(Random(self.random.random()))
            transaction.set_rollback(True)
        self.public, self.withdrawn = before

    def go_and_come(self) -> None:
        """Which its entries do, but for those withdrawn by themselves."""
        entries = self.edition.entries.filter(withdrawn_at=None)
        if not entries or any(map(find_gaps, entries)):
            return  # not to be published like this
        withdraw_edition(self.edition)
        assert not find(f'"{next(iter(self.public.values())).headline}"')
        publish_edition(self.edition, audience=Audience.PUBLIC)

    def check(self, random: Random, done: str = "") -> None:
        readings = {pk: written.read() for pk, written in self.public.items()}
        known = random.sample(self.ever, min(len(self.ever), 5))
        phrases = [p for kind in choose_phrases(random, known).values() for p in kind]
        for wanted in choose_wanted(random, phrases):
            expected = [pk for pk, reading in readings.items() if reading.answers(wanted)]
            assert sorted(find(wanted.typed)) == sorted(expected), (done, wanted.typed)


@pytest.mark.django_db
@archives
@given(numbers)
def test_after_each_of_many_changes_exactly_what_is_public_is_found(number):
    random = Random(number)
    with transaction.atomic():
        archive = Archive(random)
        archive.write()
        for _ in range(STEPS):
            archive.check(random, archive.change())
        transaction.set_rollback(True)


# ------------------------------------------------------------------ one change, and who sees it
OLD, NEW = "關稅上調", "匯率下跌"


def edit(entry: Entry) -> None:
    entry.body = make_body(NEW)
    entry.save()


def replace_edition(entry: Entry) -> None:
    edition = entry.edition
    withdraw_edition(edition)
    edition.entries.all().delete()
    make_published({"body": make_body(NEW)}, date=edition.date.replace(year=2025))


def withdraw(entry: Entry) -> None:
    withdraw_entry(entry, note="因故")


def close(entry: Entry) -> None:
    withdraw_edition(entry.edition)
    publish_edition(entry.edition, audience=Audience.MEMBERS)


CHANGES: dict[Callable[[Entry], object], int] = {  # and how many then are found by what is new
    edit: 1,
    replace_edition: 1,
    withdraw: 0,
    close: 0,
    Entry.delete: 0,
}


@pytest.fixture
def no_printing(monkeypatch) -> None:
    """What is made after a commit is no business of a search."""
    for task in (build_edition_pdf, draw_cards):
        monkeypatch.setattr(task, "apply_async", lambda *args, **options: None)


@pytest.fixture
def somebody_else() -> Iterator[Callable[[str], list[int]]]:
    """Finds in a thread of its own, by a connection of its own, which stays open."""
    with ThreadPoolExecutor(1) as thread:
        yield lambda typed: thread.submit(find, typed).result()
        thread.submit(lambda: connection.close()).result()  # noqa: PLW0108  (the thread's own)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("change", CHANGES)
def test_others_see_a_change_when_it_is_committed_and_not_before(
    change, no_printing, somebody_else
):
    entry = make_published({"body": make_body(OLD)}).entries.get()
    assert len(somebody_else(OLD)) == 1
    assert somebody_else(NEW) == []

    with transaction.atomic():
        change(entry)

        assert find(OLD) == []
        assert len(find(NEW)) == CHANGES[change]
        assert len(somebody_else(OLD)) == 1
        assert somebody_else(NEW) == []

    assert find(OLD) == somebody_else(OLD) == []
    assert len(find(NEW)) == len(somebody_else(NEW)) == CHANGES[change]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_was_rolled_back_is_seen_by_nobody(change, no_printing, somebody_else):
    entry = make_published({"body": make_body(OLD)}).entries.get()
    with transaction.atomic():
        change(entry)
        find(OLD)
        transaction.set_rollback(True)

    assert len(find(OLD)) == len(somebody_else(OLD)) == 1
    assert find(NEW) == somebody_else(NEW) == []


# ---------------------------------------------------------------------------------------- the page
def ask(client, **parameters) -> tuple[list[str], dict[str, int]]:
    """Headlines of what is found, and the facet of themes."""
    context = client.get("/search/", parameters).context
    themes = {theme.name: found for theme, found in context.get("themes", ())}
    return [strip_tags(hit.headline) for hit in context["hits"]], themes


@pytest.mark.django_db
def test_a_change_of_themes_is_seen_by_filters_facets_and_order(client):
    edition: Edition = make_published(
        {"headline": "甲", "lead": "工業", "themes": ["貿易"]},
        {"headline": "乙", "body": make_body("工業"), "themes": ["金融"]},
    )
    first, second = edition.entries.order_by("position")
    assert ask(client, q="工業") == (["甲", "乙"], {"貿易": 1, "金融": 1})

    second.themes.set(["工業政策", "貿易"])
    assert ask(client, q="工業") == (["乙", "甲"], {"貿易": 2, "工業政策": 1})
    assert ask(client, q="工業 theme:貿易")[0] == ["乙", "甲"]
    assert ask(client, q="theme:金融")[0] == []

    first.themes.clear()
    assert ask(client, q="工業 -theme:貿易")[0] == ["甲"]

    theme = Theme.objects.get(name="工業政策")
    rename_theme(theme, "產業", keep_as_alias=False)
    assert ask(client, q="工業") == (["甲", "乙"], {"貿易": 1, "產業": 1})

    merge_themes(theme, [Theme.objects.get(name="貿易").pk])
    assert ask(client, q="工業") == (["甲", "乙"], {"產業": 1})
    assert ask(client, q="工業 theme:貿易")[0] == ["乙"]  # an alias now
