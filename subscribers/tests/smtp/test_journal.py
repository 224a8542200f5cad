"""Real files and locks; a dead sender is one whose process was killed."""

import fcntl
import multiprocessing
import os
import signal
import time
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from subscribers.smtp import journal as journals
from subscribers.smtp.journal import Mark, open_journal, reading_left

KEYS = [11, 12, 13, 2**40]


def write_then_wait(folder: Path, claim: UUID, ready) -> None:
    journal = open_journal(folder, claim, KEYS)
    journal.mark(0, Mark.UNDER_WAY)
    journal.mark(0, Mark.ACCEPTED)
    journal.mark(1, Mark.UNDER_WAY)
    ready.set()
    signal.pause()


@pytest.fixture
def sender(tmp_path):
    """At work, in a process of its own; with its claim."""
    context = multiprocessing.get_context("fork")
    claim, ready = uuid4(), context.Event()
    process = context.Process(target=write_then_wait, args=(tmp_path, claim, ready))
    process.start()
    assert ready.wait(10)
    yield process, claim
    process.kill()
    process.join()


def kill(process) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def test_of_a_killed_sender_it_is_known_what_it_had_come_to(tmp_path, sender):
    process, claim = sender
    kill(process)

    with reading_left(tmp_path) as left:
        assert left == [(claim, [11], [12], [13, 2**40])]
    with reading_left(tmp_path) as left:
        assert left == []


def test_a_living_sender_is_left_alone(tmp_path, sender):
    with reading_left(tmp_path) as left:
        assert left == []
    assert list(tmp_path.glob("*.journal"))


def test_who_fails_to_write_it_down_leaves_it_for_the_next(tmp_path, sender):
    kill(sender[0])

    with pytest.raises(ConnectionError), reading_left(tmp_path):
        raise ConnectionError("no ledger")

    with reading_left(tmp_path) as left:
        assert len(left) == 1


def test_of_two_readers_at_once_one_is_given_it(tmp_path, sender):
    kill(sender[0])

    with reading_left(tmp_path) as first, reading_left(tmp_path) as second:
        assert (len(first), second) == (1, [])


def test_what_is_finished_leaves_nothing(tmp_path):
    with open_journal(tmp_path, uuid4(), KEYS) as journal:
        journal.finish()

    assert list(tmp_path.iterdir()) == []


def test_what_is_closed_unfinished_is_read(tmp_path):
    claim = uuid4()
    with open_journal(tmp_path, claim, [7]) as journal:
        journal.mark(0, Mark.ACCEPTED)

    with reading_left(tmp_path) as left:
        assert left == [(claim, [7], [], [])]


def test_of_an_earlier_boot_nothing_is_believed_untouched(tmp_path, monkeypatch):
    claim = uuid4()
    with open_journal(tmp_path, claim, [7, 8]) as journal:
        journal.mark(0, Mark.ACCEPTED)
    monkeypatch.setattr(journals, "_read_boot", lambda: b"another".ljust(36))

    with reading_left(tmp_path) as left:
        assert left == [(claim, [7], [8], [])]


@pytest.mark.parametrize("length", [0, 10, 70])
def test_one_that_was_cut_off_says_nothing(tmp_path, length):
    with open_journal(tmp_path, uuid4(), KEYS) as journal:
        content = journal.path.read_bytes()
    journal.path.write_bytes(content[:length])

    with reading_left(tmp_path) as left:
        assert left == []


def test_a_folder_that_is_not_there_holds_nothing(tmp_path):
    with reading_left(tmp_path / "none") as left:
        assert left == []


def test_what_cannot_be_listed_holds_nothing(tmp_path):
    """Whoever is to write there is told."""
    (tmp_path / "file").touch()

    with reading_left(tmp_path / "file") as left:
        assert left == []
    with pytest.raises(OSError, match="exists"):
        open_journal(tmp_path / "file", uuid4(), KEYS)


def test_on_a_full_disk_nothing_is_left_open(tmp_path, monkeypatch):
    monkeypatch.setattr(journals.os, "write", lambda file, content: len(content) - 1)
    before = len(list(Path("/proc/self/fd").iterdir()))

    with pytest.raises(OSError, match="No space"):
        open_journal(tmp_path, uuid4(), KEYS)

    assert list(tmp_path.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_never_got_its_name_is_cleared_away(tmp_path):
    unnamed = tmp_path / f"{uuid4()}.new"
    unnamed.touch()
    long_ago = time.time() - 2 * journals._MAKING
    os.utime(unnamed, (long_ago, long_ago))

    with reading_left(tmp_path) as left:
        assert left == []
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_being_made_is_left_alone(tmp_path, monkeypatch):
    """Between a file and its lock another sender may look for what the dead left."""
    lock = fcntl.flock

    def look_first(file, operation):
        monkeypatch.setattr(fcntl, "flock", lock)
        with reading_left(tmp_path) as left:
            assert left == []
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", look_first)
    open_journal(tmp_path, uuid4(), KEYS)

    assert len(list(tmp_path.glob("*.journal"))) == 1


def test_what_cannot_be_opened_stops_nobody(tmp_path, sender):
    kill(sender[0])
    (tmp_path / "folder.journal").mkdir()

    with reading_left(tmp_path) as left:
        assert len(left) == 1
