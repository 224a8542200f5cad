"""The addresses from which mail leaves: which they are, and whether DNS says so backwards too."""

from collections.abc import Iterator
from ipaddress import ip_address

from subscribers.domain_health.answers import LookUp, tell_unknown
from subscribers.domain_health.findings import Finding, caution, error, good


def find_sources(names: list[str], look_up: LookUp) -> tuple[list[str], list[Finding]]:
    """The public addresses among and of these, IPv4 first, and what was wrong with names."""
    addresses: list[str] = []
    findings: list[Finding] = []
    for name in names:
        found = _find_addresses(name, look_up, findings)
        public = [address for address in found if ip_address(address).is_global]
        if found and not public:
            findings.append(
                caution(
                    "source.private",
                    f"{name} 是內部位址（{'、'.join(found)}）。",
                    "收件方見到的是對外的位址，未能由內部位址得知。",
                    "以 RELAY_ADDRESSES 設定郵件伺服器對外的 IP 位址（多個以逗號分開）。",
                )
            )
        addresses += public
    return list(dict.fromkeys(addresses)), findings


def _find_addresses(name: str, look_up: LookUp, findings: list[Finding]) -> list[str]:
    try:
        return [str(ip_address(name))]
    except ValueError:
        answers = {kind: look_up(name, kind) for kind in ("A", "AAAA")}
    found = [record for answer in answers.values() for record in answer.records]
    unknown = next(((kind, one) for kind, one in answers.items() if one.is_unknown), None)
    if unknown:
        findings.append(tell_unknown("source", name, *unknown))
    elif not found:
        findings.append(
            caution(
                "source.unresolved",
                f"{name} 在 DNS 查不到位址。",
                "不知道信由哪裏寄出，便不能檢查 SPF 和反向 DNS。",
                "更正名稱；名稱只在內部有效的，以 RELAY_ADDRESSES 設定對外的 IP 位址。",
            )
        )
    return found


def tell_unset() -> Finding:
    """For a relay on this machine, whose address outside nobody has told."""
    return caution(
        "source.unset",
        "郵件伺服器在本機，未知由哪個 IP 位址寄出。",
        "SPF 和反向 DNS 都看對外的位址，現時未能檢查。",
        "以 RELAY_ADDRESSES 設定本機對外的 IP 位址；經郵件服務商寄出的，設定服務商的位址。",
    )


def judge_reverse(
    source: str, look_up: LookUp, *, wanted: str = "mail.example.com"
) -> Iterator[Finding]:
    """A name for the address, and that name's addresses holding it (forward-confirmed).

    Where there is none, `wanted` is what to publish.
    """
    pointer = ip_address(source).reverse_pointer
    answer = look_up(pointer, "PTR")
    kind = "A" if ip_address(source).version == 4 else "AAAA"
    if answer.is_unknown:
        yield tell_unknown("reverse", pointer, "PTR", answer)
        return
    if not answer.records:
        yield error(
            "reverse.missing",
            f"{source} 沒有反向 DNS（PTR）。",
            "Gmail 等拒收沒有反向 DNS 的位址寄出的信。",
            "反向 DNS 由 IP 位址的供應商（網絡供應商或雲端平台）設定。請他們加入以下紀錄，"
            "名稱用郵件伺服器自稱的名稱。",
            f"{pointer}. PTR {wanted}.",
        )
        return
    names = [record.rstrip(".") for record in answer.records]
    answers = {name: look_up(name, kind) for name in names}
    for name, forward in answers.items():
        if ip_address(source) in {ip_address(record) for record in forward.records}:
            yield good("reverse.good", f"{source} 的反向 DNS 是 {name}，正反一致。")
            return
    for name, forward in answers.items():
        if forward.is_unknown:
            yield tell_unknown("reverse", name, kind, forward)
            return
    yield error(
        "reverse.unconfirmed",
        f"{source} 的反向 DNS 是 {'、'.join(names)}，但這個名稱不指回 {source}。",
        "正反不一致的反向 DNS 等於沒有，Gmail 等會拒收。",
        "加入以下紀錄，或請供應商把反向 DNS 改為郵件伺服器真正的名稱。",
        f"{names[0]}. {kind} {source}",
    )
