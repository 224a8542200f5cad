"""兩步驗證: the pages where the code is asked for, set up, replaced and turned off."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, cast

import django_otp
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice

from cma_site.accounts import log_about
from cma_site.second_factor import (
    CodeRefused,
    check_code,
    count_recovery_codes,
    draw_secret,
    enrol,
    forget,
    has_passed,
    has_telephone,
    make_secret,
    renew_recovery_codes,
    spell_secret,
)
from cma_site.sessions import end_sessions

View = Callable[[HttpRequest], HttpResponse]

SECRET = "second_factor_secret"  # noqa: S105  (its name in the session)
MAY_REPLACE_UNTIL = "second_factor_may_be_replaced_until"
TIME_TO_REPLACE = timedelta(minutes=15)


class CodeForm(forms.Form):
    code = forms.CharField(
        label="驗證碼",
        max_length=20,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autocapitalize": "none",
                "spellcheck": "false",
                "class": "vTextField code",
            }
        ),
        error_messages={"required": "請輸入驗證碼。"},
    )


def for_staff_after_password(view: View) -> View:
    """Pages between the password and the desk."""

    @never_cache
    @csrf_protect
    @sensitive_post_parameters("code")
    @wraps(view)
    def show(request: HttpRequest) -> HttpResponse:
        if not (request.user.is_active and request.user.is_staff):  # type: ignore[union-attr]
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        return view(request)

    return show


def find_next_step(request: HttpRequest, onward: str) -> str | None:
    """Where who has given the password must go before `onward`; None if they may go on."""
    if has_passed(request):
        return None
    page = "admin:two_step_code" if has_telephone(request.user) else "admin:two_step_setup"
    return f"{reverse(page)}?{urlencode({'next': onward})}"


@for_staff_after_password
def ask_code(request: HttpRequest) -> HttpResponse:
    user = _get_user(request)
    if has_passed(request):
        return _go_on(request)
    if not has_telephone(user):
        return redirect(f"{reverse('admin:two_step_setup')}?{request.GET.urlencode()}")
    form = CodeForm(request.POST or None)
    form.fields["code"].widget.attrs["autofocus"] = True
    if device := _check(form, user):
        _open(request, device)
        if isinstance(device, StaticDevice):
            left = count_recovery_codes(user)
            log_about(user, by=user, said="以備用碼登入")
            messages.warning(request, f"已用去一個備用碼，尚餘 {left} 個。電話遺失了？請更換電話。")
            return redirect("admin:two_step")
        return _go_on(request)
    return _render(request, "code", "輸入驗證碼", {"form": form})


@for_staff_after_password
def set_up(request: HttpRequest) -> HttpResponse:
    user = _get_user(request)
    is_replacing = has_telephone(user)
    if is_replacing and not (has_passed(request) and _may_replace(request)):
        return redirect("admin:two_step")
    secret = request.session.setdefault(SECRET, make_secret())
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            device, codes = enrol(user, secret, form.cleaned_data["code"])
        except CodeRefused as refused:
            form.add_error("code", str(refused))
        else:
            for key in (SECRET, MAY_REPLACE_UNTIL):
                request.session.pop(key, None)
            _open(request, device)
            log_about(user, by=user, said="更換了驗證程式" if is_replacing else "設立了兩步驗證")
            return _show_codes(request, codes)
    extra = {
        "form": form,
        "picture": draw_secret(user, secret),
        "letters": spell_secret(secret),
        "is_required": settings.REQUIRE_TOTP,
    }
    return _render(request, "setup", "設立兩步驗證", extra)


def show_overview(request: HttpRequest) -> HttpResponse:
    """What there is, and what may be done with a fresh code; within the desk."""
    user = _get_user(request)
    form = CodeForm(request.POST or None)
    act = ACTIONS.get(request.POST.get("action", ""))
    if request.method == "POST" and act and _check(form, user):
        return act(request, user)
    extra = {
        "form": form,
        "has_telephone": has_telephone(user),
        "codes_left": count_recovery_codes(user),
        "is_required": settings.REQUIRE_TOTP,
    }
    return _render(request, "overview", "兩步驗證", extra)


def log_out_everywhere(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return redirect("admin:two_step")
    user = _get_user(request)
    log_about(user, by=user, said="登出了所有裝置")
    end_sessions(user)
    request.session.flush()
    return redirect("admin:login")


def _replace(request: HttpRequest, user: User) -> HttpResponse:  # noqa: ARG001
    request.session[MAY_REPLACE_UNTIL] = (timezone.now() + TIME_TO_REPLACE).timestamp()
    request.session.pop(SECRET, None)
    return redirect("admin:two_step_setup")


def _renew(request: HttpRequest, user: User) -> HttpResponse:
    codes = renew_recovery_codes(user)
    log_about(user, by=user, said="更換了備用碼")
    return _show_codes(request, codes)


def _turn_off(request: HttpRequest, user: User) -> HttpResponse:
    if settings.REQUIRE_TOTP:
        messages.error(request, "本站規定使用兩步驗證，不能關閉。")
    else:
        forget(user)
        log_about(user, by=user, said="關閉了兩步驗證")
        messages.success(request, "已關閉兩步驗證，往後登入只需密碼。")
    return redirect("admin:two_step")


ACTIONS = {"replace": _replace, "renew": _renew, "turn_off": _turn_off}


def _check(form: CodeForm, user: User) -> Device | None:
    if not form.is_valid():
        return None
    try:
        return check_code(user, form.cleaned_data["code"])
    except CodeRefused as refused:
        form.add_error("code", str(refused))
        return None


def _open(request: HttpRequest, device: Device) -> None:
    """The session has passed; under a new key, as after the password."""
    request.session.cycle_key()
    django_otp.login(request, device)


def _may_replace(request: HttpRequest) -> bool:
    until: float = request.session.get(MAY_REPLACE_UNTIL, 0)
    return timezone.now().timestamp() < until


def _go_on(request: HttpRequest) -> HttpResponse:
    """`redirect` would take a word for a page's name, and fail where there is none."""
    return HttpResponseRedirect(_read_next(request))


def _read_next(request: HttpRequest) -> str:
    onward = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        onward, {request.get_host()}, require_https=request.is_secure()
    )
    return onward if is_ours else reverse("admin:index")


def _show_codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    extra = {"codes": codes, "file": "\r\n".join(codes), "onward": _read_next(request)}
    return _render(request, "recovery_codes", "備用碼", extra)


def _render(request: HttpRequest, page: str, title: str, extra: dict[str, Any]) -> HttpResponse:
    shared = {**admin.site.each_context(request), "title": title, "next": _read_next(request)}
    return render(request, f"admin/two_step/{page}.html", shared | extra)


def _get_user(request: HttpRequest) -> User:
    """Of whom the decorator, or the desk, has made sure."""
    return cast(User, request.user)
