"""Two people at once at what hangs together: each waits for the other, and neither for ever.

Each test stops the first where, in another order of locks, the two would hold what the other
wants. SQLite has one writer at a time and passes by that; PostgreSQL by the order.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date
from functools import partial
from threading import Barrier, BrokenBarrierError, Event

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models.signals import m2m_changed, post_save
from django.test import Client

from briefings.models import Edition, Entry, Theme, ThemedEntry
from briefings.placing import place_entries
from briefings.tests.makers import make_draft, make_entry
from briefings.tests.test_edition_making import desk, form
from briefings.themes import merge_themes

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

PATIENCE = 1.5  # seconds for the other to come as far as it can


def do_at_once(*acts: Callable[[], object]) -> list[object]:
    def act(one: Callable[[], object]) -> object:
        try:
            return one()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [done.result() for done in [pool.submit(act, one) for one in acts]]


@contextmanager
def called_by(signal, sender: type, receiver: Callable[..., None]) -> Iterator[None]:
    signal.connect(receiver, sender=sender)
    try:
        yield
    finally:
        signal.disconnect(receiver, sender=sender)


@pytest.fixture
def editor() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("chan"))
    return client


@pytest.fixture
def other_editor() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("wong"))
    return client


def test_two_editions_may_exchange_entries_at_the_same_moment(editor, other_editor):
    one, two = make_draft({"headline": "甲"}, number=1), make_draft({"headline": "乙"}, number=2)
    both = Barrier(2, timeout=PATIENCE)

    def wait_for_the_other(**_: object) -> None:
        with suppress(BrokenBarrierError):
            both.wait()

    with called_by(post_save, Edition, wait_for_the_other):
        answers = do_at_once(
            lambda: editor.post(desk(one), form(one, to_1=two.pk)),
            lambda: other_editor.post(desk(two), form(two, to_1=one.pk)),
        )

    assert [answer.status_code for answer in answers] == [302, 302]
    assert dict(Entry.objects.values_list("headline", "edition")) == {"甲": two.pk, "乙": one.pk}


def test_an_entry_may_be_written_while_it_is_put_into_the_edition_of_its_form(editor):
    edition, entry = make_draft(number=1), make_entry(headline="甲")
    both = Barrier(2, timeout=PATIENCE)
    written = {"headline": "改過", "lead": "導言。", "body": "<p>文</p>", "edition": edition.pk}
    for prefix in ("bylines", "sources"):
        written |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}

    def wait_for_the_other(**_: object) -> None:
        with suppress(BrokenBarrierError):
            both.wait()

    with called_by(post_save, Entry, wait_for_the_other):
        answer, _ = do_at_once(
            lambda: editor.post(f"/admin/briefings/entry/{entry.pk}/change/", written),
            lambda: place_entries(
                [entry.pk, *edition.entries.values_list("pk", flat=True)], edition
            ),
        )

    entry.refresh_from_db()
    assert answer.status_code == 302
    assert (entry.edition, entry.headline) == (edition, "改過")


@pytest.mark.parametrize("survivor", ["甲", "乙"])
def test_themes_may_be_merged_while_an_entry_goes_from_one_to_the_other(survivor):
    old, new = Theme.objects.create(name="甲"), Theme.objects.create(name="乙")
    entry = make_entry(themes=[old])
    taken_off, merged = Event(), Event()

    def wait_for_the_merge(action: str, **_: object) -> None:
        if action == "post_remove":
            taken_off.set()
            merged.wait(PATIENCE)

    def merge() -> None:
        taken_off.wait(PATIENCE)
        merge_themes(Theme.objects.get(name=survivor), [old.pk, new.pk])
        merged.set()

    def give_the_new() -> None:
        with transaction.atomic():  # as a form is saved
            entry.themes.set([new])

    with called_by(m2m_changed, ThemedEntry, wait_for_the_merge):
        do_at_once(give_the_new, merge)

    assert [theme.name for theme in Entry.objects.get().themes.all()] == [survivor]


def test_a_theme_merged_since_it_was_chosen_gives_way_to_what_it_was_merged_into():
    old, new = Theme.objects.create(name="甲"), Theme.objects.create(name="乙")
    entry = make_entry()
    merge_themes(old, [new.pk])

    entry.themes.set([new])

    assert list(entry.themes.all()) == [old]


def test_a_theme_deleted_since_it_was_chosen_is_left_out():
    theme = Theme.objects.create(name="甲")
    entry, chosen = make_entry(), Theme.objects.get()
    theme.delete()

    entry.themes.set([chosen])

    assert not entry.themes.exists()


@pytest.mark.parametrize("make", [partial(make_entry, headline="同一標題"), make_draft])
def test_two_that_want_one_address_get_one_each(make):
    is_written, both = Event(), Barrier(2)

    def write_first():
        with transaction.atomic():
            made = make()
            is_written.set()
            # The other has chosen by now, and waits for us to end.
            with suppress(BrokenBarrierError):
                both.wait(PATIENCE)
        return made.slug

    def write_second():
        is_written.wait()
        made = make()
        with suppress(BrokenBarrierError):
            both.wait(0)
        return made.slug

    first, second = do_at_once(write_first, write_second)

    assert second == f"{first}-2"


def test_an_address_that_was_given_and_is_taken_is_refused():
    taken = make_draft(date=date(2026, 11, 20))

    with pytest.raises(IntegrityError):
        Edition.objects.create(date=taken.date, slug=taken.slug, imprint=taken.imprint)
