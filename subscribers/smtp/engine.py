"""Several conversations with one relay at once, in one thread."""

import selectors
import smtplib
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from subscribers.smtp.conversation import (
    Closing,
    Conversation,
    Copy,
    Piece,
    Settled,
    Unwanted,
)
from subscribers.smtp.journal import Mark
from subscribers.smtp.replies import Blame, Fate, NoReply, ReplyReader

# So many connections lost, or answers that the relay is full, with nothing accepted between, and
# it is left alone for a while.
PATIENCE = 3
# So many in a row that a policy kept out: it is about us, not about them.
MANY_KEPT_OUT = 10
# Seconds; how often a sender looks up from its work.
LOOK_UP = 0.5
# Seconds that a relay has to say whether it takes a message that it has.
VERDICT = 600
_READ = 64 * 1024
_MOST_PIECES = 1024  # that a system takes at once (IOV_MAX of Linux and of BSD)


class Due(NamedTuple):
    """A copy to come."""

    place: int
    start: float = 0  # not before this, by `time.monotonic`


class Ending(NamedTuple):
    """Why a run ended before all was settled; without a text, it didn't."""

    text: str = ""
    by_policy: bool = False  # the relay, or whoever receives, keeps our mail out


class Journal(Protocol):
    def mark(self, place: int, mark: Mark) -> None: ...


class Overseer(Protocol):
    """Whoever has the ledger."""

    def compose(self, place: int) -> Any:
        """What the way out takes; None if it can't be made, which the overseer then knows."""

    def is_wanted(self, place: int) -> bool: ...

    def settle(self, settled: Settled) -> None:
        """Not of what is untouched."""

    def goes_on(self) -> bool:
        """Asked every half second; once it says no, nothing new is begun."""

    def must_end(self) -> bool:
        """Its claim is about to end: what is under way is dropped."""


