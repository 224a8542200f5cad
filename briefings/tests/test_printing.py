"""The ledger of PDFs: asked for often, built once, and whoever dies over it is found out."""

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from briefings import printing
from briefings.files import store_whole
from briefings.models import Printout, PrintoutState
from briefings.pdf import PDFRefused
from briefings.printing import ask_anew, ask_for, build, find_pdf, make_order, sweep
from briefings.tests.makers import make_published, make_volume

NOW = timezone.now()
LONG_AGO = NOW - timedelta(minutes=10)


class Printer:
    """In the place of the press: counts, and prints what it is told to."""

    def __init__(self) -> None:
        self.printed = 0
        self.meanwhile: Callable = lambda on_pages: None

    def __call__(self, document, *, seconds, patience, on_pages) -> bytes:
        self.printed += 1
        self.meanwhile(on_pages)
        return b"%PDF"


@pytest.fixture
def printer(monkeypatch) -> Printer:
    printer = Printer()
    monkeypatch.setattr(printing, "print_document", printer)
    return printer


@pytest.fixture
def woken(monkeypatch) -> list:
    """Whom a worker was asked to build."""
    woken: list = []
    monkeypatch.setattr(printing, "wake_worker", woken.append)
    return woken


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def volume(db):
    make_published({"headline": "舊題"}, number=1)
    return make_volume()


def enter(order, state, **fields) -> Printout:
    return Printout.objects.create(name=order.name, state=state, **order.owner, **fields)


def state_of(order) -> str:
    return Printout.objects.get(name=order.name).state


# ------------------------------------------------------------------------------------- asking


def test_asking_twice_wakes_once(volume, woken):
    order = make_order(volume)

    states = [ask_for(order).state for _ in range(2)]

    assert states == ["waiting", "waiting"]
    assert woken == [volume]


def test_asking_after_a_minute_of_silence_wakes_again(volume, woken):
    order = make_order(volume)
    enter(order, PrintoutState.WAITING, asked_at=LONG_AGO)

    ask_for(order)

    assert woken == [volume]


def test_who_asks_while_it_is_built_wakes_nobody(volume, woken):
    order = make_order(volume)
    enter(order, PrintoutState.BUILDING, heard_at=NOW)

    assert ask_for(order).state == PrintoutState.BUILDING
    assert woken == []


def test_it_is_told_about_how_many_pages_there_will_be(volume, woken):
    assert ask_for(make_order(volume)).expected_pages > 0


def test_what_waits_under_an_outdated_name_goes(volume, woken):
    old = make_order(volume)
    ask_for(old)
    volume.title = "另一書名"
    volume.save()

    ask_for(make_order(volume))

    assert not Printout.objects.filter(name=old.name).exists()


def test_it_goes_when_a_worker_builds_the_new_one_too(volume, printer, woken):
    old = make_order(volume)
    ask_for(old)
    volume.title = "另一書名"
    volume.save()

    build(make_order(volume))

    assert not Printout.objects.filter(name=old.name).exists()


def test_a_correction_gives_it_another_name(volume):
    before = make_order(volume).name
    entry = volume.list_entries().get()
    entry.headline = "新題"
    entry.save()

    assert make_order(volume).name != before


def test_nobody_asks_again_for_what_was_refused(volume, woken):
    order = make_order(volume)
    enter(order, PrintoutState.REFUSED, reason="太長。")

    assert ask_for(order).reason == "太長。"
    assert woken == []


def test_but_an_editor_may(volume, woken):
    order = make_order(volume)
    enter(order, PrintoutState.REFUSED, reason="太長。", asked_at=NOW)

    printout = ask_anew(order)

    assert (printout.state, printout.reason) == ("waiting", "")
    assert woken == [volume]


# ------------------------------------------------------------------------------------ building


def test_it_is_built_and_ready(volume, printer):
    order = make_order(volume)

    name = build(order)

    assert find_pdf(order) == name
    assert Printout.objects.values_list("state", "size").get() == ("ready", 4)


def test_building_again_builds_nothing(volume, printer):
    order = make_order(volume)

    names = {build(order) for _ in range(3)}

    assert names == {order.name}
    assert printer.printed == 1


def test_a_file_that_was_deleted_is_asked_for_and_built_again(volume, printer, woken):
    order = make_order(volume)
    build(order)
    default_storage.delete(order.name)

    assert ask_for(order).state == PrintoutState.WAITING
    assert build(order) == order.name
    assert printer.printed == 2


def test_who_comes_while_another_builds_builds_nothing(volume, printer):
    order = make_order(volume)
    enter(order, PrintoutState.BUILDING, heard_at=timezone.now())

    assert build(order) is None
    assert printer.printed == 0


