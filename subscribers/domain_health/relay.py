"""What the relay's greeting tells: whether it is there, how safe the way to it is, its name."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from subscribers.domain_health.answers import LookUp, tell_unknown
from subscribers.domain_health.findings import Finding, caution, error, good

RENEW_WITHIN = timedelta(days=14)
LOCAL_NAMES = {"localhost", "127.0.0.1", "::1"}


class Security(Enum):
    """How the settings would have the connection made."""

    NONE = "smtp"
    STARTTLS = "smtp+tls"
    IMPLICIT = "smtp+ssl"


class RelayTrouble(Enum):
    NO_NAME = "查不到這個名稱的位址"
    REFUSED = "那裏沒有程式接聽"
    TIMEOUT = "沒有在限時內回答"
    NO_NETWORK = "本機連不到那裏"
    NOT_READY = "不肯接待"  # an answer other than 220
    HUNG_UP = "中途掛斷，或回答的不是 SMTP"


class TLSTrouble(Enum):
    EXPIRED = "憑證已過期"
    NOT_YET = "憑證尚未生效"
    WRONG_NAME = "憑證不是發給這個名稱的"
    SELF_SIGNED = "憑證是自己簽發的，沒有公認的機構擔保"
    UNTRUSTED = "憑證不是由公認的機構簽發，或欠缺中間憑證"
    OLD = "只會用已廢棄的 TLS 版本（1.1 或以前）"
    NOT_TLS = "回答的不是 TLS"
    OTHER = "加密連線建立不了"


TLS_REMEDIES = {
    TLSTrouble.EXPIRED: "請管理郵件伺服器的人續期，並使它自動續期。",
    TLSTrouble.NOT_YET: "檢查本機和郵件伺服器的時鐘，或等憑證生效。",
    TLSTrouble.WRONG_NAME: "EMAIL_URL 改用憑證上的名稱，或換一張有這個名稱的憑證。",
    TLSTrouble.SELF_SIGNED: "換一張由公認機構簽發的憑證（例如免費的 Let's Encrypt）。",
    TLSTrouble.UNTRUSTED: "換一張由公認機構簽發的憑證，並附上中間憑證（fullchain）。",
    TLSTrouble.OLD: "更新郵件伺服器，使它支援 TLS 1.2 或 1.3。",
    TLSTrouble.NOT_TLS: "檢查連接埠：465 用 smtp+ssl，587 和 25 用 smtp+tls。",
    TLSTrouble.OTHER: "請管理郵件伺服器的人檢查 TLS 設定。",
}


@dataclass(frozen=True)
class Wish:
    """What the settings say of the relay."""

    host: str
    port: int
    security: Security
    logs_in: bool

    @property
    def is_local(self) -> bool:
        return self.host.lower() in LOCAL_NAMES

    @property
    def place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class Greeting:
    """How far it came, without any mail; a later part is only told where the earlier ones went."""

    called: str  # what we called ourselves
    trouble: RelayTrouble | None = None
    said: str = ""  # by the relay, where it declined
    declined_name: bool = False  # the one we called ourselves
    name: str = ""  # by which it answered
    offers_starttls: bool = False
    tls_trouble: TLSTrouble | None = None
    tls_version: str = ""
    valid_until: datetime | None = None


def judge_relay(wish: Wish, greeting: Greeting, now: datetime) -> Iterator[Finding]:
    if greeting.trouble:
        said = f"：{greeting.said}" if greeting.said else ""
        yield error(
            "relay.unreachable",
            f"連不上郵件伺服器 {wish.place}：{greeting.trouble.value}{said}。",
            "現時一封信也寄不出；投遞會留待連上後再寄。",
            "檢查 EMAIL_URL 的名稱和連接埠、防火牆，以及郵件伺服器是否在運行。",
        )
        return
    if greeting.declined_name:
        yield _tell_declined(greeting)
        return
    where = "在本機，不經網絡" if wish.is_local else "連得上"
    yield good("relay.good", f"郵件伺服器 {wish.place} {where}。")
    yield from _judge_security(wish, greeting, now)
    if not wish.is_local:
        yield from _judge_own_name(greeting)


def _tell_declined(greeting: Greeting) -> Finding:
    return error(
        "helo.declined",
        f"郵件伺服器不接受本機自稱的名稱（{greeting.called}）：{greeting.said}",
        "現時一封信也寄不出。",
        "給本機一個完整的名稱（例如 web.example.com，hostnamectl set-hostname），並使 DNS 查得到。",
    )


def _judge_security(wish: Wish, greeting: Greeting, now: datetime) -> Iterator[Finding]:
    if wish.is_local and wish.security is Security.NONE:
        yield good("tls.local", "郵件伺服器在本機，不需加密。")
    elif greeting.tls_trouble:
        yield _tell_tls_trouble(wish, greeting.tls_trouble)
    elif wish.security is Security.STARTTLS and not greeting.offers_starttls:
        yield error(
            "tls.not-offered",
            f"{wish.place} 不支援 STARTTLS，而 EMAIL_URL 要求加密。",
            "現時一封信也寄不出。",
            "在郵件伺服器開啟 STARTTLS；用 465 連接埠的，EMAIL_URL 改為 smtp+ssl://。",
        )
    elif wish.security is Security.NONE:
        yield _tell_plain(wish, greeting)
    else:
        yield from _judge_certificate(greeting, now)


def _tell_tls_trouble(wish: Wish, trouble: TLSTrouble) -> Finding:
    found = f"與 {wish.place} 的加密連線有問題：{trouble.value}。"
    if wish.security is Security.NONE:  # we only tried it
        why = "現時不加密寄出；要加密，先要解決這一點。"
        return caution("tls.unusable", found, why, TLS_REMEDIES[trouble])
    code = f"tls.{trouble.name.lower().replace('_', '-')}"
    return error(code, found, "寄信時會核對憑證，因此現時一封信也寄不出。", TLS_REMEDIES[trouble])


def _tell_plain(wish: Wish, greeting: Greeting) -> Finding:
    found = f"與 {wish.place} 的連線沒有加密。"
    remedy = (
        "EMAIL_URL 改為 smtp+tls://，這個郵件伺服器支援。"
        if greeting.offers_starttls
        else "在郵件伺服器開啟 STARTTLS，然後 EMAIL_URL 改為 smtp+tls://。"
    )
    if wish.logs_in:
        why = "登入郵件伺服器的密碼和會員的地址在網絡上任人讀取。"
        return error("tls.password-in-clear", found, why, remedy)
    return caution("tls.none", found, "會員的地址和郵件在網絡上任人讀取。", remedy)


def _judge_certificate(greeting: Greeting, now: datetime) -> Iterator[Finding]:
    version = greeting.tls_version.replace("TLSv", "TLS ")
    if greeting.valid_until is None:
        yield good("tls.good", f"加密連線：{version}，憑證有效。")
        return
    left = greeting.valid_until - now
    until = f"{greeting.valid_until:%Y-%m-%d}，尚餘 {left.days} 天"
    if left < RENEW_WITHIN:
        yield caution(
            "tls.expiring",
            f"郵件伺服器的憑證快將過期（{until}）。",
            "過期後一封信也寄不出。",
            TLS_REMEDIES[TLSTrouble.EXPIRED],
        )
    else:
        yield good("tls.good", f"加密連線：{version}，憑證有效至 {until}。")


def is_full_name(name: str) -> bool:
    """As HELO wants it (RFC 5321, 4.1.1.1): known beyond the machine itself."""
    last = name.rstrip(".").lower().rpartition(".")[2]
    return "." in name.rstrip(".") and last not in {"localdomain", "localhost", "local", "internal"}


def _judge_own_name(greeting: Greeting) -> Iterator[Finding]:
    if not is_full_name(greeting.called):
        yield caution(
            "helo.own",
            f"本機向郵件伺服器自稱 {greeting.called}，不是完整的名稱。",
            "這個郵件伺服器接受，但不少郵件伺服器拒絕這樣的名稱，收件方亦會在郵件標頭看到。",
            "給本機一個完整的名稱（例如 web.example.com，hostnamectl set-hostname）。",
        )


def judge_relay_name(name: str, look_up: LookUp) -> Iterator[Finding]:
    """The name by which it answers is as a rule the one by which it calls itself elsewhere."""
    if not is_full_name(name):
        yield caution(
            "helo.name",
            f"郵件伺服器自稱 {name or '（沒有名稱）'}，不是完整的名稱。",
            "它多半以同一名稱（HELO）向收件方自稱；名稱不完整，有些收件方會拒收。",
            "在郵件伺服器設定完整的名稱（Postfix 的 myhostname），與反向 DNS 一致。",
        )
        return
    answers = {kind: look_up(name, kind) for kind in ("A", "AAAA")}
    if any(answer.records for answer in answers.values()):
        yield good("helo.good", f"郵件伺服器自稱 {name}，DNS 查得到。")
        return
    for kind, answer in answers.items():
        if answer.is_unknown:
            yield tell_unknown("helo", name, kind, answer)
            return
    yield caution(
        "helo.unresolved",
        f"郵件伺服器自稱 {name}，但 DNS 沒有這個名稱的位址。",
        "它多半以同一名稱（HELO）向收件方自稱；查不到的名稱，有些收件方會拒收。",
        "加入這個名稱的 A 紀錄，或在郵件伺服器改用與反向 DNS 一致的名稱。",
    )