class Unreachable(Exception):
    """The relay takes nothing from us at present; `reply` is what it said, or what happened."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


@dataclass(eq=False)  # each is itself alone, and is looked for after each answer
class _Line:
    socket: socket.socket
    conversation: Conversation
    heard_at: float
    reader: ReplyReader = field(default_factory=ReplyReader)
    unsent: list[Piece] = field(default_factory=list)
    unsent_size: int = 0  # bytes
    waits_to_write: bool = False

    def send(self) -> None:
        """As much as it takes now. Raises OSError."""
        if isinstance(self.socket, ssl.SSLSocket):  # it can't gather
            if len(self.unsent) > 1:
                self.unsent = [b"".join(self.unsent)]
            sent = self.socket.send(self.unsent[0])
        else:
            sent = self.socket.sendmsg(self.unsent[:_MOST_PIECES])
        # Nearly always that was all.
        self.unsent = leave_out(self.unsent, sent) if sent < self.unsent_size else []
        self.unsent_size -= sent


class Engine:
    """`dial` gives a connection that is greeted, secured and logged in; it raises OSError, as
    smtplib does.
    """

    takes_bytes = True

    def __init__(
        self, dial: Callable[[], smtplib.SMTP], *, connections: int, timeout: float
    ) -> None:
        self._dial = dial
        self._most = connections
        self._timeout = timeout
        self._selector = selectors.DefaultSelector()
        self._lines: list[_Line] = []
        self._overseer: Overseer | None = None

    def open(self) -> None:
        """The first connection, unless there is one. Raises Unreachable."""
        if not self._lines:
            self._open_line()

    def send(self, due: Sequence[Due], journal: Journal, overseer: Overseer) -> Ending:
        """Settles with the overseer whatever it comes to; what it says nothing of is untouched."""
        self._overseer = overseer
        return _Run(self, due, journal, overseer).work()

    def close(self) -> None:
        for line in list(self._lines):
            self._drop(line, says_goodbye=line.conversation.is_idle)
        self._selector.close()

    def _patience_with(self, line: _Line) -> float:
        """Seconds. To take a message, a relay may look into it first (RFC 5321, 4.5.3.2.6)."""
        return max(self._timeout, VERDICT) if line.conversation.awaits_verdict else self._timeout

    def _is_wanted(self, place: int) -> bool:
        return self._overseer is not None and self._overseer.is_wanted(place)

    def _open_line(self) -> _Line:
        try:
            smtp = self._dial()
        except OSError as error:  # smtplib's exceptions are OSErrors too
            raise Unreachable(_say(error)) from error
        connection = smtp.sock
        assert connection is not None  # noqa: S101  (dialled)
        connection.settimeout(0)
        line = _Line(
            connection,
            Conversation(smtp.has_extn("pipelining"), self._is_wanted),
            time.monotonic(),
        )
        self._selector.register(connection, selectors.EVENT_READ, line)
        self._lines.append(line)
        return line

    def _drop(self, line: _Line, *, says_goodbye: bool = False) -> None:
        self._lines.remove(line)
        self._selector.unregister(line.socket)
        try:
            if says_goodbye:
                line.socket.send(b"QUIT\r\n")
        except OSError:
            pass  # the other end may be gone
        finally:
            line.socket.close()


class _Run:
    """Of one claim."""

    def __init__(
        self, engine: Engine, due: Sequence[Due], journal: Journal, overseer: Overseer
    ) -> None:
        self.engine = engine
        self.waiting = deque(sorted(due, key=lambda one: one.start))
        self.again: deque[Copy] = deque()  # composed, and of a connection that was lost
        self.journal = journal
        self.overseer = overseer
        self.trouble = ""
        self.failures = 0  # in a row
        self.most_lines = engine._most
        self.returned: set[int] = set()  # the places of copies that a lost connection gave back
        self.kept_out: list[Settled] = []  # by a policy, since anybody was let in
        self.looked_up_at = time.monotonic()
        self.is_over = False

    @property
    def has_more(self) -> bool:
        return not self.is_over and bool(self.waiting or self.again)

    def work(self) -> Ending:
        while self.has_more or self._is_busy():
            self._look_up()
            if self.overseer.must_end():
                self._lose_all("認領期限將到，寄送中止")
                break
            self._begin_copies()
            if self._is_busy():
                self._wait_for_lines()
            elif self.has_more:
                time.sleep(min(LOOK_UP, max(0, self._next_start() - time.monotonic())))
        if len(self.kept_out) >= MANY_KEPT_OUT:  # they are untouched
            return Ending(self.trouble, by_policy=True)
        self._settle_kept_out()
        return Ending(self.trouble)

    def _is_busy(self) -> bool:
        return any(not line.conversation.is_idle for line in self.engine._lines)

    def _look_up(self) -> None:
        now = time.monotonic()
        if now - self.looked_up_at < LOOK_UP:
            return
        self.looked_up_at = now
        if not self.overseer.goes_on():
            self.is_over = True
        for line in list(self.engine._lines):
            if self._is_silent(line, now):
                self._exchange(line)  # it may have answered while the ledger kept us
                if line in self.engine._lines and self._is_silent(line, now):
                    self._lose(line, f"{self.engine._patience_with(line):.0f} 秒內沒有回應")

    def _is_silent(self, line: _Line, now: float) -> bool:
        patience = self.engine._patience_with(line)
        return not line.conversation.is_idle and now - line.heard_at > patience

    # --------------------------------------------------------------------------- giving out copies

    def _begin_copies(self) -> None:
        for line in list(self.engine._lines):
            if line.conversation.wants_copy and self._give(line):
                self._write(line)
        # One a pass: to dial may take long, and the others have answers meanwhile.
        if self.has_more and self._needs_line() and self._is_time():
            self._add_line()

    def _add_line(self) -> None:
        try:
            line = self.engine._open_line()
        except Unreachable as error:
            self.most_lines = len(self.engine._lines)  # fewer will do
            if not self.engine._lines:
                self._stop(error.reply)
            return
        if self._give(line):
            self._write(line)

    def _needs_line(self) -> bool:
        """A connection is worth its greeting for some ten copies."""
        lines = self.engine._lines
        in_hand = len(self.waiting) + len(self.again)
        if len(lines) >= min(self.most_lines, 1 + in_hand // 10):
            return False
        return not any(line.conversation.is_idle for line in lines)

    def _give(self, line: _Line) -> bool:
        copy = self._next_copy()
        if copy is None:
            return False
        line.conversation.begin(copy)
        self._hear(line)
        return True

    def _next_copy(self) -> Copy | None:
        while self.has_more and self._is_time():
            due = self.waiting.popleft() if self.waiting else self.again.popleft()
            if not self.overseer.is_wanted(due.place):
                continue
            copy: Copy | None = due if isinstance(due, Copy) else self.overseer.compose(due.place)
            if copy:
                return copy
        return None

    def _is_time(self) -> bool:
        return self._next_start() <= time.monotonic()

    def _next_start(self) -> float:
        return self.waiting[0].start if self.waiting else 0

    # ----------------------------------------------------------------------------------- the lines

    def _wait_for_lines(self) -> None:
        wait = LOOK_UP
        if self.has_more and not self._is_time():
            wait = min(wait, self._next_start() - time.monotonic())
        for key, events in self.engine._selector.select(max(0, wait)):
            line: _Line = key.data
            if line in self.engine._lines and events & selectors.EVENT_READ:
                self._exchange(line)
            elif line in self.engine._lines:
                self._write(line)

    def _exchange(self, line: _Line) -> None:
        """What it says, and what that asks for."""
        self._read(line)
        if line in self.engine._lines:
            self._write(line)

    def _read(self, line: _Line) -> None:
        try:
            for data in _receive(line.socket):
                self._hear(line)
                for reply in line.reader.feed(data):
                    if settled := line.conversation.receive(reply):
                        self._settle(settled)
                if line.conversation.wants_copy:
                    self._give(line)
        except Closing as closing:
            self._lose(line, closing.reply.text)
            if closing.reply.code != 421:
                self._stop(closing.reply.text)
        except Unwanted:
            self._lose(line, "")
        except NoReply as error:
            self._lose(line, f"看不懂郵件伺服器的回應：{error}")
        except OSError as error:
            self._lose(line, _say(error))

    def _write(self, line: _Line) -> None:
        try:
            while line.unsent or line.conversation.has_outgoing:
                if not line.unsent:
                    self._take_outgoing(line)
                line.send()
                self._hear(line)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            self._wait_to_write(line, waits=True)
        except OSError as error:
            self._read(line)  # what it said before it hung up
            if line in self.engine._lines:
                self._lose(line, _say(error))
        else:
            self._wait_to_write(line, waits=False)

    def _take_outgoing(self, line: _Line) -> None:
        """Marks first what the next bytes may end."""
        line.unsent, line.unsent_size, ending = line.conversation.take_outgoing()
        for place in ending:
            self.journal.mark(place, Mark.UNDER_WAY)

    def _hear(self, line: _Line) -> None:
        """It is alive."""
        line.heard_at = time.monotonic()

    def _wait_to_write(self, line: _Line, *, waits: bool) -> None:
        if waits != line.waits_to_write:
            line.waits_to_write = waits
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if waits else 0)
            self.engine._selector.modify(line.socket, events, line)

    # ---------------------------------------------------------------------------- what comes of it

    def _settle(self, settled: Settled) -> None:
        if settled.fate is Fate.ACCEPTED:
            self.journal.mark(settled.place, Mark.ACCEPTED)
            self.failures = 0
            self._settle_kept_out()
            self.overseer.settle(settled)
            return
        self.journal.mark(settled.place, Mark.UNTOUCHED)
        if settled.blame is Blame.FULL:
            self._count_failure(settled.text)
        if settled.blame is Blame.POLICY:
            self.kept_out.append(settled)
            if len(self.kept_out) >= MANY_KEPT_OUT:
                self._stop(settled.text)
        else:
            self.overseer.settle(settled)

    def _settle_kept_out(self) -> None:
        """Each by itself: others are let in, or there were few."""
        for settled in self.kept_out:
            self.overseer.settle(settled)
        self.kept_out.clear()

    def _count_failure(self, text: str) -> None:
        self.failures += 1
        if self.failures >= PATIENCE:
            self._stop(text)

    def _lose(self, line: _Line, text: str) -> None:
        """Without a text it was we who ended it. One that was idle is no loss."""
        was_idle = line.conversation.is_idle
        self.engine._drop(line)
        settled, untouched = line.conversation.abandon(text)
        for one in settled:
            if one.fate is not Fate.UNKNOWN:
                self.journal.mark(one.place, Mark.UNTOUCHED)
            self.overseer.settle(one)
        for copy in untouched:
            self._return(copy, text)
        if text and not was_idle:
            self._count_failure(text)

    def _return(self, copy: Copy, text: str) -> None:
        """To be tried once more when the others have been; if it is lost again, that is put down
        to it, or a copy at which a relay hangs up would be tried for ever.
        """
        if copy.place in self.returned:
            self.overseer.settle(Settled(copy.place, Fate.DEFERRED, text))
        else:
            self.returned.add(copy.place)
            self.again.append(copy)

    def _lose_all(self, text: str) -> None:
        for line in list(self.engine._lines):
            self._lose(line, text)
        self._stop(text)

    def _stop(self, text: str) -> None:
        """Begin nothing more. What is under way is still waited for."""
        self.trouble = self.trouble or text
        self.is_over = True


def leave_out(pieces: list[Piece], size: int) -> list[Piece]:
    """Without their first bytes, so many."""
    for number, piece in enumerate(pieces):
        if size < len(piece):
            return [memoryview(piece)[size:], *pieces[number + 1 :]]
        size -= len(piece)
    return []


def _receive(connection: socket.socket) -> Iterator[bytes]:
    """All that has arrived: TLS may hold more than the selector sees. Raises OSError."""
    while True:
        try:
            data = connection.recv(_READ)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        if not data:
            raise ConnectionResetError("連線中斷")
        yield data
        if not isinstance(connection, ssl.SSLSocket):
            return


def _say(error: OSError) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        reply = error.smtp_error
        text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
        return f"{error.smtp_code} {text}"
    return str(error) or type(error).__name__
