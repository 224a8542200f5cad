"""SPF (RFC 7208): the record's terms, what they cost, and whether an address passes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from subscribers.domain_health.answers import Answer, LookUp, tell_unknown
from subscribers.domain_health.findings import Finding, caution, error, good, write_txt

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_LOOKUPS = 10  # terms that ask DNS, those of included records among them (4.6.4)
MAX_VOIDS = 2  # questions to which there was no answer (4.6.4)
MAX_MX_NAMES = 10
# Far enough beyond the limit to tell by how much it is passed; records may include in circles.
ENOUGH = 40


class Result(Enum):
    PASS = "通過"  # noqa: S105  (no password)
    FAIL = "不通過"
    SOFT_FAIL = "存疑（softfail）"
    NEUTRAL = "不置可否（neutral）"
    NONE = "沒有紀錄"


RESULTS = {
    "+": Result.PASS,
    "-": Result.FAIL,
    "~": Result.SOFT_FAIL,
    "?": Result.NEUTRAL,
}

_TERM = re.compile(r"([+\-~?])?([a-z][a-z0-9_.-]*)(.*)", re.IGNORECASE)
_TARGET = re.compile(r"(?::([^/]+))?(?:/(\d{1,2}))?(?://(\d{1,3}))?")
_MACRO = re.compile(r"%(?:\{([slodiphcrtv])(\d*)(r?)([.\-+,/_=]*)\}|([%_-]))", re.IGNORECASE)
_NAME = re.compile(r"[!-~]+")


class Broken(Exception):
    """The record can't be evaluated (permerror); the argument says why."""


class Unanswered(Exception):
    """DNS didn't answer (temperror)."""

    def __init__(self, name: str, kind: str, answer: Answer) -> None:
        super().__init__(name)
        self.name, self.kind, self.answer = name, kind, answer


@dataclass(frozen=True)
class Term:
    """A mechanism or, where the qualifier is empty, a modifier."""

    text: str
    qualifier: str
    name: str
    target: str = ""  # the domain named, which may hold macros
    network: Network | None = None
    prefixes: tuple[int, int] = (32, 128)  # of IPv4 and IPv6


def find_records(answer: Answer) -> list[str]:
    """Those of a domain's TXT records that are SPF."""
    return [text for text in answer.records if re.match(r"v=spf1( |$)", text, re.IGNORECASE)]


def parse_record(text: str) -> tuple[list[Term], list[str]]:
    """Its terms, and those that are no terms."""
    terms, faulty = [], []
    for word in text.split(" ")[1:]:
        if word:
            term = _parse_term(word)
            terms += [term] if term else []
            faulty += [] if term else [word]
    return terms, faulty


def _parse_term(word: str) -> Term | None:
    parts = _TERM.fullmatch(word)
    if not parts:
        return None
    qualifier, name, rest = parts[1], parts[2].lower(), parts[3]
    if rest.startswith("="):
        is_whole = name not in {"redirect", "exp"} or _is_name(rest[1:])
        return Term(word, "", name, rest[1:]) if is_whole and not qualifier else None
    return _parse_mechanism(word, qualifier or "+", name, rest)


def _parse_mechanism(word: str, qualifier: str, name: str, rest: str) -> Term | None:
    if name == "all":
        return None if rest else Term(word, qualifier, name)
    if name in {"ip4", "ip6"}:
        network = _parse_network(rest, version=4 if name == "ip4" else 6)
        return Term(word, qualifier, name, network=network) if network else None
    if name in {"include", "exists"}:
        is_whole = rest.startswith(":") and _is_name(rest[1:])
        return Term(word, qualifier, name, rest[1:]) if is_whole else None
    target = _TARGET.fullmatch(rest)
    if name not in {"a", "mx", "ptr"} or not target or (target[1] and not _is_name(target[1])):
        return None
    prefixes = int(target[2] or 32), int(target[3] or 128)
    if prefixes[0] > 32 or prefixes[1] > 128 or (name == "ptr" and rest.count("/")):
        return None
    return Term(word, qualifier, name, target[1] or "", prefixes=prefixes)


