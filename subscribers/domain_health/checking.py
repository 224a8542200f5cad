"""All of it for the publication as it is now: who sends, through which relay, what DNS says."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.mail import DNS_NAME, get_connection
from django.core.mail.backends.smtp import EmailBackend

from briefings.models import Publication
from subscribers.addresses import BadAddress, encode_address
from subscribers.domain_health.answers import LookUp, Trouble
from subscribers.domain_health.dkim import find_signing_domain, judge_dkim, name_key
from subscribers.domain_health.dmarc import Domains, find_organisation, judge_dmarc
from subscribers.domain_health.findings import SUBJECTS, Finding, Level, caution, error, find_worst
from subscribers.domain_health.greeting import greet
from subscribers.domain_health.mail_hosts import judge_mail_hosts
from subscribers.domain_health.relay import (
    Greeting,
    Security,
    Wish,
    is_full_name,
    judge_relay,
    judge_relay_name,
)
from subscribers.domain_health.resolver import Resolver
from subscribers.domain_health.sources import find_sources, judge_reverse, tell_unset
from subscribers.domain_health.spf import judge_spf


@dataclass(frozen=True)
class Report:
    sender: str
    relay: str  # empty where mail doesn't go by SMTP
    checked_at: datetime
    findings: list[Finding]

    @property
    def worst(self) -> Level:
        return find_worst(self.findings)

    def count(self, level: Level) -> int:
        return sum(finding.level is level for finding in self.findings)


def check_domain(now: datetime) -> Report:
    """Sends nothing. With nobody answering it takes some forty seconds at most."""
    publication = Publication.load()
    look_up = Resolver(settings.DNS_SERVERS).look_up
    relay = greet_relay()
    names = settings.RELAY_ADDRESSES or _conclude_sources(relay)
    sources, unfound = find_sources(names, look_up)
    findings = [
        *(_judge_relay(*relay, look_up, now) if relay else [_tell_no_relay()]),
        *unfound,
        *_judge_reverse(sources, relay, look_up),
        *_judge_records(publication, sources, look_up),
    ]
    order = list(SUBJECTS.values())
    findings.sort(key=lambda finding: order.index(finding.subject))
    place = relay[0].place if relay else ""
    return Report(publication.sender_email, place, now, findings)


def greet_relay() -> tuple[Wish, Greeting] | None:
    """As sending would, by the same settings; None where mail doesn't go by SMTP."""
    connection = get_connection()
    if not isinstance(connection, EmailBackend):
        return None
    wish = read_wish(connection)
    return wish, greet(wish, DNS_NAME.get_fqdn(), connection.ssl_context)


def read_wish(connection: EmailBackend) -> Wish:
    security = (
        Security.IMPLICIT
        if connection.use_ssl
        else Security.STARTTLS
        if connection.use_tls
        else Security.NONE
    )
    return Wish(connection.host, connection.port, security, logs_in=bool(connection.username))


def _conclude_sources(relay: tuple[Wish, Greeting] | None) -> list[str]:
    """Where nobody has told, a relay elsewhere is thought to send by itself."""
    return [] if relay is None or relay[0].is_local else [relay[0].host]


def _judge_relay(
    wish: Wish, greeting: Greeting, look_up: LookUp, now: datetime
) -> Iterator[Finding]:
    yield from judge_relay(wish, greeting, now)
    if greeting.name and not wish.is_local:
        yield from judge_relay_name(greeting.name, look_up)
    if wish.is_local and not settings.RELAY_ADDRESSES:
        yield tell_unset()


def _judge_reverse(
    sources: list[str], relay: tuple[Wish, Greeting] | None, look_up: LookUp
) -> Iterator[Finding]:
    name = relay[1].name if relay else ""
    wanted = name if is_full_name(name) else "mail.example.com"
    for source in sources:
        yield from judge_reverse(source, look_up, wanted=wanted)


def _tell_no_relay() -> Finding:
    if settings.MAILBOX_DIR:
        return caution(
            "relay.captured",
            "郵件現時截存在本機的郵箱，不會寄到會員手上。",
            "未有設定 EMAIL_URL，這是試用的樣子；以下只檢查 DNS。",
            "正式使用時，以 EMAIL_URL 設定郵件伺服器。",
        )
    return caution(
        "relay.other",
        "郵件不經 SMTP 寄出，未能檢查郵件伺服器。",
        f"現時的寄信方式是 {settings.EMAIL_BACKEND}。",
        "經郵件服務商寄信的，以 RELAY_ADDRESSES 設定服務商寄出的位址；"
        "否則以 EMAIL_URL 設定郵件伺服器。",
    )


def _tell_no_domain(domain: str) -> Finding:
    return error(
        "sender.no-domain",
        f"DNS 說沒有 {domain} 這個網域。",
        "由不存在的網域寄出的信會被拒收。",
        "檢查「刊物資料」的寄件電郵有否打錯，網域有否過期。本機的 DNS 只認得內部名稱的，"
        "以 DNS_SERVERS 指定公共的伺服器（例如 9.9.9.9）。",
    )


def _judge_records(
    publication: Publication, sources: list[str], look_up: LookUp
) -> Iterator[Finding]:
    try:
        author = encode_address(publication.sender_email)
        envelope = encode_address(settings.BOUNCE_ADDRESS or publication.sender_email)
    except BadAddress:
        yield error(
            "sender.bad",
            f"不能用「{publication.sender_email}」作寄件電郵。",
            "沒有郵件伺服器會接受。",
            "請在「刊物資料」更正寄件電郵。",
        )
        return
    domain, returning = author.rpartition("@")[2], envelope.rpartition("@")[2]
    if look_up(find_organisation(domain), "NS").trouble is Trouble.NO_NAME:
        yield _tell_no_domain(find_organisation(domain))
        return
    keys = [name_key(selector, domain) for selector in settings.DKIM_SELECTORS]
    signing = [find_signing_domain(key) for key in keys]
    are_certain = bool(settings.RELAY_ADDRESSES)
    yield from judge_spf(envelope, sources, look_up, are_certain=are_certain)
    yield from judge_dkim(keys, look_up)
    yield from judge_dmarc(Domains(domain, returning, signing), look_up)
    answers = publication.reply_to.rpartition("@")[2]
    for receiver in dict.fromkeys([domain, returning, answers or domain]):
        yield from judge_mail_hosts(receiver, look_up)
