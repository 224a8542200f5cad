"""One connection's side of SMTP, without the connection: replies go in, bytes come out.

With PIPELINING (RFC 2920) a message, its end and the next one's envelope leave together, which
makes it one round trip a copy. The next message itself is never sent before the answer about the
last has come: so a lost connection leaves one copy unknown at most.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from subscribers.smtp.replies import Blame, Fate, NoReply, Reply, find_blame, find_fate

BATCH = 256 * 1024  # bytes handed over at once; a message's end goes with the last of it
_END = b".\r\n"

Piece = bytes | memoryview


class Copy(NamedTuple):
    """What is to be sent to whom: the pieces of `content`, put together, are lines ended by CRLF,
    dots doubled where they begin a line, without the end. Copies share most of their pieces.
    """

    place: int
    sender: str
    recipient: str
    content: Sequence[bytes]


class Outgoing(NamedTuple):
    pieces: list[Piece]
    size: int  # bytes
    ending: list[int]  # the places of the copies whose end is in it


class Settled(NamedTuple):
    place: int
    fate: Fate
    text: str = ""  # what the relay said, or what happened
    blame: Blame = Blame.COPY


class Closing(Exception):
    """The relay ends the connection, or won't have us."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


class Unwanted(Exception):
    """The relay waits for a copy that is no longer wanted. Anything but the connection's end would
    be taken for its content.
    """


class Step(Enum):
    RESET = "RSET"
    SENDER = "MAIL"
    RECIPIENT = "RCPT"
    DATA = "DATA"
    CONTENT = "content"
    NOTHING = "nothing"  # after DATA for nobody, since it was sent along


_ENVELOPE = (Step.SENDER, Step.RECIPIENT, Step.DATA)
# A yes to these is followed by nothing where they went out together.
_SENT_ALONG = (Step.SENDER, Step.RECIPIENT)


@dataclass(eq=False)  # each is itself alone
class _Transaction:
    copy: Copy
    refusal: Reply | None = None  # the first
    has_begun: bool = False  # some of its content may have left
    has_ended: bool = False  # its end too


