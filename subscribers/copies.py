"""What goes out to each of a claim's deliveries."""

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property, lru_cache

from subscribers.messages import Message, build_message
from subscribers.models import Claim, Delivery, Digest, Mailing
from subscribers.segments import Common, SegmentedMessage
from subscribers.smtp.conversation import Copy

# Messages of one mailing. Each is a few hundred kilobytes where it has nothing in common with
# others; what they have in common is kept beyond them (`body_parts.Passages`).
MOST_CUT = 50
# So many copies are written in a row: one by one, with the relay's answers between, each takes a
# third longer, since by then the processor has others' memory at hand.
AHEAD = 32


class Copies:
    """Messages for the deliveries of a claim, by their places in it."""

    def __init__(self, mailing_id: int, woken_at: object, claim: Claim) -> None:
        self._mailing_id = mailing_id
        self._claim = claim
        self._cut = digests_cut(mailing_id, woken_at)
        self._written: dict[int, Copy] = {}  # and not asked for yet
        self._written_to = 0  # places from here on were never asked for

    def build(self, place: int) -> Message:
        """Raises BadAddress or PDFLost."""
        claimed = self._claim.deliveries[place]
        delivery = Delivery(mailing=self._mailing, **claimed._asdict())
        message = build_message(delivery, self._digests[claimed.digest_id], self._mailing)
        message.message()  # what can't be written fails here, where nothing has been sent yet
        return message

    def write(self, place: int) -> Copy:
        """Raises BadAddress or PDFLost."""
        if copy := self._written.pop(place, None):
            return copy
        copy = self._write(place)
        if place >= self._written_to:
            self._write_after(place)
        return copy

    def _write_after(self, place: int) -> None:
        """Those that mostly are asked for next, as far as their digests are cut: to cut one takes
        milliseconds, which nobody should wait for before its time.
        """
        self._written_to = min(place + AHEAD, len(self._claim.deliveries))
        for later in range(place + 1, self._written_to):
            if self._cut.find(self._claim.deliveries[later].digest_id) is None:
                self._written_to = later
                return
            with suppress(Exception):  # whoever asks for that one is told; it is not about this one
                self._written[later] = self._write(later)

    def _write(self, place: int) -> Copy:
        claimed = self._claim.deliveries[place]
        segmented = self._cut.find(claimed.digest_id)
        if segmented is None:
            segmented = self._cut.add(self._digests[claimed.digest_id])
        return segmented.write(place, claimed)

    @cached_property
    def _mailing(self) -> Mailing:
        """Most claims don't ask for it."""
        return Mailing.objects.get(pk=self._mailing_id)

    @cached_property
    def _digests(self) -> Mapping[int, Digest]:
        """Those of the claim. By this mailing, so that all of them have its one PDF, read once."""
        return self._mailing.digests.in_bulk({one.digest_id for one in self._claim.deliveries})


class DigestsCut:
    """A mailing's, which are frozen: kept for the next claim, which mostly is of the same."""

    def __init__(self) -> None:
        self._messages: dict[int, SegmentedMessage] = {}
        self._common: Common | None = None

    def find(self, digest_id: int) -> SegmentedMessage | None:
        return self._messages.get(digest_id)

    def add(self, digest: Digest) -> SegmentedMessage:
        """Raises BadAddress or PDFLost."""
        if len(self._messages) >= MOST_CUT:
            self._messages.clear()
        if self._common is None:  # two threads may make two of them, which say the same
            self._common = Common(digest.mailing)
        segmented = self._messages[digest.pk] = SegmentedMessage(digest, self._common)
        return segmented


@lru_cache(maxsize=2)
def digests_cut(_mailing_id: int, _woken_at: object) -> DigestsCut:
    """Of the mailing since it was woken: a digest that retention has emptied is written anew for
    who missed it.
    """
    return DigestsCut()
