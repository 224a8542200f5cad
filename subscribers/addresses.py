"""What an e-mail address must be for mail to be sent to it."""

from email.errors import MessageError
from email.headerregistry import Address

from django.core.exceptions import ValidationError
from django.core.validators import validate_email


class BadAddress(ValueError):
    """No header can be written with this address, today or later."""


def encode_address(email: str) -> str:
    """In ASCII, as the relay is told it. Raises BadAddress.

    An address that may be typed need not be one that can be sent: in IDNA (RFC 3490) a label is
    empty or too long, or a wide ＠ becomes an @; and between headers and relay what is quoted or
    looks encoded would become another address.
    """
    local, _, domain = email.rpartition("@")
    try:
        encoded = f"{local}@{domain.encode('idna').decode('ascii')}"
        validate_email(encoded)
        read_back = Address(addr_spec=encoded).addr_spec
    except (ValidationError, ValueError, IndexError, MessageError) as error:
        raise BadAddress(f"不能寄信到這個地址：{email}") from error
    if read_back != encoded:
        raise BadAddress(f"不能寄信到這個地址：{email}")
    return encoded


def validate_address(email: str) -> None:
    """Beside an EmailField's own validator, whose complaints it doesn't repeat."""
    try:
        validate_email(email)
    except ValidationError:
        return
    try:
        encode_address(email)
    except BadAddress as error:
        raise ValidationError("我們無法寄信到這個地址，請檢查有否打錯。") from error
