"""An SMTP server with faults, the same ones for the same seed, that writes down what it accepted.

    python -m bench.sinks.faulty ADDRESS[,ADDRESS…] PORT LOG SEED

It is told what to do by lines on its standard input, and ends with it:

    pace 500             answers to that many messages a second, at most (0: as many as come)
    faults cut unknown   from now on; without a name, none
    keep /tmp/message    the next message, as a file

LOG gets a line for each thing that counts, before the other side is told: what happened, the
recipient, the Message-ID, a hash of the message's bytes, and whether 8BITMIME was offered.
"""

import asyncio
import hashlib
import re
import sys
from collections.abc import Callable
from pathlib import Path

# Of how many in a hundred recipients. These strike once, whenever first tried.
ONCE = {
    "greylisted": 8,  # 450 to RCPT
    "full": 3,  # 452 4.3.1 to the message
    "later": 3,  # 451 to the message
    "closing": 2,  # 421 to MAIL, and the end
    "cut": 3,  # the connection ends in mid-message
    "dropped": 3,  # the message is accepted, and the connection ends without saying so
    "slow": 3,  # the answer comes after a while
}
# And these each time.
FOR_GOOD = {
    "unknown": 2,  # 550 5.1.1 to RCPT
    "rejected": 1,  # 554 5.6.0 to the message
    "unwanted": 1,  # 550 5.7.1 to the message
}
# These strike everybody as long as they last.
EVERYBODY = (
    "away",  # connections end before a greeting
    "busy",  # 421 for a greeting
    "no-room",  # 452 4.3.1 to every message
    "banned",  # 550 5.7.26 to every message: it is the sender that they won't have
    "plain",  # neither PIPELINING nor 8BITMIME
)
SLOWNESS = 0.3  # seconds
CUT_AFTER = 1000  # bytes
_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


class Relay:
    def __init__(self, log: Path, seed: str) -> None:
        self._log = log.open("ab", buffering=0)
        self._seed = seed
        self._had: set[tuple[str, str]] = set()
        self._next_answer = 0.0
        self._keep_in: Path | None = None
        self.pace = 0.0
        self.faults: frozenset[str] = frozenset()

    def obey(self, line: str) -> None:
        verb, *words = line.split() or [""]
        if verb == "pace":
            self.pace = float(words[0])
        elif verb == "faults":
            self.faults = frozenset(words)
        elif verb == "keep":
            self._keep_in = Path(words[0])

    def keep(self, content: bytes) -> None:
        if self._keep_in:
            text = content.replace(b"\r\n", b"\n").replace(b"\n..", b"\n.")
            self._keep_in.write_bytes(text + b"\n")
            self._keep_in = None

    def strikes(self, fault: str, recipient: str) -> bool:
        """Each fault that strikes once is asked for at one place of the conversation only."""
        if fault not in self.faults:
            return False
        if fault in EVERYBODY:
            return True
        if (fault, recipient) in self._had or not self._is_chosen(fault, recipient):
            return False
        if fault in ONCE:
            self._had.add((fault, recipient))
        return True

    def _is_chosen(self, fault: str, recipient: str) -> bool:
        digest = hashlib.sha256(f"{self._seed} {fault} {recipient}".encode()).digest()
        return int.from_bytes(digest[:4]) % 100 < (ONCE | FOR_GOOD)[fault]

    def wait_for_turn(self) -> float:
        """Seconds until the next answer to a message may be given."""
        if not self.pace:
            return 0
        now = asyncio.get_running_loop().time()
        self._next_answer = max(now, self._next_answer + 1 / self.pace)
        return self._next_answer - now

    def note(self, what: str, recipient: str = "", content: bytes = b"", *, plain: bool) -> None:
        found = _MESSAGE_ID.search(content)
        fields = (
            what,
            recipient,
            found[1].decode() if found else "",
            hashlib.sha256(content).hexdigest()[:32],
            "plain" if plain else "8bit",
        )
        self._log.write(("\t".join(fields) + "\n").encode())


