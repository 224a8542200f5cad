"""Who saved a thing last, and not writing over it unasked."""

from datetime import datetime
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.forms import ModelForm, ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format

from briefings.history import name_person
from briefings.models import Edition, Entry, Volume

_SEEN = "_updated_at"


def person_at(request: HttpRequest) -> User:
    """The desk is for those who have logged in; Django's types don't know that."""
    return cast(User, request.user)


def show_time(moment: datetime) -> str:
    """The hour alone if it is of today."""
    local = timezone.localtime(moment)
    is_today = local.date() == timezone.localdate()
    return f"{local:%H:%M}" if is_today else date_format(local, "n月j日 H:i")


def tell_last_save(thing: Entry | Edition | Volume) -> str:
    """Who saved it last and when, as far as the desk's log knows."""
    kind = ContentType.objects.get_for_model(thing)
    logs = LogEntry.objects.filter(content_type=kind, object_id=str(thing.pk))
    last = logs.select_related("user").order_by("-action_time", "-pk").first()
    if last is None:
        return f"有人在 {show_time(thing.updated_at)} 儲存過"
    return f"{name_person(last.user)}在 {show_time(last.action_time)} 儲存過"


class StopsStaleSaves(admin.ModelAdmin):
    """A form knows how new its row was when it was opened. Saved over something newer, it is shown
    again with what was filled in; sent once more, it is meant.

    Rows within the form are not shown again as they were sent: some may be elsewhere by now.
    """

    shown_anew = ""  # which rows those are, for who reads the refusal

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """For a POST, called with the row locked: see `hold_for_post`."""
        thing = self.get_object(request, unquote(object_id)) if object_id else None
        if thing is None:
            return super().changeform_view(request, object_id, form_url, extra_context)
        now = thing.updated_at.isoformat()
        if request.POST.get(_SEEN, now) != now:
            request.saved_meanwhile = tell_last_save(thing)  # type: ignore[attr-defined]
        context = {"updated_at": now} | (extra_context or {})
        return super().changeform_view(request, object_id, form_url, context)

    def get_form(
        self,
        request: HttpRequest,
        obj: Any = None,
        change: bool = False,  # noqa: FBT001, FBT002  (Django's signature)
        **kwargs: Any,
    ) -> type[ModelForm]:
        form_class = super().get_form(request, obj, change, **kwargs)
        told: str | None = getattr(request, "saved_meanwhile", None)
        return form_class if told is None else _refuse(form_class, told, self.shown_anew)

    def get_formset_kwargs(self, request: HttpRequest, *args: Any) -> dict[str, Any]:
        given: dict[str, Any] = super().get_formset_kwargs(request, *args)
        if hasattr(request, "saved_meanwhile"):
            given = {name: value for name, value in given.items() if name not in ("data", "files")}
        return given


def _refuse(form_class: type[ModelForm], told: str, shown_anew: str) -> type[ModelForm]:
    class RefusedForm(form_class):  # type: ignore[misc, valid-type]
        def clean(self) -> dict[str, Any] | None:
            super().clean()
            raise ValidationError(
                f"在你打開這一頁之後，{told}，所以你的修改未有儲存。你填的仍在下面{shown_anew}。"
                "看清楚再按儲存，便以你填的為準。"
            )

    return RefusedForm
