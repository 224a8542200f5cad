"""What a received message turns out to be."""

from dataclasses import dataclass
from enum import StrEnum

from subscribers.bounces.traces import NO_TRACES, Traces


class ReportKind(StrEnum):
    HARD = "hard"  # there is no such mailbox
    SOFT = "soft"  # not this time
    POLICY = "policy"  # refused for what we are or sent; says nothing of the member
    DELAYED = "delayed"  # the mail system still tries
    COMPLAINT = "complaint"  # somebody pressed "this is spam"
    UNSUBSCRIBED = "unsubscribed"  # by asking the mail service, not us
    AUTO_REPLY = "auto_reply"
    OTHER = "other"


LONGEST_TEXT = 2_000


@dataclass(frozen=True)
class Report:
    kind: ReportKind
    message_id: str  # or a hash of the whole, which is as good to know it by
    status: str = ""  # RFC 3463, as 5.1.1; "" where none is given
    text: str = ""  # the mail system's own words
    address: str = ""  # whose mailbox it is about, as the mail system calls it
    traces: Traces = NO_TRACES