def _parse_network(rest: str, version: int) -> Network | None:
    try:
        network = ip_network(rest.removeprefix(":"), strict=False)
    except ValueError:
        return None
    return network if rest.startswith(":") and network.version == version else None


def _is_name(target: str) -> bool:
    return bool(_NAME.fullmatch(target)) and "%" not in _MACRO.sub("", target)


@dataclass
class Evaluation:
    """One walk through a record and what it includes, as a receiver makes it (check_host, 4).

    Without an address nothing matches, so that all of it is walked, and faults are gathered
    instead of ending the walk.
    """

    look_up: LookUp
    sender: str  # the envelope's, with its local part
    address: Address | None = None
    lookups: int = 0
    voids: int = 0
    costs: dict[str, int] = field(default_factory=dict)  # of the outermost terms
    faults: list[str] = field(default_factory=list)
    uses_ptr: bool = False

    def check(self, domain: str, path: tuple[str, ...] = ()) -> Result:
        """Raises Unanswered and, with an address, Broken."""
        records = find_records(self._ask(domain, "TXT"))
        if not records:
            return Result.NONE
        if len(records) > 1:
            self._fault(f"{domain} 有 {len(records)} 項 SPF 紀錄")
            return Result.NEUTRAL
        terms, faulty = parse_record(records[0])
        if faulty:
            self._fault(f"{domain} 的 SPF 紀錄有不合語法的部分：{'、'.join(faulty)}")
        return self._check_terms(terms, domain, (*path, domain.lower()))

    def _check_terms(self, terms: list[Term], domain: str, path: tuple[str, ...]) -> Result:
        for term in terms:
            if term.name == "all":
                return RESULTS[term.qualifier]  # what follows is not read, a redirect neither (6.1)
            if term.qualifier and self._count(term, domain, path):
                return RESULTS[term.qualifier]
        redirect = next((term for term in terms if term.name == "redirect"), None)
        return self._follow(redirect, domain, path) if redirect else Result.NEUTRAL

    def _count(self, term: Term, domain: str, path: tuple[str, ...]) -> bool:
        """Whether it matches; a record's own terms are told what they cost, included ones too."""
        before = self.lookups
        matches = self._matches(term, domain, path)
        if len(path) == 1 and self.lookups > before:
            self.costs[term.text] = self.lookups - before
        return matches

    def _matches(self, term: Term, domain: str, path: tuple[str, ...]) -> bool:
        if term.network:
            return self.address is not None and self.address in term.network
        self._spend()
        target = self._expand(term.target or domain, domain)
        if target is None or self.lookups > ENOUGH:
            return False
        if term.name == "include":
            return self._include(target, domain, path)
        if term.name == "exists":
            return not self._is_void(target, "A") and self.address is not None
        if term.name == "ptr":  # "should not be used" (5.5), so whether it matches is no matter
            self.uses_ptr = True
            return False
        names = self._list_mx(target) if term.name == "mx" else [target]
        return any(self._is_among(name, term) for name in names)

    def _include(self, target: str, domain: str, path: tuple[str, ...]) -> bool:
        if target.lower() in path:
            self._fault(f"{domain} 引用了 {target}，而 {target} 又引用它，沒有盡頭")
            return False
        result = self.check(target, path)
        if result is Result.NONE:
            self._fault(f"{domain} 引用了 {target}，但那裏沒有可用的 SPF 紀錄")
        return result is Result.PASS and self.address is not None

    def _follow(self, term: Term, domain: str, path: tuple[str, ...]) -> Result:
        before = self.lookups
        self._spend()
        target = self._expand(term.target, domain)
        if target is None or self.lookups > ENOUGH:
            return Result.NEUTRAL
        if target.lower() in path:
            self._fault(f"{domain} 轉到 {target}，而 {target} 又轉回來，沒有盡頭")
            return Result.NEUTRAL
        result = self.check(target, path)
        if result is Result.NONE:
            self._fault(f"{domain} 轉到 {target}，但那裏沒有可用的 SPF 紀錄")
        if len(path) == 1:
            self.costs[term.text] = self.lookups - before
        return result

    def _list_mx(self, target: str) -> list[str]:
        names = [record.split()[-1].rstrip(".") for record in self._ask(target, "MX").records]
        if not names:
            self.voids += 1
        if len(names) > MAX_MX_NAMES:
            self._fault(f"{target} 有 {len(names)} 個 MX，SPF 最多只查 {MAX_MX_NAMES} 個")
        return [name for name in names if name][:MAX_MX_NAMES]

    def _is_among(self, name: str, term: Term) -> bool:
        """Whether the address is of that host, or of a network round its addresses."""
        if self.address is None:
            if self._ask(name, "A").is_void and self._ask(name, "AAAA").is_void:
                self.voids += 1
            return False
        kind = "A" if self.address.version == 4 else "AAAA"
        prefix = term.prefixes[0 if self.address.version == 4 else 1]
        self._is_void(name, kind)
        return any(
            self.address in ip_network(f"{record}/{prefix}", strict=False)
            for record in self._ask(name, kind).records
        )

    def _is_void(self, name: str, kind: str) -> bool:
        is_void = self._ask(name, kind).is_void
        self.voids += is_void
        return is_void

    def _expand(self, target: str, domain: str) -> str | None:
        """Its macros filled in (7); None where that takes an address and there is none."""
        if self.address is None and "%{" in target:
            return None
        local, _, sender_domain = self.sender.rpartition("@")
        values = {
            "s": self.sender,
            "l": local,
            "o": sender_domain,
            "d": domain,
            "i": write_dotted(self.address),
            "p": "unknown",
            "h": sender_domain,
            "v": "in-addr" if isinstance(self.address, IPv4Address) else "ip6",
        }

        def fill(macro: re.Match[str]) -> str:
            if macro[5]:
                return {"%": "%", "_": " ", "-": "%20"}[macro[5]]
            parts = re.split(f"[{re.escape(macro[4] or '.')}]", values.get(macro[1].lower(), ""))
            parts = parts[::-1] if macro[3] else parts
            return ".".join(parts[-int(macro[2] or len(parts)) :])

        return _MACRO.sub(fill, target)

    def _ask(self, name: str, kind: str) -> Answer:
        answer = self.look_up(name, kind)
        if answer.is_unknown:
            raise Unanswered(name, kind, answer)
        return answer

    def _spend(self) -> None:
        self.lookups += 1
        if self.address is not None and self.lookups > MAX_LOOKUPS:
            raise Broken(f"超過 {MAX_LOOKUPS} 次 DNS 查詢")

    def _fault(self, why: str) -> None:
        if self.address is not None:
            raise Broken(why)
        if why not in self.faults:
            self.faults.append(why)


