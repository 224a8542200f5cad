"""The one place that builds messages; it alone knows headers."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.encoders import encode_base64
from email.header import Header, decode_header
from email.headerregistry import Address
from email.utils import format_datetime, make_msgid
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import escape

from briefings.contexts import absolute_url
from briefings.languages import LANGUAGES
from briefings.models import Publication
from subscribers.addresses import encode_address
from subscribers.bounces.envelopes import make_return_path
from subscribers.links import CONFIRM_WITHIN, ERASE_WITHIN, Purpose, make_url
from subscribers.models import (
    CHANGE_GOOD_FOR,
    LOGIN_LINK_GOOD_FOR,
    AddressChange,
    AttachedPDF,
    Delivery,
    Digest,
    LoginLink,
    Mailing,
    Member,
)
from subscribers.variants import DEFAULT, Script, Variant

# Base64 has no "_", so no part can contain it; random ones would make each building differ.
BOUNDARY = "=_policy_commentary_="

# Of the parts within, none of which may begin with another.
INNER_BOUNDARY = "=_policy_part_{}_="

# An entrance may lead to a place in its edition: [[enter:entry-2]]; and a link to the page in a
# language: [[/en/preferences]].
_PREFIXES = "|".join(re.escape(language.prefix) for language in LANGUAGES if language.prefix)
SLOT = re.compile(
    rf"\[\[(?:({_PREFIXES})/)?"
    r"(?:(greeting|salutation|preferences|unsubscribe|mail|pdf-(?:hant|hans|en))"
    r"|(enter)(?::([\w-]+))?)\]\]"
)
_OWN_MESSAGE_ID = re.compile(r"<?m\d{1,18}\.d(\d{1,18})\.[0-9a-f]+@", re.ASCII | re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


# The links in a copy, each a slot, by whose key is in them.
OF_MEMBER = (Purpose.PREFERENCES, Purpose.UNSUBSCRIBE)
OF_DELIVERY = (Purpose.MAIL, Purpose.ENTER)


class PDFLost(Exception):
    """What is to be attached can't be read, or is no longer what was mailed to others."""


class Message(EmailMultiAlternatives):
    """Text and HTML, both in Base64, which for Chinese is half of what quoted-printable takes.

    The same attributes give the same bytes.
    """

    def message(self, *args: Any, **kwargs: Any) -> Any:  # Django 6 hands in a policy
        message = super().message(*args, **kwargs)
        _set_boundaries(message)
        # Folded at 78, a List-Unsubscribe would begin with an empty line.
        message.policy = message.policy.clone(max_line_length=998)
        for name in ("Subject", "From", "To"):
            message.replace_header(name, _fold(name, message[name]))
        for part in message.walk():
            if part.get_content_maintype() == "text":  # any other part is in Base64 by now
                _encode_in_base64(part)
        return message


def build_message(delivery: Delivery, digest: Digest, mailing: Mailing) -> Message:
    """One member's copy. Built again it has the same bytes, Date and Message-ID included.

    Headers by RFC 2369 and 8058 (unsubscribing), 2919 (List-Id), 3834 (no automatic answers).
    Raises BadAddress or PDFLost.
    """
    pdf = find_attached_pdf(digest)
    slots = make_slots(delivery) | word_pdf(pdf)
    text, html = fill_digest(digest, slots)
    personal = Personal(
        to=write_address(delivery.name, delivery.email),
        message_id=make_message_id(delivery.pk, mailing),
        unsubscribe=slots["unsubscribe"],
    )
    message = write_message(digest, mailing, personal, text, html)
    message.from_email = make_return_path(delivery.pk) or mailing.sender_email
    message.to = [delivery.email]
    return message


@dataclass(frozen=True)
class Personal:
    """What the headers of one member's copy have of their own."""

    to: str
    message_id: str
    unsubscribe: str


