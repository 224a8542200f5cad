"""Staff, and the telephones in their pockets."""

import time

from django.contrib.auth.models import User
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from cma_site.second_factor import renew_recovery_codes

PASSWORD = "lion-rock-1841"


def make_staff(username: str = "chan", **fields) -> User:
    defaults = {"is_staff": True, "is_superuser": True, "email": f"{username}@example.com"}
    return User.objects.create_user(username, password=PASSWORD, **defaults | fields)


def give_telephone(user: User) -> TOTPDevice:
    return TOTPDevice.objects.create(user=user, name="驗證程式")


def give_recovery_codes(user: User) -> list[str]:
    return renew_recovery_codes(user)


def read_code(telephone: TOTPDevice, steps: int = 0) -> str:
    """What the telephone shows now, or so many half minutes later."""
    return calculate_code(telephone.bin_key, steps)


def calculate_code(key: bytes, steps: int = 0) -> str:
    totp = TOTP(key)
    totp.time = time.time() + 30 * steps
    return f"{totp.token():06}"