def write_dotted(address: Address | None) -> str:
    if isinstance(address, IPv6Address):
        return ".".join(address.exploded.replace(":", ""))
    return str(address or "")


def judge_spf(
    sender: str, sources: list[str], look_up: LookUp, *, are_certain: bool
) -> list[Finding]:
    """Of the envelope's sender.

    `sources` are the addresses from which mail leaves; they are not certain where they were only
    concluded from the relay's name.
    """
    domain = sender.rpartition("@")[2]
    answer = look_up(domain, "TXT")
    if answer.is_unknown:
        return [tell_unknown("spf", domain, "TXT", answer)]
    records = find_records(answer)
    if len(records) != 1:
        return [_tell_missing(domain, sources) if not records else _tell_several(domain, records)]
    terms, faulty = parse_record(records[0])
    if faulty:
        return [
            error(
                "spf.syntax",
                f"SPF 紀錄有不合語法的部分：{'、'.join(faulty)}。現時是：{records[0]}",
                "有一處不合語法，收件方便不理整項紀錄（permerror）。",
                "更正或刪去這些部分。寫法是以空格分開的 ip4:位址、include:網域、a、mx，"
                "最後是 ~all。",
            )
        ]
    try:
        results = {source: _evaluate(sender, source, look_up) for source in sources}
        missing = [source for source, result in results.items() if result != Result.PASS.value]
        mended = write_txt(domain, mend_record(records[0], missing if are_certain else []))
        return [
            *_judge_cost(domain, records[0], look_up, sender),
            *_judge_end(terms, mended),
            *(
                _tell_result(source, result, mended)
                if are_certain or source not in missing
                else _tell_unsure(
                    source, result, write_txt(domain, mend_record(records[0], [source]))
                )
                for source, result in results.items()
            ),
        ]
    except Unanswered as question:
        return [tell_unknown("spf", question.name, question.kind, question.answer)]


