"""The code after the password: a telephone that makes one every half minute, and recovery codes.

django-otp keeps the secret, counts failures (each doubles the wait) and takes no code twice.
"""

import base64
import time
from binascii import unhexlify
from datetime import datetime
from io import BytesIO
from math import ceil
from urllib.parse import quote, urlencode

import qrcode
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django_otp import verify_token
from django_otp.models import Device
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from qrcode.image.svg import SvgPathImage

from briefings.models import Publication

RECOVERY_CODES = 10


class CodeRefused(Exception):
    """Says why in the words of the page."""


def has_telephone(user: User | AnonymousUser) -> bool:
    return bool(user.pk) and TOTPDevice.objects.filter(user_id=user.pk, confirmed=True).exists()


def has_passed(request: HttpRequest) -> bool:
    """Whether this session may go to the desk: by a code, or because none is asked of the user."""
    if request.user.is_verified():  # type: ignore[union-attr]
        return True
    if settings.OIDC_SECOND_FACTOR and came_by_provider(request):
        return True
    return not settings.REQUIRE_TOTP and not has_telephone(request.user)


def came_by_provider(request: HttpRequest) -> bool:
    return request.session.get(BACKEND_SESSION_KEY) == settings.OIDC_BACKEND


def check_code(user: User, typed: str) -> Device:
    """The device that knows this code, which is then used up. Raises CodeRefused."""
    code = "".join(typed.split()).replace("-", "").lower()
    is_from_telephone = code.isascii() and code.isdigit()
    model = TOTPDevice if is_from_telephone else StaticDevice
    device = model.objects.filter(user=user, confirmed=True).first()
    if device is None:
        raise CodeRefused("驗證碼不正確。")
    is_allowed, why_not = device.verify_is_allowed()
    if not is_allowed:
        raise CodeRefused(f"錯誤次數過多，{describe_wait(why_not['locked_until'])}後才可再試。")
    verified = verify_token(user, device.persistent_id, code)
    if verified is None:
        raise CodeRefused(
            "驗證碼不正確。每個碼只可用一次，請等程式顯示下一個。"
            if is_from_telephone
            else "備用碼不正確，或已經用過。"
        )
    return verified


def make_secret() -> str:
    """A new telephone's, in hexadecimal; kept in the session of whoever sets it up until proven.

    In a row of its own it would be shown to whoever else logs in with that password meanwhile.
    """
    secret: str = TOTPDevice._meta.get_field("key").get_default()
    return secret


def enrol(user: User, secret: str, typed: str) -> tuple[TOTPDevice, list[str]]:
    """In place of whatever telephone there was, with new recovery codes. Raises CodeRefused."""
    code = "".join(typed.split())
    totp = TOTP(unhexlify(secret))
    totp.time = time.time()
    if not (code.isascii() and code.isdigit() and totp.verify(int(code), tolerance=1)):
        raise CodeRefused("驗證碼不正確。請確定電話的時間準確，再輸入程式現時顯示的六個數字。")
    with transaction.atomic():
        TOTPDevice.objects.filter(user=user).delete()
        # That code has been used: its time step is behind us.
        telephone = TOTPDevice.objects.create(
            user=user, name="驗證程式", key=secret, drift=totp.drift, last_t=totp.t()
        )
        return telephone, renew_recovery_codes(user)


def renew_recovery_codes(user: User) -> list[str]:
    """Ten new ones, each good for one login; those before are void.

    Their device stays the same: a session that one of them opened must not end with it.
    """
    codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        device, _ = StaticDevice.objects.get_or_create(user=user, defaults={"name": "備用碼"})
        device.throttle_reset()
        device.token_set.all().delete()
        StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
    return [f"{code[:4]}-{code[4:]}" for code in codes]


def count_recovery_codes(user: User) -> int:
    count: int = StaticToken.objects.filter(device__user=user).count()
    return count


def forget(user: User) -> bool:
    """As if never set up; False if it never was."""
    with transaction.atomic():
        deleted = [model.objects.filter(user=user).delete() for model in (TOTPDevice, StaticDevice)]
    return any(count for count, _ in deleted)


def draw_secret(user: User, secret: str) -> str:
    """The address of a picture that holds the secret, for the telephone's camera."""
    issuer = f"{Publication.load().name}編輯台".replace(":", "")
    label = quote(f"{issuer}:{user.get_username()}")
    asked = urlencode({"secret": _to_base32(secret), "issuer": issuer}, quote_via=quote)
    picture = qrcode.make(f"otpauth://totp/{label}?{asked}", image_factory=SvgPathImage, border=2)
    svg = BytesIO()
    picture.save(svg)
    return "data:image/svg+xml;base64," + base64.b64encode(svg.getvalue()).decode()


def spell_secret(secret: str) -> str:
    """In fours, to be typed by hand."""
    letters = _to_base32(secret)
    return " ".join(letters[i : i + 4] for i in range(0, len(letters), 4))


def describe_wait(until: datetime) -> str:
    seconds = max(1, ceil((until - timezone.now()).total_seconds()))
    if seconds < 60:
        return f"{seconds} 秒"
    if seconds < 3600:
        return f"{-(-seconds // 60)} 分鐘"
    return f"{-(-seconds // 3600)} 小時"


def _to_base32(secret: str) -> str:
    return base64.b32encode(unhexlify(secret)).decode()
