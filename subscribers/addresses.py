"""What an e-mail address must be for mail to be sent to it, and how it is written."""

from email.errors import MessageError
from email.headerregistry import Address

from django.core.exceptions import ValidationError
from django.core.validators import validate_email as validate_typed
from django.utils.translation import gettext_lazy as _
from email_validator import EmailNotValidError, ValidatedEmail, validate_email


class BadAddress(ValueError):
    """No header can be written with this address, today or later."""


def normalise_email(email: str) -> str:
    """One way to write each: the domain in lower case, in Unicode and not Punycode, all of it in
    NFC. What stands before the @ is else its owner's business (RFC 5321). Of what is no address
    only the domain's case is changed.
    """
    try:
        return _read(email.strip()).normalized
    except EmailNotValidError:
        local, at, domain = email.strip().rpartition("@")
        return f"{local}{at}{domain.lower()}"


def encode_address(email: str) -> str:
    """In ASCII, as the relay is told it (IDNA 2008). Raises BadAddress.

    An address that may be typed need not be one that can be sent: a label is empty or too long, or
    a wide ＠ becomes an @; and between headers and relay what looks encoded would become another
    address. What stands before the @ must be ASCII, since few relays take anything else.
    """
    try:
        encoded = _read(email).ascii_email
        read_back = Address(addr_spec=encoded).addr_spec
    except (EmailNotValidError, ValueError, IndexError, MessageError) as error:
        raise BadAddress(f"不能寄信到這個地址：{email}") from error
    if encoded is None or read_back != encoded:
        raise BadAddress(f"不能寄信到這個地址：{email}")
    return encoded


def validate_address(email: str) -> None:
    """Beside an EmailField's own validator, whose complaints it doesn't repeat."""
    try:
        validate_typed(email)
    except ValidationError:
        return
    try:
        encode_address(email)
    except BadAddress as error:
        raise ValidationError(_("我們無法寄信到這個地址，請檢查有否打錯。")) from error


def _read(email: str) -> ValidatedEmail:
    """Asks no server: an address is not refused because a DNS server is away."""
    return validate_email(email, check_deliverability=False, allow_smtputf8=False, strict=True)