def _tell_missing(domain: str, sources: list[str]) -> Finding:
    return error(
        "spf.missing",
        f"{domain} 沒有 SPF 紀錄。",
        "Gmail、Yahoo 和 Outlook 要求大量寄信的網域有 SPF；沒有的會進垃圾郵件匣或被拒收。",
        "在 DNS 加入以下 TXT 紀錄"
        + ("。" if sources else "，把 include 後面換成郵件服務商在說明文件中給你的網域。"),
        write_txt(domain, write_record(sources)),
    )


def write_record(sources: list[str]) -> str:
    """What to publish where there is nothing yet."""
    terms = [write_mechanism(source) for source in sources] or ["include:spf.example.com"]
    return " ".join(["v=spf1", *terms, "~all"])


def write_mechanism(source: str) -> str:
    return f"ip{ip_address(source).version}:{source}"


def _tell_several(domain: str, records: list[str]) -> Finding:
    kept = [word for record in records for word in record.split()[1:]]
    terms = [word for word in dict.fromkeys(kept) if not word.lower().endswith("all")]
    return error(
        "spf.several",
        f"{domain} 有 {len(records)} 項 SPF 紀錄：{'；'.join(records)}",
        "一個網域只可以有一項；多於一項，收件方便一項也不理（permerror）。",
        "刪去全部，改為以下合併的一項。",
        write_txt(domain, " ".join(["v=spf1", *terms, "~all"])),
    )


def _judge_cost(domain: str, record: str, look_up: LookUp, sender: str) -> Iterator[Finding]:
    """What the record asks of receivers, all of it walked."""
    audit = Evaluation(look_up, sender)
    audit.check(domain)
    costs = "、".join(f"{term} {count} 次" for term, count in audit.costs.items())
    for fault in audit.faults:
        yield error(
            "spf.include",
            f"{fault}。",
            "引用的紀錄出錯，等於整項紀錄出錯（permerror），收件方當作沒有 SPF。",
            "更正或刪去出錯的部分；已不用的服務，刪去它的 include。",
        )
    if audit.lookups > MAX_LOOKUPS:
        more = "至少 " if audit.lookups > ENOUGH else ""
        yield error(
            "spf.lookups",
            f"SPF 要查 DNS {more}{audit.lookups} 次，上限是 {MAX_LOOKUPS} 次：{costs}。",
            "超過上限，收件方便不理整項紀錄（permerror）。include 裏面再 include 的也算。",
            "刪去不再用的 include；位址固定的，改寫成 ip4: 或 ip6:，那就不用查。",
        )
    if audit.voids > MAX_VOIDS:
        yield caution(
            "spf.voids",
            f"SPF 提到的名稱中有 {audit.voids} 個在 DNS 查不到。",
            f"超過 {MAX_VOIDS} 個查不到，有些收件方便不理整項紀錄。",
            "刪去已不存在的 a:、mx:、exists: 和 include:。",
        )
    if audit.uses_ptr:
        yield caution(
            "spf.ptr",
            "SPF 紀錄用了 ptr。",
            "ptr 又慢又不可靠，標準已不建議使用（RFC 7208），有些收件方不理它。",
            "以 ip4:、ip6: 或 a: 代替。",
        )
    if not audit.faults and audit.lookups <= MAX_LOOKUPS:
        yield good("spf.record", f"{record}（要查 DNS {audit.lookups} 次，上限 {MAX_LOOKUPS} 次）")