def write_message(
    digest: Digest, mailing: Mailing, personal: Personal, text: str, html: str
) -> Message:
    """A member's copy but for its envelope. Raises PDFLost."""
    domain = mailing.sender_email.rpartition("@")[2]
    message = Message(
        subject=one_line(digest.subject),
        body=text,
        reply_to=[mailing.reply_to] if mailing.reply_to else None,
        headers={
            **_make_esp_header(personal.message_id),
            "From": write_address(mailing.sender_name, mailing.sender_email),
            "To": personal.to,
            "Date": format_datetime(timezone.localtime(mailing.opened_at)),
            "Message-ID": personal.message_id,
            "List-Id": f"<members.{domain}>",
            "List-Unsubscribe": f"<{personal.unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
            "Precedence": "bulk",
            "Feedback-ID": make_feedback_id(mailing),
        },
    )
    message.attach_alternative(html, "text/html")
    if pdf := find_attached_pdf(digest):
        attach_pdf(message, pdf)
    return message


def build_confirmation(member: Member) -> Message:
    """The answer to a wish to join: a link to confirm or, for a member, one to the preferences.

    Only a member is called by name. Before that the name may be anything, typed by anybody, which
    we would carry to an address of their choice.
    """
    name = member.name if member.is_active else ""
    purpose = Purpose.PREFERENCES if member.is_active else Purpose.CONFIRM
    notice = "already_member" if member.is_active else "confirm"
    to = Recipient(member.email, name, member.variant)
    url = make_url(purpose, member.pk, to.variant.page_language)
    return _build_notice(notice, to, url, days=CONFIRM_WITHIN.days)


def build_login(member: Member, link: LoginLink) -> Message:
    """The link to log in by, for a member who asked. Raises BadAddress."""
    minutes = LOGIN_LINK_GOOD_FOR // timedelta(minutes=1)
    url = make_url(Purpose.LOGIN, link.pk, member.variant.page_language)
    return _build_notice("login", _address(member), url, minutes=minutes)


def build_address_confirmation(change: AddressChange) -> Message:
    """To the new address. It calls nobody by name: whose the address is, it is to show."""
    to = Recipient(change.new_email, "", change.member.variant)
    url = make_url(Purpose.MOVE, change.pk, to.variant.page_language)
    return _build_notice("move", to, url, days=CHANGE_GOOD_FOR.days)


def build_address_notice(change: AddressChange) -> Message:
    """To the old address, with the link that takes the change back."""
    to = Recipient(change.old_email, change.member.name, change.member.variant)
    url = make_url(Purpose.KEEP, change.pk, to.variant.page_language)
    words = {"days": CHANGE_GOOD_FOR.days, "new_email": change.new_email}
    return _build_notice("keep", to, url, **words)


def build_personal_data(member: Member, data: str) -> Message:
    """With all that we hold of them, as JSON."""
    url = make_url(Purpose.PREFERENCES, member.pk, member.variant.page_language)
    message = _build_notice("personal_data", _address(member), url)
    message.attach("personal-data.json", data, "application/json")
    return message


