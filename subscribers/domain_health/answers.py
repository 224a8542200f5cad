"""What DNS answered to one question, and the words for when it didn't."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from subscribers.domain_health.findings import Finding, caution, error


class Trouble(Enum):
    NO_NAME = "沒有這個名稱"  # NXDOMAIN
    NO_RECORD = "沒有這類紀錄"  # the name is there
    TIMEOUT = "DNS 伺服器沒有在限時內回答"
    FAILURE = "DNS 伺服器回答出錯（SERVFAIL）"
    NO_NETWORK = "本機連不上任何 DNS 伺服器"


@dataclass(frozen=True)
class Answer:
    """The records as text, of TXT the strings joined; or why there are none."""

    records: tuple[str, ...] = ()
    trouble: Trouble | None = None

    @property
    def is_void(self) -> bool:
        return self.trouble in {Trouble.NO_NAME, Trouble.NO_RECORD}

    @property
    def is_unknown(self) -> bool:
        """What the domain has published, if anything, was not to be learnt."""
        return self.trouble is not None and not self.is_void


# A name and a type ("TXT"); never raises.
LookUp = Callable[[str, str], Answer]


def tell_unknown(subject: str, name: str, kind: str, answer: Answer) -> Finding:
    """For an answer that is unknown.

    SERVFAIL is an error, since who gets our mail asks the same servers and learns as little; that
    nobody answered us may be our own network.
    """
    reason = answer.trouble.value if answer.trouble else ""
    found = f"查不到 {name} 的 {kind} 紀錄：{reason}。"
    if answer.trouble is Trouble.FAILURE:
        return error(
            f"{subject}.failure",
            found,
            "收件方問的是同一批 DNS 伺服器，同樣查不到，郵件會被延遲甚至拒收。",
            f"請管理 {name} 的 DNS 的人檢查名稱伺服器和 DNSSEC 簽署，然後再檢查一次。",
        )
    code = "no-network" if answer.trouble is Trouble.NO_NETWORK else "timeout"
    return caution(
        f"{subject}.{code}",
        found,
        "未能檢查，不等於有錯。",
        "請確定本機可以上網、可以用 DNS（或以 DNS_SERVERS 指定伺服器），然後再檢查一次。",
    )