def mend_record(record: str, missing: list[str]) -> str:
    """With the addresses that are missing, and at its end an `all` that keeps others out."""
    version, *words = record.split()
    ends = [word for word in words if word.lower() in {"all", "+all", "?all", "~all", "-all"}]
    end = ends[0] if ends and ends[0][0] in "~-" else "~all"
    redirects = not ends and any(word.lower().startswith("redirect=") for word in words)
    kept = [word for word in words if word not in ends]
    added = [write_mechanism(source) for source in missing]
    new = [word for word in added if word not in kept]
    return " ".join([version, *new, *kept, *([] if redirects else [end])])


def _judge_end(terms: list[Term], mended: str) -> Iterator[Finding]:
    """What becomes of mail from anywhere else."""
    end = next((term for term in terms if term.name == "all"), None)
    if end is None:
        if all(term.name != "redirect" for term in terms):
            yield caution(
                "spf.no-end",
                "SPF 紀錄沒有以 ~all 或 -all 結尾。",
                "沒有說明其他位址寄出的信怎樣處理，冒名的信不會被擋下。",
                "在最後加上 ~all。",
                mended,
            )
        return
    if end.qualifier == "+":
        yield error(
            "spf.open",
            f"SPF 紀錄有 {end.text}，即任何人都可以用這個網域寄信。",
            "這等於沒有 SPF，而且是濫發者常用的寫法，收件方會起疑。",
            "改為 ~all。",
            mended,
        )
    elif end.qualifier == "?":
        yield caution(
            "spf.neutral",
            "SPF 紀錄以 ?all 結尾，即不置可否。",
            "冒名的信不會被擋下。",
            "改為 ~all。",
            mended,
        )
    ignored = [term.text for term in terms[terms.index(end) + 1 :]]
    if ignored:
        yield caution(
            "spf.after-all",
            f"{end.text} 後面的 {'、'.join(ignored)} 不起作用。",
            "收件方讀到 all 便停。",
            f"把 {end.text} 移到最後。",
            mended,
        )


def _evaluate(sender: str, source: str, look_up: LookUp) -> str:
    """What receivers will make of mail from there, in words."""
    domain = sender.rpartition("@")[2]
    try:
        return Evaluation(look_up, sender, ip_address(source)).check(domain).value
    except Broken as broken:
        return f"紀錄出錯（permerror）：{broken}"


def _tell_result(source: str, result: str, mended: str) -> Finding:
    if result == Result.PASS.value:
        return good("spf.pass", f"由 {source} 寄出的信通過 SPF。")
    return error(
        "spf.fail",
        f"由 {source} 寄出的信，SPF 的結果是：{result}。",
        "收件方會當作冒名的信。",
        "把這個位址加進 SPF 紀錄。",
        mended,
    )


def _tell_unsure(source: str, result: str, mended: str) -> Finding:
    return caution(
        "spf.unsure",
        f"由 {source} 寄出的信，SPF 的結果是：{result}。",
        "這是郵件伺服器的位址。如果信由它直接寄出，收件方會當作冒名；"
        "如果它是郵件服務商的入口，寄出的可能是別的位址。",
        "信由它直接寄出的，把位址加進 SPF 紀錄；由郵件服務商寄出的，加上服務商的 include，"
        "並以 RELAY_ADDRESSES 設定真正寄出的位址。",
        mended,
    )
