"""What a mail of ours leaves in whatever is said about it, none of it checked here."""

import re
from dataclasses import dataclass

_RETURN_PATH = re.compile(rb"[\w.+-]{1,40}\+\d{1,19}-[a-z2-7]{16}@[\w.-]+", re.IGNORECASE)
_MESSAGE_ID = re.compile(rb"\bm\d{1,18}\.d\d{1,18}\.[0-9a-f]{1,16}@[\w.-]+", re.IGNORECASE)
_UNSUBSCRIBE = re.compile(rb"/unsubscribe/(\d{1,18}\.[\w-]{20,100})(?![\w-])")

# Each trace may have to be looked up, and a message may be full of made-up ones.
MOST = 20


@dataclass(frozen=True)
class Traces:
    return_paths: tuple[str, ...] = ()  # of a delivery, signed
    message_ids: tuple[str, ...] = ()  # of a delivery, without brackets; anybody can make one up
    unsubscribe_tokens: tuple[str, ...] = ()  # of a member, signed


NO_TRACES = Traces()


def find_traces(source: bytes) -> Traces:
    return Traces(
        _find(_RETURN_PATH, source), _find(_MESSAGE_ID, source), _find(_UNSUBSCRIBE, source)
    )


def _find(pattern: re.Pattern[bytes], source: bytes) -> tuple[str, ...]:
    found = dict.fromkeys(trace.decode("ascii", "replace") for trace in pattern.findall(source))
    return tuple(found)[:MOST]
