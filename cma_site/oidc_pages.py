"""The way to the provider and back, under `/admin/`, where only ADMIN_NETWORKS come."""

import logging
from typing import Any

import jwt
import requests
from django.contrib import admin, auth
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache
from mozilla_django_oidc.views import (
    OIDCAuthenticationCallbackView,
    OIDCAuthenticationRequestView,
)

from briefings.clients import count_asking
from cma_site.oidc import FindsEndpoints, LoginRefused, ProviderFailed

logger = logging.getLogger(__name__)

# Each asking leaves a session, and lets a server be asked: times a minute, for each client.
ASKED_BY_CLIENT = 60
# What a provider may call an error (RFC 6749, OpenID Connect Core); another name may be anybody's.
ERRORS = {
    "access_denied",
    "account_selection_required",
    "consent_required",
    "interaction_required",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "login_required",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
}


class TellsWhyNot:
    """Whatever goes wrong on the way is told on a page, and in the log without naming anybody."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        except LoginRefused as refused:
            return tell_why_not(request, refused)
        except (jwt.PyJWTError, SuspiciousOperation) as error:
            return tell_why_not(
                request,
                LoginRefused(
                    "機構的登入服務送來的資料核對不符，為安全起見沒有登入。請再試一次；仍然不行，請通知系統管理員。",
                    logged=f"the ID token is not good ({type(error).__name__}: {error})",
                ),
            )
        except ProviderFailed as failed:
            return tell_trouble(request, str(failed))
        except requests.RequestException as error:
            return tell_trouble(request, describe_failure(error))
        return answer


class AskProviderView(TellsWhyNot, FindsEndpoints, OIDCAuthenticationRequestView):
    def get(self, request: HttpRequest) -> HttpResponse:
        if count_asking("provider-login", request, 60) > ASKED_BY_CLIENT:
            raise LoginRefused(
                "登入得太頻密，請過一分鐘再試。", logged="one client asks too often", status=429
            )
        answer: HttpResponse = super().get(request)
        return answer


class CallbackView(TellsWhyNot, OIDCAuthenticationCallbackView):
    def get(self, request: HttpRequest) -> HttpResponse:
        """Nothing is done for who didn't set out from here, logging out included."""
        if request.GET.get("state") not in request.session.get("oidc_states", {}):
            raise LoginRefused(
                "這次登入已經過期，或已經用過。請回到登入頁重新開始。",
                logged="the state is not one of this session's",
                status=400,
            )
        answer: HttpResponse = super().get(request)
        return answer

    def login_failure(self) -> HttpResponse:
        error = self.request.GET.get("error")
        raise LoginRefused(
            "機構的登入服務沒有讓你登入，或登入中途取消了。",
            logged=f"the provider said {error if error in ERRORS else 'no error that is known'}",
        )

    def login_success(self) -> HttpResponse:
        """Anew for whoever is logged in already: by which way they came decides if the code is
        asked. Where to is read first, as another's session is emptied.
        """
        onward = self.success_url
        auth.login(self.request, self.user)
        return HttpResponseRedirect(onward)  # `redirect` would take a word for a page's name


def tell_why_not(request: HttpRequest, refused: LoginRefused) -> HttpResponse:
    logger.warning("A login by the provider was refused: %s", refused.logged)
    context = {
        **admin.site.each_context(request),
        "title": "未能以機構帳戶登入",
        "told": str(refused),
    }
    return render(request, "admin/provider_login_refused.html", context, status=refused.status)


def tell_trouble(request: HttpRequest, what: str) -> HttpResponse:
    trouble = "機構的登入服務暫時沒有正常回應，不是你的錯。請過一會再試。"
    # Not 502: proxies put a page of their own in its place.
    return tell_why_not(
        request, LoginRefused(trouble, logged=f"the provider failed. {what}", status=503)
    )


def describe_failure(error: requests.RequestException) -> str:
    """Not the error's own words, which quote the answer, and in it perhaps a person."""
    where = error.request.url if error.request else "?"
    if error.response is None:
        return f"{where}: {type(error).__name__}"
    return f"{where} answered {error.response.status_code} {_read_error(error.response)}".strip()


def _read_error(response: requests.Response) -> str:
    try:
        answer = response.json()
    except requests.JSONDecodeError:
        return ""
    said = answer.get("error") if isinstance(answer, dict) else None
    return said if isinstance(said, str) and said in ERRORS else ""


urlpatterns = [
    path("", never_cache(AskProviderView.as_view()), name="oidc_authentication_init"),
    path("callback/", never_cache(CallbackView.as_view()), name="oidc_authentication_callback"),
]
