"""What a check has to say: how good it is, what was found, why it matters and what to change."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """The value is for people, the key for programs."""

    ERROR = "錯誤"
    CAUTION = "注意"
    GOOD = "良好"

    @property
    def key(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Finding:
    code: str  # for programs; stays as it is when the words change
    level: Level
    found: str
    why: str = ""
    remedy: str = ""
    record: str = ""  # the line to publish, as zone files write it

    @property
    def subject(self) -> str:
        return SUBJECTS[self.code.partition(".")[0]]


# By the first part of a finding's code, in the order in which they are told.
SUBJECTS = {
    "sender": "寄件電郵",
    "relay": "郵件伺服器",
    "tls": "TLS",
    "helo": "HELO 名稱",
    "source": "寄出位址",
    "reverse": "反向 DNS",
    "spf": "SPF",
    "dkim": "DKIM",
    "dmarc": "DMARC",
    "mx": "MX",
}


def good(code: str, found: str) -> Finding:
    return Finding(code, Level.GOOD, found)


def caution(code: str, found: str, why: str, remedy: str, record: str = "") -> Finding:
    return Finding(code, Level.CAUTION, found, why, remedy, record)


def error(code: str, found: str, why: str, remedy: str, record: str = "") -> Finding:
    return Finding(code, Level.ERROR, found, why, remedy, record)


def find_worst(findings: Iterable[Finding]) -> Level:
    """Good when there is nothing to say."""
    order = list(Level)
    return min((finding.level for finding in findings), key=order.index, default=Level.GOOD)


def write_txt(name: str, text: str) -> str:
    """A TXT record as zone files write it, in strings of 255 characters at most (RFC 1035)."""
    pieces = [text[start : start + 255] for start in range(0, len(text), 255)]
    return f"{name}. TXT " + " ".join(f'"{piece}"' for piece in pieces)