def build_erase(member: Member) -> Message:
    """The link by which a member has all of it deleted."""
    url = make_url(Purpose.ERASE, member.pk, member.variant.page_language)
    return _build_notice("erase", _address(member), url, hours=ERASE_WITHIN // timedelta(hours=1))


@dataclass(frozen=True)
class Recipient:
    """Of a notice."""

    email: str
    name: str
    variant: Variant


@dataclass(frozen=True)
class Wording:
    """What a notice says, in one language."""

    tag: str  # of the language, as `lang` has it
    subject: str
    message: str
    button: str
    remark: str


def _address(member: Member) -> Recipient:
    return Recipient(member.email, member.name, member.variant)


def _build_notice(notice: str, to: Recipient, url: str, **facts: Any) -> Message:
    """A mail about one link, to one person, at once; its subject is in their first language."""
    publication, variant = Publication.load(), to.variant
    wordings = _word_notice(notice, variant, {"publication": publication, **facts})
    subject = one_line(wordings[0].subject)
    write = variant.write_line
    context = {
        "house": {
            "name": write(publication.name),
            "organisation": write(publication.organisation),
            "department": write(publication.department),
        },
        "greeting": greet(to.name) if variant.in_chinese else salute(to.name),
        "subject": subject,
        "wordings": wordings,
        "variant": variant,
        "url": url,
        "site_url": absolute_url(variant.archive_language.place("/")),
    }
    message = Message(
        subject=subject,
        body=render_to_string("subscribers/mail/notices/notice.txt", context),
        from_email=publication.sender_email,
        to=[to.email],
        reply_to=[publication.reply_to] if publication.reply_to else None,
        headers=_head(publication, to),
    )
    html = render_to_string("subscribers/mail/notices/notice.html", context)
    message.attach_alternative(html, "text/html")
    return message


def _word_notice(notice: str, variant: Variant, facts: dict[str, Any]) -> list[Wording]:
    """Each language's file has four paragraphs, in the order of a Wording's fields."""
    languages = []
    if variant.in_chinese:
        languages.append(("zh", "zh-Hans" if variant.is_simplified else "zh-Hant-HK"))
    if variant.in_english:
        languages.append(("en", "en"))
    wordings = []
    for name, tag in languages:
        words = render_to_string(f"subscribers/mail/notices/{notice}.{name}.txt", facts)
        paragraphs = map(variant.write_line, words.strip().split("\n\n"))
        wordings.append(Wording(tag, *paragraphs))
    return wordings


def build_trial(
    digest: Digest, email: str, slots: Mapping[str, str], pdf: AttachedPDF | None = None
) -> Message:
    """What a member would get, for somebody who is to look at it first: no member's copy, so it
    belongs to no list and its links lead where `slots` say. Raises BadAddress or PDFLost.
    """
    publication = Publication.load()
    text, html = fill_digest(digest, {**slots, **word_pdf(pdf)})
    message = Message(
        subject=one_line(f"【測試】{digest.subject}"),
        body=text,
        from_email=publication.sender_email,
        to=[email],
        reply_to=[publication.reply_to] if publication.reply_to else None,
        headers=_head(publication, Recipient(email, "", DEFAULT)),
    )
    message.attach_alternative(html, "text/html")
    if pdf:
        attach_pdf(message, pdf)
    return message


def find_attached_pdf(digest: Digest) -> AttachedPDF | None:
    """What a mail of this digest brings, or was to bring."""
    return digest.mailing.attached_pdf if digest.with_pdf else None


def attach_pdf(message: Message, pdf: AttachedPDF) -> None:
    """Nothing where there is only a link to it. Raises PDFLost."""
    if not pdf.is_attached:
        return
    if pdf.content is None:
        raise PDFLost(f"附件不見了，或已不是原來的檔案：{pdf.name}")
    message.attach(pdf.filename, pdf.content, "application/pdf")


def word_pdf(pdf: AttachedPDF | None) -> dict[str, str]:
    """What a mail says of it, by slot."""
    if pdf is None:
        return {}
    chinese, english = (
        render_to_string(f"subscribers/mail/edition/pdf.{language}.txt", {"pdf": pdf}).strip()
        for language in ("zh", "en")
    )
    simplified = Variant(Script.SIMPLIFIED).write_line(chinese)
    return {"pdf-hant": chinese, "pdf-hans": simplified, "pdf-en": english}


def _head(publication: Publication, to: Recipient) -> dict[str, str]:
    """Of a mail to one person."""
    return {
        "From": write_address(publication.sender, publication.sender_email),
        "To": write_address(to.name, to.email),
        "Date": format_datetime(timezone.localtime()),
        "Message-ID": make_msgid(domain=publication.sender_email.rpartition("@")[2]),
        "Auto-Submitted": "auto-generated",
    }


def make_message_id(delivery_id: int, mailing: Mailing) -> str:
    """The same for every copy of a delivery.

    The time of opening is in it because mail programs drop a message whose ID they have seen, and
    a database that was set up anew counts its rows from 1 again.
    """
    return prepare_message_ids(mailing)(delivery_id)


def prepare_message_ids(mailing: Mailing) -> Callable[[int], str]:
    """What gives what `make_message_id` does, for who makes thousands."""
    domain = mailing.sender_email.rpartition("@")[2]
    opened = int(mailing.opened_at.timestamp())
    start, end = f"<m{mailing.pk}.d", f".{opened:x}@{domain}>"
    return lambda delivery_id: f"{start}{delivery_id}{end}"


def make_feedback_id(mailing: Mailing) -> str:
    """By which Gmail's Postmaster Tools count complaints: the mailing, its kind, and the sender.

    The last part must be the same in all our mail and nobody else's, of 5 to 15 characters.
    """
    domain = mailing.sender_email.rpartition("@")[2]
    return f"m{mailing.pk}:{mailing.kind}:members:{sha256(domain.encode()).hexdigest()[:12]}"


def _make_esp_header(message_id: str) -> dict[str, str]:
    """By which services that put an ID of their own in its place give ours back in their events.

    Amazon SES tells the headers as we wrote them, Mailgun and SendGrid keep our Message-ID.
    """
    ours = {"message_id": message_id}
    headers = {
        "brevo": {"X-Mailin-custom": json.dumps(ours)},
        "mailjet": {"X-MJ-EventPayload": json.dumps(ours)},
        "postmark": {"X-PM-Metadata-message-id": message_id.strip("<>")},
        "sparkpost": {"X-MSYS-API": json.dumps({"metadata": ours})},
    }
    return headers.get(settings.ESP, {})


def read_message_id(message_id: str) -> int | None:
    """The key of the delivery that it names. It isn't signed: anybody can make one up."""
    named = _OWN_MESSAGE_ID.match(message_id)
    return int(named[1]) if named else None


def make_slots(delivery: Delivery) -> dict[str, str]:
    """What fills a digest's slots in this member's copy. A deleted member's links open, kindly."""
    member_id = delivery.member_id or 0
    return {
        "greeting": greet(delivery.name),
        "salutation": salute(delivery.name),
        **{purpose.value: make_url(purpose, member_id) for purpose in OF_MEMBER},
        **{purpose.value: make_url(purpose, delivery.pk) for purpose in OF_DELIVERY},
    }


def greet(name: str) -> str:
    line = one_line(name)
    return f"{line}，您好：" if line else "您好："


def salute(name: str) -> str:
    line = one_line(name)
    return f"Dear {line}," if line else "Hello,"


def fill_digest(digest: Digest, slots: Mapping[str, str]) -> tuple[str, str]:
    """Its text and its HTML.

    Each in one pass, so that what fills a slot is never itself searched for slots.
    """
    escaped = {slot: escape(value) for slot, value in slots.items()}
    text = SLOT.sub(lambda slot: fill_slot(slot, slots), digest.text)
    html = SLOT.sub(lambda slot: fill_slot(slot, escaped), digest.html)
    return text, html


def fill_slot(slot: re.Match[str], values: Mapping[str, str]) -> str:
    """What stands in its place. The "#" of a preview leads to no place and no language either."""
    prefix, place, name = slot[1] or "", slot[4], slot[2] or slot[3]
    value = values.get(name, slot[0])  # of no use to this mail: somebody wrote it into a text
    if value in ("#", slot[0]):
        return value
    if prefix:
        site = absolute_url("")
        value = f"{site}{prefix}{value.removeprefix(site)}"
    return f"{value}?to={place}" if place else value


def write_address(name: str, email: str) -> str:
    """`name <email>`, quoted where it must be; the name in Unicode, which Django encodes.

    Raises BadAddress.
    """
    address = encode_address(email)
    line = one_line(name)
    if "=?" in line:
        # It looks encoded (RFC 2047): decoded on the way or at its end, it could hold line ends.
        return f"{Header(line, 'utf-8').encode(linesep='')} <{address}>"
    return str(Address(display_name=line, addr_spec=address))


def one_line(value: str) -> str:
    """Without line ends and control characters, which could begin another header."""
    if value.isalnum():  # as most names are
        return value
    return _CONTROLS.sub(" ", value).strip()


def _fold(name: str, value: str) -> str:
    """The same value in encoded words of at most 75 characters and lines of 76 (RFC 2047, 2).

    Django counts neither the name of the header nor the space that begins a line.
    """
    if "=?" not in value:
        return value
    header = Header(maxlinelen=75, header_name=name)
    for words, charset in decode_header(value):
        text = words if isinstance(words, str) else words.decode(charset or "ascii")
        header.append(text, "utf-8" if charset else "us-ascii")
    return header.encode()


def _set_boundaries(message: Any) -> None:
    containers = [part for part in message.walk() if part.is_multipart()]
    message.set_boundary(BOUNDARY)
    for number, part in enumerate(containers[1:], start=1):
        part.set_boundary(INNER_BOUNDARY.format(number))


def _encode_in_base64(part: Any) -> None:
    text = part.get_payload(decode=True)
    del part["Content-Transfer-Encoding"]
    # Text is sent with CRLF (RFC 2046, 4.1.1); inside Base64 no mail server would mend it.
    part.set_payload(text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    encode_base64(part)
