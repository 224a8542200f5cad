"""Logging in with the account that staff have at their organisation's provider (OpenID Connect).

mozilla-django-oidc asks the provider, and checks the nonce. Of an ID token it checks no more than
that it is signed and not expired, so the rest of what OpenID Connect Core (3.1.3.7) demands is
checked here. It opens accounts that are there already, and makes none: see
docs/decisions/0019-logging-in-by-a-provider.md.
"""

import json
from functools import lru_cache
from time import time
from typing import Any

import jwt
import requests
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.functional import lazy
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.utils import import_from_settings

from cma_site.accounts import log_about
from cma_site.models import ProviderAccount

# By public keys only: whoever knows one could otherwise sign with it as a password (HS256).
ALGORITHMS = ["RS256", "ES256"]
CLOCK_SKEW = 60  # seconds by which the provider's clock and ours may differ
DEMANDED = ["iss", "sub", "aud", "exp", "iat", "nonce"]


class LoginRefused(Exception):
    """Says why in the words of the page, and of the log: what is for that names nobody."""

    def __init__(self, told: str, *, logged: str, status: int = 403) -> None:
        super().__init__(told)
        self.logged = logged
        self.status = status


class ProviderFailed(Exception):
    """Says, for the log, what it did that it must not."""


# ------------------------------------------------------------------------------- the endpoints
def find_endpoint(name: str) -> str:
    """As the provider's own description names it. Raises ProviderFailed or RequestException."""
    # For an hour: whoever moves an endpoint lets the old one run on for longer.
    address = _read_description(settings.OIDC_ISSUER, int(time()) // 3600).get(name)
    if not isinstance(address, str) or not address.startswith(("https://", "http://")):
        raise ProviderFailed(f"Its description names no {name}")
    if settings.OIDC_ISSUER.startswith("https:") and not address.startswith("https:"):
        raise ProviderFailed(f"Its {name} is not reached by HTTPS")
    return address


@lru_cache(maxsize=1)
def _read_description(issuer: str, hour: int) -> dict[str, Any]:  # noqa: ARG001  (how long it is kept)
    address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    answer = requests.get(address, timeout=settings.OIDC_TIMEOUT)
    answer.raise_for_status()
    description = answer.json()
    if not isinstance(description, dict) or description.get("issuer") != issuer:
        raise ProviderFailed("Its description is of another issuer than OIDC_ISSUER")
    return description


# The library reads them when it makes a backend, which Django does at each question of what
# somebody may do. The provider is asked no sooner than one is used.
_find_when_used = lazy(find_endpoint, str)
_ENDPOINTS = {
    f"OIDC_OP_{ours}_ENDPOINT": _find_when_used(theirs)
    for ours, theirs in {
        "AUTHORIZATION": "authorization_endpoint",
        "TOKEN": "token_endpoint",
        "USER": "userinfo_endpoint",
        "JWKS": "jwks_uri",
    }.items()
}


class FindsEndpoints:
    @staticmethod
    def get_settings(attr: str, *args: Any) -> Any:
        """The library's settings; the endpoints among them are found by the issuer."""
        return _ENDPOINTS[attr] if attr in _ENDPOINTS else import_from_settings(attr, *args)


# --------------------------------------------------------------------------------- the backend
class ProviderBackend(FindsEndpoints, OIDCAuthenticationBackend):
    def authenticate(
        self, request: HttpRequest | None, nonce: str | None = None, **kwargs: Any
    ) -> User | None:
        """For the callback alone. Django also asks about passwords, at whose address a stranger
        could write a code and a state that nobody has checked.
        """
        if nonce is None:
            return None
        return super().authenticate(request, nonce=nonce, **kwargs)  # type: ignore[no-any-return]

    def get_user(self, user_id: Any) -> User | None:
        """As a password's session: it ends when the account is closed."""
        user: User | None = ModelBackend.get_user(self, user_id)
        return user

    def get_token(self, payload: dict[str, Any]) -> dict[str, Any]:
        answer = super().get_token(payload)
        if not isinstance(answer, dict) or not isinstance(answer.get("id_token"), str):
            raise ProviderFailed("It answered a code without an ID token")
        return answer

    def retrieve_matching_jwk(self, token: str) -> jwt.PyJWK:
        """The one of its id and kind; where there is but one of that kind it needs no id."""
        answer = requests.get(self.OIDC_OP_JWKS_ENDPOINT, timeout=settings.OIDC_TIMEOUT)
        answer.raise_for_status()
        published = answer.json()
        if not isinstance(published, dict):
            raise ProviderFailed("It publishes no keys")
        header = jwt.get_unverified_header(token)
        keys = [
            key
            for key in jwt.PyJWKSet.from_dict(published).keys
            if key.algorithm_name == header.get("alg")
            and key.public_key_use != "enc"
            and header.get("kid") in (None, key.key_id)
        ]
        if len(keys) != 1:
            raise jwt.InvalidKeyError("It publishes no such key")
        return keys[0]

    def get_payload_data(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        """The claims, once it is certain that they are this issuer's, for us, and of now."""
        client = settings.OIDC_RP_CLIENT_ID
        claims = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=client,
            issuer=settings.OIDC_ISSUER,
            leeway=CLOCK_SKEW,
            options={"require": DEMANDED},
        )
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        # Of several it must name the one that asked; nor may a lone one be contradicted.
        if claims.get("azp", client if len(audiences) == 1 else None) != client:
            raise jwt.InvalidAudienceError("It was given to another client")
        if not (claims["sub"].isascii() and claims["sub"].isprintable()):
            raise jwt.exceptions.InvalidSubjectError("Its subject is none")
        return claims

    def get_userinfo(
        self, access_token: str, id_token: str, payload: dict[str, Any]
    ) -> dict[str, Any]:
        """The ID token's claims, with those that only the endpoint tells where some are missing."""
        needed = {"email", settings.OIDC_EMAIL_VERIFIED_CLAIM, *settings.OIDC_REQUIRED_CLAIMS}
        if needed <= payload.keys():
            return payload
        told = super().get_userinfo(access_token, id_token, payload)
        if not isinstance(told, dict) or told.get("sub") != payload["sub"]:
            raise ProviderFailed("It told of another person than it had logged in")
        return told | payload

    def verify_claims(self, claims: dict[str, Any]) -> bool:
        email = claims.get("email")
        if not isinstance(email, str) or not email:
            raise LoginRefused(
                "機構的登入服務沒有告訴我們你的電郵地址。請機構的系統管理員容許本站讀取。",
                logged="the provider told no address",
            )
        verified = claims.get(settings.OIDC_EMAIL_VERIFIED_CLAIM)
        if not (says(verified, "true") or says(verified, "1")):
            raise LoginRefused(
                "機構的登入服務未能證明電郵地址屬於你，所以不能以它登入。請聯絡機構的系統管理員。",
                logged=f"{settings.OIDC_EMAIL_VERIFIED_CLAIM} is not true",
            )
        for name, expected in settings.OIDC_REQUIRED_CLAIMS.items():
            if not says(claims.get(name), expected):
                raise LoginRefused(
                    "你的機構帳戶不在可以登入編輯台之列。用錯了帳戶的話，請先在機構的登入服務登出，再試一次。",
                    logged=f"{name} is not as OIDC_REQUIRED_CLAIMS has it",
                )
        return True

    def filter_users_by_claims(self, claims: dict[str, Any]) -> list[User]:
        """The one account of that address. Only ASCII letters are the same in capitals; a database
        thinks so of others too (ı and I), which are another's address. Staff are few.
        """
        email = claims["email"].encode(errors="surrogatepass").lower()
        staff = User.objects.filter(is_active=True, is_staff=True)
        found = [user for user in staff if user.email.encode().lower() == email]
        if not found:
            raise LoginRefused(
                "編輯台沒有用你機構電郵的帳戶，或該帳戶已停用。請超級用戶核對你帳戶的電郵地址；"
                "用錯了機構帳戶的話，請先在機構的登入服務登出，再試一次。",
                logged="no active staff account has that address",
            )
        if len(found) > 1:
            raise LoginRefused(
                "編輯台有多於一個帳戶用你的機構電郵，分不出哪個是你的。請超級用戶改正。",
                logged="several active staff accounts have that address",
            )
        return found

    def update_user(self, user: User, claims: dict[str, Any]) -> User:
        """Linked with the person at the provider when they first come; from then on it opens to
        nobody else, though the organisation give their address to a successor.
        """
        account, is_new = ProviderAccount.objects.get_or_create(
            user=user, issuer=settings.OIDC_ISSUER, defaults={"subject": claims["sub"]}
        )
        if is_new:
            log_about(user, by=user, said="首次以機構帳戶登入，兩個帳戶從此連結")
        elif account.subject != claims["sub"]:
            log_about(user, by=user, said="同一電郵的另一個機構帳戶想登入，被拒絕")
            raise LoginRefused(
                "你的編輯台帳戶已與另一個機構帳戶連結。機構若為你開了新帳戶，請超級用戶解除舊的連結。",
                logged="the account is linked with another subject",
            )
        return user


def says(claim: Any, expected: str) -> bool:
    """Whether a claim, or one of a list, is that; what is no text as JSON writes it."""
    said = claim if isinstance(claim, list) else [claim]
    return expected in [one if isinstance(one, str) else json.dumps(one) for one in said]