class Conversation(asyncio.Protocol):
    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.is_plain = False
        self.recipient = ""
        self._buffer = b""
        self._in_message = False
        self._had_message = False
        self._has_ended = False  # by QUIT
        self._waits = False  # for its turn to answer; what comes meanwhile stays in the buffer
        self._commands: dict[bytes, Callable[[bytes], None]] = {
            b"EHLO": self._on_ehlo,
            b"MAIL": self._on_mail,
            b"RCPT": self._on_rcpt,
            b"DATA": self._on_data,
            b"QUIT": self._on_quit,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  (of TCP it is one)
        self.transport = transport
        if "away" in self.relay.faults:
            transport.abort()
        elif "busy" in self.relay.faults:
            self._farewell("421 4.3.2 too busy")
        else:
            self._say("220 faulty ESMTP")

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002  (asyncio's)
        if self._had_message and not self._has_ended:
            self.relay.note("broken", self.recipient, plain=self.is_plain)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._work()

    # ------------------------------------------------------------------------------------ commands
    def _work(self) -> None:
        while not self._waits and not self.transport.is_closing():
            ends = b"\r\n.\r\n" if self._in_message else b"\r\n"
            unit, found, rest = self._buffer.partition(ends)
            if self._in_message and len(unit) > CUT_AFTER and self._strikes("cut"):
                self.transport.abort()
                return
            if not found:
                return
            self._buffer = rest
            if self._in_message:
                self._in_message = False
                self._on_message(unit)
            else:
                self._commands.get(unit[:4].upper(), self._on_other)(unit)

    def _on_ehlo(self, _line: bytes) -> None:
        self.is_plain = "plain" in self.relay.faults
        if self.is_plain:
            self._say("250 faulty")
        else:
            self._say("250-faulty", "250-PIPELINING", "250 8BITMIME")

    def _on_mail(self, _line: bytes) -> None:
        self.recipient = ""
        self._say("250 2.1.0 ok")

    def _on_rcpt(self, line: bytes) -> None:
        self.recipient = recipient = _read_path(line)
        if self._strikes("closing"):
            self._farewell("421 4.3.2 closing")
        elif self._strikes("greylisted"):
            self._refuse("450 4.2.0 greylisted")
        elif self._strikes("unknown"):
            self.relay.note("refused", recipient, plain=self.is_plain)
            self._refuse("550 5.1.1 no such user")
        else:
            self._say("250 2.1.5 ok")

    def _on_data(self, _line: bytes) -> None:
        if self.recipient:
            self._in_message = self._had_message = True
            self._say("354 go on")
        else:
            self._say("554 5.5.1 no valid recipients")

    def _on_quit(self, _line: bytes) -> None:
        self._farewell("221 2.0.0 bye")

    def _on_other(self, _line: bytes) -> None:
        self._say("250 2.0.0 ok")

    def _on_message(self, content: bytes) -> None:
        if self.is_plain and any(byte > 127 for byte in content):
            self.relay.note("not 7bit", self.recipient, content, plain=True)
        wait = self.relay.wait_for_turn()
        if self._strikes("slow"):
            wait += SLOWNESS
        if wait:
            self._waits = True
            asyncio.get_running_loop().call_later(wait, self._answer_after_wait, content)
        else:
            self._answer_message(content)

    def _answer_after_wait(self, content: bytes) -> None:
        self._waits = False
        if not self.transport.is_closing():
            self._answer_message(content)
            self._work()

    def _answer_message(self, content: bytes) -> None:
        for fault, answer in (
            ("no-room", "452 4.3.1 no room"),
            ("full", "452 4.3.1 no room"),
            ("later", "451 4.3.0 try later"),
            ("banned", "550 5.7.26 your domain is not authenticated"),
        ):
            if self._strikes(fault):
                self._say(answer)
                return
        for fault, answer in (
            ("rejected", "554 5.6.0 this content is not for us"),
            ("unwanted", "550 5.7.1 the recipient does not want this"),
        ):
            if self._strikes(fault):
                self.relay.note("refused", self.recipient, plain=self.is_plain)
                self._say(answer)
                return
        self.relay.keep(content)
        self.relay.note("accepted", self.recipient, content, plain=self.is_plain)
        if self._strikes("dropped"):
            self.transport.abort()
        else:
            self._say("250 2.0.0 queued")

    # ------------------------------------------------------------------------------------- answers
    def _strikes(self, fault: str) -> bool:
        return self.relay.strikes(fault, self.recipient)

    def _refuse(self, answer: str) -> None:
        self.recipient = ""
        self._say(answer)

    def _farewell(self, answer: str) -> None:
        self._has_ended = True
        self._say(answer)
        self.transport.close()

    def _say(self, *lines: str) -> None:
        self.transport.write("".join(f"{line}\r\n" for line in lines).encode())


def _read_path(line: bytes) -> str:
    return line.partition(b"<")[2].partition(b">")[0].decode()


async def serve(addresses: list[str], port: int, relay: Relay) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Conversation(relay), addresses, port, backlog=512)
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        relay.obey(line.decode())


if __name__ == "__main__":
    _, where, at, log_file, chosen_seed = sys.argv
    asyncio.run(serve(where.split(","), int(at), Relay(Path(log_file), chosen_seed)))
