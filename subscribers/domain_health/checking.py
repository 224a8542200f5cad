"""All of it for the publication as it is now: who sends, through which relay, what DNS says."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.mail import DNS_NAME, get_connection
from django.core.mail.backends.smtp import EmailBackend

from briefings.models import Publication
from subscribers.addresses import BadAddress, encode_address
from subscribers.domain_health.answers import LookUp
from subscribers.domain_health.dkim import find_signing_domain, judge_dkim, name_key
from subscribers.domain_health.dmarc import Domains, judge_dmarc
from subscribers.domain_health.findings import SUBJECTS, Finding, Level, caution, error, find_worst
from subscribers.domain_health.greeting import greet
from subscribers.domain_health.mail_hosts import judge_mail_hosts
from subscribers.domain_health.relay import Security, Wish, judge_relay, judge_relay_name
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
    connection = get_connection()
    findings: list[Finding] = []
    relay = ""
    look_up = Resolver(settings.DNS_SERVERS).look_up
    sources = list(settings.RELAY_ADDRESSES)
    are_certain = bool(sources)
    if isinstance(connection, EmailBackend):
        wish = read_wish(connection)
        relay = wish.place
        greeting = greet(wish, DNS_NAME.get_fqdn(), connection.ssl_context)
        findings += judge_relay(wish, greeting, now)
        if greeting.name and not wish.is_local:
            findings += judge_relay_name(greeting.name, look_up)
        if not sources and wish.is_local:
            findings.append(tell_unset())
        elif not sources:
            sources = [wish.host]
    else:
        findings.append(_tell_no_relay())
    addresses, unfound = find_sources(sources, look_up)
    findings += unfound
    findings += _judge_records(publication, addresses, look_up, are_certain=are_certain)
    order = list(SUBJECTS.values())
    findings.sort(key=lambda finding: order.index(finding.subject))
    return Report(publication.sender_email, relay, now, findings)


def read_wish(connection: EmailBackend) -> Wish:
    security = (
        Security.IMPLICIT
        if connection.use_ssl
        else Security.STARTTLS
        if connection.use_tls
        else Security.NONE
    )
    return Wish(connection.host, connection.port, security, logs_in=bool(connection.username))


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


def _judge_records(
    publication: Publication, sources: list[str], look_up: LookUp, *, are_certain: bool
) -> Iterator[Finding]:
    try:
        sender = encode_address(publication.sender_email)
    except BadAddress:
        yield error(
            "sender.bad",
            f"不能用「{publication.sender_email}」作寄件電郵。",
            "沒有郵件伺服器會接受。",
            "請在「刊物資料」更正寄件電郵。",
        )
        return
    domain = sender.rpartition("@")[2]
    keys = [name_key(selector, domain) for selector in settings.DKIM_SELECTORS]
    # Bounces come back to the sender: the messages' own address is the envelope's too.
    yield from judge_spf(sender, sources, look_up, are_certain=are_certain)
    yield from judge_dkim(keys, look_up)
    domains = Domains(domain, domain, [find_signing_domain(key) for key in keys])
    yield from judge_dmarc(domains, look_up)
    for source in sources:
        yield from judge_reverse(source, look_up)
    replies = publication.reply_to.rpartition("@")[2]
    for receiver in dict.fromkeys([domain, replies or domain]):
        yield from judge_mail_hosts(receiver, look_up)
