"""The engine against a relay that speaks as it is told, without a ledger."""

import smtplib
import socket
import threading
import time
from collections.abc import Sequence
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.smtp.conversation import Copy, Settled
from subscribers.smtp.engine import Due, Engine, leave_out
from subscribers.smtp.journal import Mark
from subscribers.smtp.replies import Fate

COPIES = 12  # so many are worth a second connection
TIMEOUT = 0.6


class Relay(StreamRequestHandler):
    """Takes everything; the second connection is told late to go on, once. As often as `farewells`
    it says goodbye in one breath with a yes, and then knows no PIPELINING.
    """

    def handle(self) -> None:
        late = next(self.server.numbers) == 1
        self.say("220 relay")
        for line in self.rfile:
            if line.startswith(b"EHLO"):
                self.say("250 relay" if self.server.farewells else "250-relay\r\n250 PIPELINING")
            elif line.startswith(b"DATA"):
                time.sleep(TIMEOUT / 2 if late else 0)
                late = False
                self.say("354 go on")
                content = b""
                for part in iter(self.rfile.readline, b".\r\n"):
                    if not part:  # hung up
                        return
                    content += part
                self.server.taken.append(content)
                if self.server.farewells:
                    self.server.farewells -= 1
                    self.say("250 taken", "421 bye")
                    return
                self.say("250 taken")
            else:
                self.say("250 yes")

    def say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


@pytest.fixture
def relay():
    with ThreadingTCPServer(("127.0.0.1", 0), Relay) as server:
        server.daemon_threads = True
        server.numbers, server.taken, server.farewells = iter(range(100)), [], 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


class NoJournal:
    def mark(self, place: int, mark: Mark) -> None:
        pass


class Overseer:
    """Its ledger may keep it waiting, once."""

    def __init__(
        self, wait: float = 0, content: Sequence[bytes] = (b"Subject: x\r\n\r\n",)
    ) -> None:
        self.wait = wait
        self.content = content
        self.settled: list[Settled] = []

    def compose(self, place: int) -> Copy:
        return Copy(place, "a@example.com", "b@example.com", self.content)

    def is_wanted(self, place: int) -> bool:
        return True

    def settle(self, settled: Settled) -> None:
        if not self.settled:
            time.sleep(self.wait)
        self.settled.append(settled)

    def goes_on(self) -> bool:
        return True

    def must_end(self) -> bool:
        return False


class Expiring(Overseer):
    """Its claim is about to end as soon as one of its copies has begun."""

    def __init__(self, content: Sequence[bytes]) -> None:
        super().__init__(content=content)
        self.asked: list[int] = []

    def is_wanted(self, place: int) -> bool:
        self.asked.append(place)  # once to give it out, and again to begin
        return True

    def must_end(self) -> bool:
        return len(self.asked) > len(set(self.asked))


def send(relay, overseer: Overseer, *, room: int = 0, trouble: str = "") -> None:
    """In two connections; with `room`, so many bytes wait in a socket at most."""

    def dial() -> smtplib.SMTP:
        smtp = smtplib.SMTP(*relay.server_address)
        smtp.ehlo()
        if room:
            smtp.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
        return smtp

    engine = Engine(dial, connections=2, timeout=TIMEOUT)
    ending = engine.send([Due(place) for place in range(COPIES)], NoJournal(), overseer)
    engine.close()
    assert ending.text == trouble


def test_what_a_relay_said_while_the_ledger_kept_us_is_answered(relay):
    overseer = Overseer(wait=2 * TIMEOUT)  # longer than a relay is waited for

    send(relay, overseer)

    assert {one.fate for one in overseer.settled} == {Fate.ACCEPTED}
    assert sorted(one.place for one in overseer.settled) == list(range(COPIES))


def test_what_a_socket_takes_a_little_at_a_time_arrives_whole(relay):
    """In more pieces than a system takes at once, and one larger than is handed over at once."""
    lines = [b"%d\r\n" % number for number in range(2_000)]
    content = [*lines, b"".join(lines * 40)]

    send(relay, Overseer(content=content), room=4096)

    assert relay.taken == [b"".join(content)] * COPIES


def test_before_its_claim_ends_a_sender_drops_what_it_is_sending(relay):
    overseer = Expiring([b"x" * 998 + b"\r\n"] * 5000)

    send(relay, overseer, room=4096, trouble="認領期限將到，寄送中止")

    assert relay.taken == []
    assert {one.fate for one in overseer.settled} == {Fate.DEFERRED}


def test_a_farewell_behind_a_yes_costs_the_next_copy_nothing(relay):
    """It is not begun, and goes out by another connection."""
    relay.farewells = COPIES
    overseer = Overseer()

    send(relay, overseer)

    assert {one.fate for one in overseer.settled} == {Fate.ACCEPTED}
    assert len(overseer.settled) == COPIES


@given(st.lists(st.binary(max_size=9), max_size=6), st.integers(0, 60))
def test_what_a_socket_took_is_left_out(parts, size):
    assert b"".join(leave_out(list(parts), size)) == b"".join(parts)[size:]
