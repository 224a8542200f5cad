"""MX (RFC 5321, 7505): whether what is sent back to the domain arrives."""

from collections.abc import Iterator
from ipaddress import ip_address

from subscribers.domain_health.answers import LookUp, tell_unknown
from subscribers.domain_health.findings import Finding, caution, error, good

_WHY = "退信和會員的回覆寄到這個網域；收不到，便不知道哪些地址已失效。"


def judge_mail_hosts(domain: str, look_up: LookUp) -> Iterator[Finding]:
    answer = look_up(domain, "MX")
    if answer.is_unknown:
        yield tell_unknown("mx", domain, "MX", answer)
        return
    names = [record.split()[-1].rstrip(".") for record in answer.records]
    if not names:
        yield from _judge_implicit(domain, look_up)
    elif "" in names:
        yield error(
            "mx.null",
            f"{domain} 的 MX 是「.」，即表明不收郵件。",
            f"{_WHY}有些收件方亦拒收由不收郵件的網域寄出的信（RFC 7505）。",
            "換上收信的郵件伺服器；網域真的不收信，便改用另一個寄件電郵。",
            f"{domain}. MX 10 mail.{domain}.",
        )
    else:
        faults = [finding for name in names for finding in _judge_host(domain, name, look_up)]
        yield from faults
        if not faults:
            yield good("mx.good", f"{domain} 由 {'、'.join(names)} 收信。")


def _judge_implicit(domain: str, look_up: LookUp) -> Iterator[Finding]:
    """Without MX, mail goes to the domain's own address, if it has one (RFC 5321, 5.1)."""
    record = f"{domain}. MX 10 mail.{domain}."
    answers = [look_up(domain, kind) for kind in ("A", "AAAA")]
    if unknown := next((answer for answer in answers if answer.is_unknown), None):
        yield tell_unknown("mx", domain, "A", unknown)
    elif any(answer.records for answer in answers):
        yield caution(
            "mx.implicit",
            f"{domain} 沒有 MX，郵件會寄到網域本身的位址。",
            f"{_WHY}那個位址多半是網站，未必收信。",
            "加入 MX，指向收信的郵件伺服器。",
            record,
        )
    else:
        yield error(
            "mx.missing",
            f"{domain} 沒有 MX，也沒有位址，收不到郵件。",
            f"{_WHY}不少收件方亦拒收由這樣的網域寄出的信。",
            "加入 MX，指向收信的郵件伺服器。",
            record,
        )


def _judge_host(domain: str, name: str, look_up: LookUp) -> Iterator[Finding]:
    if _is_address(name):
        yield error(
            "mx.address",
            f"{domain} 的 MX 是 IP 位址（{name}），不是名稱。",
            "MX 必須是名稱，其他伺服器不會寄到這裏。",
            "先給郵件伺服器一個名稱（A 紀錄），再在 MX 寫這個名稱。",
            f"{domain}. MX 10 mail.{domain}.",
        )
        return
    alias = look_up(name, "CNAME")
    if alias.records:
        yield caution(
            "mx.alias",
            f"{domain} 的 MX（{name}）是別名（CNAME）。",
            "標準不容許 MX 指向別名，有些伺服器不會寄到這裏。",
            "MX 直接寫別名所指的名稱。",
            f"{domain}. MX 10 {alias.records[0]}",
        )
    answers = [look_up(name, kind) for kind in ("A", "AAAA")]
    if any(answer.records for answer in answers):
        return
    if unknown := next((answer for answer in answers if answer.is_unknown), None):
        yield tell_unknown("mx", name, "A", unknown)
    else:
        yield error(
            "mx.unresolved",
            f"{domain} 的 MX（{name}）查不到位址。",
            _WHY,
            f"在 DNS 加入 {name} 的 A 紀錄，或由 MX 刪去這個名稱。",
        )


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