def test_who_claims_what_was_finished_just_before_builds_nothing(volume, printer, monkeypatch):
    order = make_order(volume)
    claim = printing._claim

    def come_late(printout, now):
        store_whole(order.name, b"%PDF")
        return claim(printout, now)

    monkeypatch.setattr(printing, "_claim", come_late)

    assert build(order) == order.name
    assert printer.printed == 0
    assert state_of(order) == "ready"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_builders_at_once_one_builds(printer):
    make_published(number=1)
    order = make_order(make_volume())
    start = Barrier(2)
    # Whoever prints waits until the other has come and gone.
    gone: list = []
    printer.meanwhile = lambda on_pages: wait_for(lambda: gone)

    def come() -> None:
        start.wait()
        gone.append(build(order))
        connection.close()

    threads = [Thread(target=come) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert printer.printed == 1
    assert gone == [None, order.name]
    assert state_of(order) == "ready"


def wait_for(condition, patience=30.0) -> None:
    deadline = timezone.now() + timedelta(seconds=patience)
    while not condition():
        assert timezone.now() < deadline


def test_a_refusal_is_kept_in_words(volume, printer):
    def refuse(on_pages):
        raise PDFRefused("字型沒有以下字元。")

    printer.meanwhile = refuse
    order = make_order(volume)

    assert build(order) is None
    assert Printout.objects.values_list("state", "reason").get() == (
        "refused",
        "字型沒有以下字元。",
    )


def test_progress_is_written_down_while_it_is_built(volume, printer, monkeypatch):
    monkeypatch.setattr(printing, "REPORTED_EVERY", timedelta(0))
    seen = []

    def lay_out(on_pages):
        for pages in (1, 2, 30):
            on_pages(pages)
            seen.append(Printout.objects.values_list("state", "pages").get())

    printer.meanwhile = lay_out

    build(make_order(volume))

    assert seen == [("building", 1), ("building", 2), ("building", 30)]


def test_not_every_page_costs_a_query(volume, printer, django_assert_num_queries):
    def lay_out(on_pages):
        with django_assert_num_queries(0):
            for pages in range(100):
                on_pages(pages)

    printer.meanwhile = lay_out

    assert build(make_order(volume))


# ------------------------------------------------------------------------------------ sweeping


def test_a_builder_that_went_silent_loses_its_claim_and_another_is_woken(volume, woken):
    order = make_order(volume)
    enter(order, PrintoutState.BUILDING, heard_at=LONG_AGO, attempts=1, asked_at=NOW)

    sweep(NOW)

    assert state_of(order) == "waiting"
    assert woken == [volume]


def test_one_that_was_heard_of_keeps_it(volume, woken):
    order = make_order(volume)
    enter(order, PrintoutState.BUILDING, heard_at=NOW - timedelta(seconds=30), attempts=1)

    sweep(NOW)

    assert state_of(order) == "building"
    assert woken == []


def test_who_comes_after_a_silent_one_takes_over_without_the_sweep(volume, printer):
    order = make_order(volume)
    enter(order, PrintoutState.BUILDING, heard_at=LONG_AGO, attempts=1)

    assert build(order) == order.name


def test_what_took_down_three_builders_is_given_up_in_words(volume, woken):
    order = make_order(volume)
    enter(order, PrintoutState.BUILDING, heard_at=LONG_AGO, attempts=3)

    sweep(NOW)

    printout = Printout.objects.get()
    assert (printout.state, printout.reason) == ("refused", "試了3次都未能製成。")
    assert woken == []


def test_three_builders_that_die_over_it_are_three(volume, printer, woken):
    class Killed(BaseException):
        pass

    def die(on_pages):
        raise Killed

    printer.meanwhile = die
    order = make_order(volume)
    for _ in range(3):
        with pytest.raises(Killed):
            build(order)
        sweep(timezone.now() + timedelta(minutes=5))

    assert state_of(order) == "refused"
    assert len(woken) == 2


@pytest.mark.parametrize("asked_at", [None, LONG_AGO])
def test_a_lost_wake_up_is_called_again(asked_at, volume, woken):
    enter(make_order(volume), PrintoutState.WAITING, asked_at=asked_at)

    sweep(NOW)
    sweep(NOW)

    assert woken == [volume]


def test_one_on_its_way_is_left_alone(volume, woken):
    enter(make_order(volume), PrintoutState.WAITING, asked_at=NOW - timedelta(seconds=20))

    sweep(NOW)

    assert woken == []


def test_an_edition_is_swept_like_a_volume(db, woken):
    edition = make_published(number=1)
    Printout.objects.all().delete()
    enter(make_order(edition), PrintoutState.BUILDING, heard_at=LONG_AGO, attempts=1)

    sweep(NOW)

    assert woken == [edition]