@dataclass
class Conversation:
    """`begin` a copy whenever `wants_copy`, hand out `take_outgoing`, tell each reply."""

    is_pipelining: bool
    is_wanted: Callable[[int], bool]  # by a copy's place, asked at the last moment
    _under_way: deque[_Transaction] = field(default_factory=deque)
    _awaited: deque[tuple[Step, _Transaction]] = field(default_factory=deque)
    # Pieces, how many bytes they are, and the copy that ends with them.
    _outgoing: deque[tuple[Sequence[Piece], int, _Transaction | None]] = field(
        default_factory=deque
    )
    _needs_reset: bool = False

    @property
    def is_idle(self) -> bool:
        return not self._under_way

    @property
    def awaits_verdict(self) -> bool:
        """Whether the relay has all of a copy and has not said if it takes it."""
        return bool(self._under_way) and self._under_way[0].has_ended

    @property
    def wants_copy(self) -> bool:
        """With PIPELINING also while the answer about one is awaited, and no more than one."""
        if self.is_idle:
            return True
        return self.is_pipelining and len(self._under_way) == 1 and self._under_way[0].has_begun

    def begin(self, copy: Copy) -> None:
        transaction = _Transaction(copy)
        self._under_way.append(transaction)
        if self._needs_reset:
            self._needs_reset = False
            self._say(b"RSET\r\n", Step.RESET, transaction)
            if not self.is_pipelining:
                return
        if not self.is_pipelining:
            self._say_sender(transaction)
            return
        envelope = f"MAIL FROM:<{copy.sender}>\r\nRCPT TO:<{copy.recipient}>\r\nDATA\r\n"
        self._queue([envelope.encode("ascii")])
        self._awaited.extend([(step, transaction) for step in _ENVELOPE])

    @property
    def has_outgoing(self) -> bool:
        return bool(self._outgoing)

    def take_outgoing(self) -> Outgoing:
        """What is to be sent next."""
        taken: list[Piece] = []
        size = 0
        ending = []
        while self._outgoing and size < BATCH:
            pieces, length, transaction = self._outgoing.popleft()
            taken += pieces
            size += length
            if transaction:
                transaction.has_ended = True
                ending.append(transaction.copy.place)
        return Outgoing(taken, size, ending)

    def receive(self, reply: Reply) -> Settled | None:
        """What is known after it. Raises Closing, Unwanted or NoReply; `abandon` then says what
        became of the copies.
        """
        if not self._awaited:
            raise Closing(reply)  # nobody asked: it can only be a farewell
        step, transaction = self._awaited.popleft()
        if self.is_pipelining and step in _SENT_ALONG and reply.is_yes:
            return None
        if reply.code == 421:
            transaction.refusal = transaction.refusal or reply  # for now (RFC 5321, 3.8)
            raise Closing(reply)
        if step is Step.CONTENT:
            return self._settle(transaction, reply)
        if step is Step.NOTHING:
            return self._settle(transaction, transaction.refusal or reply)
        if step is Step.DATA:
            return self._receive_data(transaction, reply)
        if step is Step.SENDER and not reply.is_yes:
            raise Closing(reply)  # it is us whom it refuses
        if step is Step.RECIPIENT and not reply.is_yes:
            transaction.refusal = reply
        if self.is_pipelining:
            return None
        return self._go_on(step, transaction)

    def abandon(self, text: str) -> tuple[list[Settled], list[Copy]]:
        """When the connection is lost: of each copy under way its fate, or itself if it was not
        begun.
        """
        settled, untouched = [], []
        for transaction in self._under_way:
            place = transaction.copy.place
            if transaction.refusal:
                settled.append(_judge(place, transaction.refusal))
            elif transaction.has_ended:
                settled.append(Settled(place, Fate.UNKNOWN, text))
            elif transaction.has_begun:
                # Cut off in the middle, which may be its own doing: it counts as a try.
                settled.append(Settled(place, Fate.DEFERRED, text))
            else:
                untouched.append(transaction.copy)
        self._under_way.clear()
        self._awaited.clear()
        self._outgoing.clear()
        return settled, untouched

    def _go_on(self, step: Step, transaction: _Transaction) -> Settled | None:
        """One command at a time."""
        if step is Step.RESET:
            self._say_sender(transaction)
        elif step is Step.SENDER:
            self._say_recipient(transaction)
        elif transaction.refusal:
            self._needs_reset = True
            return self._settle(transaction, transaction.refusal)
        else:
            self._say(b"DATA\r\n", Step.DATA, transaction)
        return None

    def _receive_data(self, transaction: _Transaction, reply: Reply) -> Settled | None:
        if reply.code < 400 and reply.code != 354:
            raise NoReply(reply.text)
        if reply.code != 354:
            self._needs_reset = True
            return self._settle(transaction, transaction.refusal or reply)
        if transaction.refusal:
            self._say(_END, Step.NOTHING, transaction)
            return None
        if not self.is_wanted(transaction.copy.place):
            raise Unwanted
        transaction.has_begun = True
        self._hand_out(transaction)
        self._awaited.append((Step.CONTENT, transaction))
        return None

    def _hand_out(self, transaction: _Transaction) -> None:
        """What it has to say and its end; at once, or in batches of BATCH at most."""
        content: Sequence[Piece] = transaction.copy.content
        if sum(map(len, content)) > BATCH:
            *whole, last = _cut_batches(content)
            for batch in whole:
                self._queue([batch])
            content = [last]
        self._queue([*content, _END], transaction)

    def _settle(self, transaction: _Transaction, reply: Reply) -> Settled:
        self._under_way.remove(transaction)
        return _judge(transaction.copy.place, reply)

    def _say_sender(self, transaction: _Transaction) -> None:
        line = f"MAIL FROM:<{transaction.copy.sender}>\r\n"
        self._say(line.encode("ascii"), Step.SENDER, transaction)

    def _say_recipient(self, transaction: _Transaction) -> None:
        line = f"RCPT TO:<{transaction.copy.recipient}>\r\n"
        self._say(line.encode("ascii"), Step.RECIPIENT, transaction)

    def _say(self, line: bytes, step: Step, transaction: _Transaction) -> None:
        self._queue([line])
        self._awaited.append((step, transaction))

    def _queue(self, pieces: Sequence[Piece], ended: _Transaction | None = None) -> None:
        self._outgoing.append((pieces, sum(map(len, pieces)), ended))


def _cut_batches(content: Sequence[Piece]) -> Iterator[Piece]:
    for piece in content:
        view = memoryview(piece)
        for start in range(0, len(piece), BATCH):
            yield view[start : start + BATCH]


def _judge(place: int, reply: Reply) -> Settled:
    fate = find_fate(reply)
    blame = Blame.COPY if fate is Fate.ACCEPTED else find_blame(reply)
    return Settled(place, fate, reply.text, blame)
