"""DMARC (RFC 7489): the policy, where reports go, and whether SPF and DKIM speak for the sender."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from publicsuffixlist import PublicSuffixList

from subscribers.domain_health.answers import Answer, LookUp, tell_unknown
from subscribers.domain_health.findings import Finding, caution, error, good, write_txt
from subscribers.domain_health.tags import BadTags, parse_tags

POLICIES = {"none": "只觀察", "quarantine": "當作垃圾郵件", "reject": "拒收"}
_STRICTNESS = list(POLICIES)
_VERSION = re.compile(r"v\s*=\s*DMARC1\s*(;|$)")


def find_organisation(domain: str) -> str:
    """The organisational domain: one label more than a public suffix, such as org.hk (3.2)."""
    return _load_suffixes().privatesuffix(domain.lower()) or domain.lower()


@cache
def _load_suffixes() -> PublicSuffixList:
    return PublicSuffixList(only_icann=False)


def are_aligned(author: str, other: str, *, is_strict: bool) -> bool:
    if is_strict:
        return author.lower() == other.lower()
    return find_organisation(author) == find_organisation(other)


@dataclass(frozen=True)
class Domains:
    """As they stand in a message, and as DMARC compares them."""

    author: str  # in From
    envelope: str  # where bounces go, which SPF speaks for
    signing: list[str]  # in the signatures, which DKIM speaks for


def judge_dmarc(domains: Domains, look_up: LookUp) -> Iterator[Finding]:
    author = domains.author
    organisation = find_organisation(author)
    for domain in dict.fromkeys([author, organisation]):
        answer = look_up(f"_dmarc.{domain}", "TXT")
        if answer.is_unknown:
            yield tell_unknown("dmarc", f"_dmarc.{domain}", "TXT", answer)
            return
        records = find_records(answer)
        if len(records) > 1:
            yield _tell_several(domain, records)
            return
        if records:
            yield from _judge_record(domain, records[0], domains, look_up)
            return
    yield error(
        "dmarc.missing",
        f"{author} 沒有 DMARC 紀錄。",
        "Gmail、Yahoo 和 Outlook 要求大量寄信的網域有 DMARC；沒有的會進垃圾郵件匣或被拒收。",
        "在 DNS 加入以下 TXT 紀錄。p=none 只觀察，不影響收信；看過報告無誤，再改為 p=quarantine。",
        write_txt(f"_dmarc.{organisation}", f"v=DMARC1; p=none; rua=mailto:dmarc@{organisation}"),
    )


def find_records(answer: Answer) -> list[str]:
    return [text for text in answer.records if _VERSION.match(text)]


def _tell_several(domain: str, records: list[str]) -> Finding:
    return error(
        "dmarc.several",
        f"_dmarc.{domain} 有 {len(records)} 項 DMARC 紀錄：{'｜'.join(records)}",
        "一個網域只可以有一項；多於一項，收件方便當作沒有 DMARC。",
        "只留下一項，刪去其餘。",
        write_txt(f"_dmarc.{domain}", records[0]),
    )


def _judge_record(domain: str, text: str, domains: Domains, look_up: LookUp) -> Iterator[Finding]:
    try:
        tags = parse_tags(text)
    except BadTags as bad:
        yield _tell_syntax(domain, text, f"「{bad}」不是「名稱=值」")
        return
    if tags.get("p", "").lower() not in POLICIES:
        yield _tell_syntax(domain, text, "沒有 p=，或 p= 不是 none、quarantine 或 reject")
        return
    if faulty := _find_faulty(tags):
        yield _tell_syntax(domain, text, f"{'、'.join(faulty)} 的值不對")
        return
    mended = tags | _mend_tags(domain, tags)
    yield from _judge_policy(domains.author, domain, tags, mended)
    yield from _judge_share(tags, write_record(domain, mended))
    yield from _judge_reports(domain, tags, write_record(domain, mended), look_up)
    yield from _judge_alignment(domains, tags)


def _mend_tags(domain: str, tags: dict[str, str]) -> dict[str, str]:
    """What can be changed at once; a stricter policy is a step of its own."""
    own = tags["p"].lower()
    changes = {"pct": ""}
    if _is_laxer(tags.get("sp", own), own):
        changes["sp"] = ""
    reports = _list_reports(tags)
    kept = [address for address in reports if _find_receiver(address)]
    if kept != reports or not reports:
        changes["rua"] = ",".join(kept) or f"mailto:dmarc@{domain}"
    return changes


def _is_laxer(policy: str, other: str) -> bool:
    return _STRICTNESS.index(policy.lower()) < _STRICTNESS.index(other.lower())


def write_record(domain: str, tags: dict[str, str]) -> str:
    """A tag without a value is left out."""
    written = [f"{name}={value}" for name, value in tags.items() if value]
    return write_txt(f"_dmarc.{domain}", "; ".join(written))


def _find_faulty(tags: dict[str, str]) -> list[str]:
    allowed = {"sp": set(POLICIES), "adkim": {"r", "s"}, "aspf": {"r", "s"}}
    faulty = [
        f"{name}={tags[name]}"
        for name, values in allowed.items()
        if name in tags and tags[name].lower() not in values
    ]
    share = tags.get("pct", "100")
    if not re.fullmatch(r"\d{1,3}", share) or int(share) > 100:
        faulty.append(f"pct={share}")
    return faulty


def _tell_syntax(domain: str, text: str, what: str) -> Finding:
    return error(
        "dmarc.syntax",
        f"_dmarc.{domain} 的紀錄不合語法：{what}。現時是：{text}",
        "收件方讀不出政策，便當作沒有 DMARC，或不理這一部分。",
        "照以下寫法更正。",
        write_txt(f"_dmarc.{domain}", f"v=DMARC1; p=none; rua=mailto:dmarc@{domain}"),
    )


def _judge_policy(
    author: str, domain: str, tags: dict[str, str], mended: dict[str, str]
) -> Iterator[Finding]:
    own = tags["p"].lower()
    of_subdomains = tags.get("sp", own).lower()
    is_inherited = author.lower() != domain.lower()
    policy = of_subdomains if is_inherited else own
    whose = f"{author} 沿用 {domain} 的 DMARC" if is_inherited else f"{domain} 的 DMARC"
    tag = "sp" if is_inherited and "sp" in tags else "p"
    if policy == "none":
        yield caution(
            "dmarc.none",
            f"{whose}：{tag}=none，即{POLICIES[policy]}。",
            "已合乎 Gmail 等的最低要求，但別人冒用這個網域寄信不會被擋下。",
            f"看過幾星期的報告，自己的信都通過了，便改為 {tag}=quarantine。",
            write_record(domain, mended | {tag: "quarantine"}),
        )
    else:
        yield good("dmarc.policy", f"{whose}：{tag}={policy}，冒名的信{POLICIES[policy]}。")
    if not is_inherited and _is_laxer(of_subdomains, own):
        yield caution(
            "dmarc.subdomains",
            f"子網域的政策（sp={of_subdomains}）比網域本身（p={own}）寬鬆。",
            f"冒名者可以用 {domain} 之下任何名稱寄信。",
            "刪去 sp=，使子網域和網域一樣。",
            write_record(domain, mended),
        )


def _judge_share(tags: dict[str, str], mended: str) -> Iterator[Finding]:
    share = int(tags.get("pct", "100"))
    if share < 100:
        yield caution(
            "dmarc.share",
            f"DMARC 只用於 {share}% 的信（pct={share}）。",
            "其餘冒名的信不受約束；新的標準亦已取消 pct。",
            "刪去 pct=。",
            mended,
        )


def _list_reports(tags: dict[str, str]) -> list[str]:
    return [one.strip() for one in tags.get("rua", "").split(",") if one.strip()]


def _find_receiver(address: str) -> str:
    """The domain that takes reports there; empty where none can be sent to."""
    # The size a report may have can follow, as in mailto:a@example.org!10m (6.2).
    found = re.fullmatch(r"mailto:[^@!]+@([^@!]+)(![0-9]+[kmgt]?)?", address, re.IGNORECASE)
    return found[1] if found else ""


def _judge_reports(
    domain: str, tags: dict[str, str], mended: str, look_up: LookUp
) -> Iterator[Finding]:
    addresses = _list_reports(tags)
    if not addresses:
        yield caution(
            "dmarc.no-reports",
            "DMARC 沒有寫明報告寄到哪裏（rua=）。",
            "沒有報告，便不知道自己的信有沒有通過，也不知道誰在冒名。",
            "加上 rua=，用一個有人看或交給分析服務的郵箱。",
            mended,
        )
    for address in addresses:
        receiver = _find_receiver(address)
        if not receiver:
            yield caution(
                "dmarc.bad-reports",
                f"報告的地址寫錯：{address}。",
                "報告不會寄出。",
                "寫成 mailto: 加電郵地址，多個以逗號分開。",
                mended,
            )
        elif find_organisation(receiver) != find_organisation(domain):
            yield from _judge_consent(domain, receiver, look_up)


def _judge_consent(domain: str, receiver: str, look_up: LookUp) -> Iterator[Finding]:
    """Another organisation must say that it takes our reports (7.1)."""
    name = f"{domain}._report._dmarc.{receiver}"
    answer = look_up(name, "TXT")
    if answer.is_unknown:
        yield tell_unknown("dmarc", name, "TXT", answer)
    elif not find_records(answer):
        yield caution(
            "dmarc.unasked-reports",
            f"{receiver} 沒有表明願意代收 {domain} 的報告。",
            "收件方因此不會把報告寄到那裏。",
            f"請 {receiver} 的管理人加入以下紀錄，或改用自己網域的郵箱。",
            write_txt(name, "v=DMARC1"),
        )


def _judge_alignment(domains: Domains, tags: dict[str, str]) -> Iterator[Finding]:
    author, signing = domains.author, domains.signing
    spf = are_aligned(author, domains.envelope, is_strict=tags.get("aspf", "r").lower() == "s")
    is_strict = tags.get("adkim", "r").lower() == "s"
    dkim = any(are_aligned(author, domain, is_strict=is_strict) for domain in signing)
    told = f"寄件人是 {author}，退信地址是 {domains.envelope}"
    signed = f"，簽署的是 {'、'.join(dict.fromkeys(signing))}" if signing else ""
    if spf and dkim:
        yield good("dmarc.aligned", f"SPF 和 DKIM 都代表寄件人的網域（{author}）。")
    elif spf:
        yield caution(
            "dmarc.only-spf",
            f"只有 SPF 代表寄件人的網域：{told}{signed}。",
            "郵件經人轉寄後 SPF 便不通過；沒有 DKIM 補救，DMARC 也不通過。",
            f"以 {author} 作 DKIM 簽署（d={author}），並設定 DKIM_SELECTORS。",
        )
    elif dkim:
        yield caution(
            "dmarc.only-dkim",
            f"只有 DKIM 代表寄件人的網域：{told}{signed}。",
            "簽署一旦出錯，DMARC 便不通過。",
            f"退信地址改用 {find_organisation(author)} 之下的網域。",
        )
    else:
        yield error(
            "dmarc.unaligned",
            f"SPF 和 DKIM 都不代表寄件人的網域：{told}{signed}。",
            "DMARC 要求至少一樣與寄件人同屬一個網域，否則每一封都不通過。",
            f"以 {author} 作 DKIM 簽署（d={author}），或退信地址改用這個網域。",
        )
