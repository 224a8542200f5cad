"""DKIM (RFC 6376, 8301, 8463): the public keys by which mail of the domain is verified."""

import binascii
from base64 import b64decode
from collections.abc import Iterator

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from subscribers.domain_health.answers import LookUp, tell_unknown
from subscribers.domain_health.findings import Finding, caution, error, good
from subscribers.domain_health.tags import BadTags, parse_tags

MIN_BITS = 1024  # verifiers must not accept less (RFC 8301)
GOOD_BITS = 2048
_SEPARATOR = "._domainkey."


def name_key(selector: str, domain: str) -> str:
    """Where a selector's key is; a whole name names another domain's."""
    return selector if _SEPARATOR in selector else f"{selector}{_SEPARATOR}{domain}"


def find_signing_domain(key_name: str) -> str:
    return key_name.partition(_SEPARATOR)[2]


def judge_dkim(key_names: list[str], look_up: LookUp) -> list[Finding]:
    if not key_names:
        return [
            caution(
                "dkim.unset",
                "未有設定 DKIM 的選擇器（selector），未能檢查。",
                "Gmail、Yahoo 和 Outlook 要求大量寄信的網域以 DKIM 簽署；"
                "選擇器的名稱由郵件伺服器或服務商決定，DNS 無從列出。",
                "在郵件伺服器或服務商處查出選擇器，設定 DKIM_SELECTORS（多個以逗號分開）。"
                "未有簽署的，先在那裏開啟 DKIM。",
            )
        ]
    findings = [finding for name in key_names for finding in _judge_key(name, look_up)]
    usable = [finding.found for finding in findings if finding.code == "dkim.good"]
    if usable and all("Ed25519" in found for found in usable):
        findings.append(
            caution(
                "dkim.only-ed25519",
                "只有 Ed25519 的公鑰。",
                "Gmail 等收件方仍未認得 Ed25519 簽署，會當作沒有簽署。",
                "另加一個 RSA 2048 位的選擇器，兩個一起簽署。",
            )
        )
    return findings


def _judge_key(name: str, look_up: LookUp) -> Iterator[Finding]:
    answer = look_up(name, "TXT")
    if answer.is_unknown:
        yield tell_unknown("dkim", name, "TXT", answer)
    elif not answer.records:
        yield error(
            "dkim.missing",
            f"{name} 沒有公鑰。",
            "收件方找不到公鑰，簽署便無從核對，等於沒有簽署。",
            "在郵件伺服器或服務商處取得公鑰，照樣加入 DNS；選擇器打錯的，更正 DKIM_SELECTORS。",
            f'{name}. TXT "v=DKIM1; k=rsa; p=…"',
        )
    elif len(answer.records) > 1:
        yield error(
            "dkim.several",
            f"{name} 有 {len(answer.records)} 項 TXT 紀錄。",
            "一個選擇器只可以有一項，否則收件方用哪一項沒有保證。",
            "只留下現用的公鑰，刪去其餘。",
        )
    else:
        yield from _judge_record(name, answer.records[0])


def _judge_record(name: str, text: str) -> Iterator[Finding]:
    try:
        tags = parse_tags(text)
    except BadTags as bad:
        yield _tell_syntax(name, f"「{bad}」不合語法")
        return
    if "p" not in tags or tags.get("v", "DKIM1") != "DKIM1" or "v" in list(tags)[1:]:
        yield _tell_syntax(name, "沒有 p=，或不是以 v=DKIM1 開頭")
        return
    if not tags["p"]:
        yield error(
            "dkim.revoked",
            f"{name} 的公鑰已撤銷（p= 是空的）。",
            "以這個選擇器簽署的信全部不通過 DKIM。",
            "換上現用的公鑰；選擇器已棄用的，由 DKIM_SELECTORS 刪去。",
            f'{name}. TXT "v=DKIM1; k=rsa; p=…"',
        )
        return
    yield from _judge_uses(name, tags)
    yield _judge_strength(name, tags.get("k", "rsa").lower(), tags["p"])


def _tell_syntax(name: str, what: str) -> Finding:
    return error(
        "dkim.syntax",
        f"{name} 的紀錄讀不出來：{what}。",
        "收件方讀不出公鑰，等於沒有簽署。",
        "由郵件伺服器或服務商重新複製整項紀錄，不要有遺漏或多餘的引號。",
        f'{name}. TXT "v=DKIM1; k=rsa; p=…"',
    )


def _judge_uses(name: str, tags: dict[str, str]) -> Iterator[Finding]:
    """What else the record says that keeps a good key from being used."""
    flags, hashes, services = (
        [one.strip().lower() for one in tags.get(tag, default).split(":")]
        for tag, default in (("t", ""), ("h", "sha256"), ("s", "*"))
    )
    if "y" in flags:
        yield caution(
            "dkim.testing",
            f"{name} 標明仍在測試（t=y）。",
            "收件方可以當作沒有簽署。",
            "測試好了，便由紀錄刪去 t=y。",
        )
    if "sha256" not in hashes:
        yield error(
            "dkim.hash",
            f"{name} 不容許 SHA-256（h={tags['h']}）。",
            "SHA-1 的簽署收件方已不接受（RFC 8301）。",
            "由紀錄刪去 h=。",
        )
    if not {"*", "email"} & set(services):
        yield error(
            "dkim.service",
            f"{name} 不是用於電郵（s={tags['s']}）。",
            "收件方不會用這個公鑰核對電郵。",
            "由紀錄刪去 s=。",
        )


def _judge_strength(name: str, kind: str, encoded: str) -> Finding:
    try:
        key = b64decode("".join(encoded.split()), validate=True)
        bits = _measure_key(kind, key)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return error(
            "dkim.unreadable",
            f"{name} 的公鑰（k={kind}）讀不出來。",
            "公鑰不完整或抄錯，簽署便無從核對。",
            "由郵件伺服器或服務商重新複製整個 p=；太長的要分成每段不多於 255 字元。",
        )
    if bits is None:
        return good("dkim.good", f"{name}：Ed25519")
    if bits < MIN_BITS:
        return error(
            "dkim.weak",
            f"{name} 的公鑰只有 {bits} 位。",
            f"少於 {MIN_BITS} 位的簽署，收件方必須當作無效（RFC 8301）。",
            f"換一對 {GOOD_BITS} 位的鑰匙，以新的選擇器發布。",
        )
    if bits < GOOD_BITS:
        return caution(
            "dkim.short",
            f"{name} 的公鑰是 RSA {bits} 位。",
            f"仍然有效，但標準建議 {GOOD_BITS} 位，收件方日後會提高要求。",
            f"換一對 {GOOD_BITS} 位的鑰匙，以新的選擇器發布，舊的過一星期才刪去。",
        )
    return good("dkim.good", f"{name}：RSA {bits} 位")


def _measure_key(kind: str, key: bytes) -> int | None:
    """An RSA key's bits; None for Ed25519. Raises ValueError."""
    if kind == "ed25519":
        if len(key) != 32:  # bare, not in DER (RFC 8463)
            raise ValueError(kind)
        return None
    public = load_der_public_key(key)
    if kind != "rsa" or not isinstance(public, RSAPublicKey):
        raise ValueError(kind)
    return public.key_size
