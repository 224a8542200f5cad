"""An entry on its way to its readers: who may move it where, by which button."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_POST

from briefings.admin.base import hold_for_post
from briefings.admin.filled_forms import FillsForms
from briefings.admin.form_values import Value
from briefings.admin.panels import WithPanels
from briefings.autosaves import pick_fields
from briefings.history import name_person
from briefings.lookups import could_be_id
from briefings.models import Edition, Entry, State
from briefings.permissions import (
    APPROVE,
    Person,
    is_own,
    may_add_entries,
    may_approve,
    may_change_entry,
    may_change_some_entries,
    may_delete_entry,
    may_return,
    may_review,
    may_submit,
    may_take_back,
)
from briefings.publishing import (
    TransitionRefused,
    approve_entry,
    return_entry,
    submit_entry,
    take_back_entry,
)


@dataclass(frozen=True)
class Step:
    """A way from one state to another, as a button."""

    name: str
    label: str
    since: tuple[State, ...]
    is_open_to: Callable[[Person, Entry], bool]
    take: Callable[[Entry, Person, str], None]  # the entry, who, and the note they wrote
    outcome: str
    needs_note: bool = False


STEPS = [
    Step(
        "submit",
        "送審",
        (State.DRAFT,),
        may_submit,
        lambda entry, by, note: submit_entry(entry, by=by),  # noqa: ARG005
        "已送審，等候審批。",
    ),
    Step(
        "take_back",
        "收回",
        (State.IN_REVIEW,),
        may_take_back,
        lambda entry, by, note: take_back_entry(entry, by=by),  # noqa: ARG005
        "已收回，可以再改。",
    ),
    Step(
        "approve",
        "審批",
        (State.DRAFT, State.IN_REVIEW),
        may_approve,
        lambda entry, by, note: approve_entry(entry, by=by),  # noqa: ARG005
        "已審批，可以出版。",
    ),
    Step(
        "return",
        "退回修改",
        (State.IN_REVIEW, State.APPROVED),
        may_return,
        lambda entry, by, note: return_entry(entry, by=by, note=note),
        "已退回修改，原因列於審閱意見。",
        needs_note=True,
    ),
]


def find_step(name: str | None) -> Step:
    for step in STEPS:
        if step.name == name:
            return step
    raise Http404


def describe_standing(entry: Entry, user: Person) -> str:
    """Where an entry stands and what comes next, as this user should be told."""
    return "".join([_describe_place(entry), _describe_next(entry, user)])


def _describe_place(entry: Entry) -> str:
    return f"屬{entry.edition.label}。" if entry.edition else "待編：未放入任何一期。"


def _describe_next(entry: Entry, user: Person) -> str:
    may_decide = user.has_perm(APPROVE)
    match entry.state:
        case State.DRAFT if may_decide:
            text = "寫好後可送審，或直接審批。"
        case State.DRAFT if may_submit(user, entry):
            text = "寫好後按「送審」，交編輯審批。"
        case State.DRAFT:
            text = f"這是{name_person(entry.created_by) or '撰稿人'}的草稿，你可閱讀，不能修改。"
        case State.IN_REVIEW if may_decide:
            text = "等候審批：看過後按「審批」，或寫明原因退回修改。"
        case State.IN_REVIEW if is_own(user, entry):
            text = "已交編輯審批，暫不能修改；想再改，請先按「收回」。"
        case State.IN_REVIEW:
            text = "等候編輯審批。"
        case State.APPROVED:
            text = "已可隨該期出版。" if entry.edition else "已可放入一期出版。"
        case State.SCHEDULED if entry.edition and entry.edition.scheduled_for:
            when = date_format(timezone.localtime(entry.edition.scheduled_for), "DATETIME_FORMAT")
            text = f"將於{when}出版，文字已鎖定；要改動，請出版人先取消該期的排程。"
        case State.PUBLISHED if may_change_entry(user, entry):
            text = "讀者正在看這一篇；改動文字即是更正，須填寫更正說明，儲存後即時更新。"
        case State.PUBLISHED:
            text = "讀者正在看這一篇；要更正，請交出版人。"
        case _ if entry.withdrawn_at:
            when = date_format(timezone.localtime(entry.withdrawn_at), "DATETIME_FORMAT")
            text = f"已於{when}撤回，讀者只看到撤回說明：{entry.withdrawal_note}"
        case _:
            text = "已隨該期撤回，讀者現在看不到這一篇。"
    return text


class MineFilter(admin.SimpleListFilter):
    title = "撰稿人"
    parameter_name = "mine"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("1", "我寫的")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(created_by=request.user.pk) if self.value() else queryset


class Workflow(WithPanels, FillsForms):
    """The steps of an entry on its form and its list, and what each role may do with entries."""

    actions = ["submit_entries", "approve_entries"]

    # ------------------------------------------------------------------------------ permissions
    def has_add_permission(self, request: HttpRequest) -> bool:
        return may_add_entries(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:
        if obj is None:
            return may_change_some_entries(request.user)
        return may_change_entry(request.user, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:
        if obj is None:
            return request.user.has_perm("briefings.delete_entry")
        return may_delete_entry(request.user, obj)

    def has_submit_permission(self, request: HttpRequest) -> bool:
        return may_change_some_entries(request.user)

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(APPROVE)

    # --------------------------------------------------------------------------------- the form
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        entry = context["original"]
        seen = entry or Entry(created_by_id=request.user.pk)
        context |= {
            "steps": [step for step in STEPS if step.is_open_to(request.user, seen)],
            "standing": describe_standing(entry, request.user) if entry else "",
            "show_save_and_add_another": False,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Saving goes by what the entry is now, and gives back what came too late to be saved."""
        # The edition that it is to be put in first: that is how publishing locks them.
        with (
            hold_for_post(request, Edition, request.POST.get("edition")),
            hold_for_post(request, Entry, object_id),
        ):
            if request.method == "POST" and (entry := self._find_closed(request, object_id)):
                return self._give_back(request, entry)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        with hold_for_post(request, Entry, object_id):
            return super().delete_view(request, object_id, extra_context)

    def _find_closed(self, request: HttpRequest, object_id: str | None) -> Entry | None:
        """The entry, if the user might have changed it before it went on."""
        if object_id is None or not could_be_id(object_id):
            return None
        entry = Entry.objects.filter(pk=object_id).first()
        if entry is None or may_change_entry(request.user, entry):
            return None
        return entry if may_review(request.user, entry) else None

    def _give_back(self, request: HttpRequest, entry: Entry) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "未能儲存",
            "entry": entry,
            "standing": describe_standing(entry, request.user),
            "typed": [value for value in self._read_typed(request) if value.text or value.html],
        }
        template = "admin/briefings/entry/too_late.html"
        return TemplateResponse(request, template, context, status=409)

    def _read_typed(self, request: HttpRequest) -> list[Value]:
        """All that was filled in, as in a new entry's form: that of this one is closed to them."""
        forms = self.make_forms(request, None, pick_fields(dict(request.POST.lists())))
        values = forms.read_values()
        for name, label in [("correction_note", "更正說明"), ("_note", "退回原因")]:
            text = request.POST.get(name, "").strip()
            values.append(Value(name, label, text, text))
        return values

    def response_add(
        self, request: HttpRequest, obj: Entry, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._go_on(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Entry) -> HttpResponse:
        return self._go_on(request, obj) or super().response_change(request, obj)

    def _go_on(self, request: HttpRequest, entry: Entry) -> HttpResponse | None:
        """After saving, the step whose button sent the form."""
        if "_step" not in request.POST:
            return None
        messages.success(request, f"已儲存「{entry}」。")
        self._take(request, entry, find_step(request.POST["_step"]))
        return redirect("admin:briefings_entry_change", entry.pk)

    # ------------------------------------------------------------------- steps without the form
    def get_urls(self) -> list[URLPattern]:
        view = require_POST(self.admin_site.admin_view(self.take_step))
        return [path("<int:entry_id>/step/", view, name="entry_step"), *super().get_urls()]

    def take_step(self, request: HttpRequest, entry_id: int) -> HttpResponse:
        """For those who may move an entry and not change it, as a writer who takes it back."""
        entry = get_object_or_404(Entry, pk=entry_id)
        if not self.has_view_permission(request, entry):
            raise PermissionDenied
        self._take(request, entry, find_step(request.POST.get("_step")))
        return redirect("admin:briefings_entry_change", entry.pk)

    def _take(self, request: HttpRequest, entry: Entry, step: Step) -> None:
        """Not for those who may not; who is merely too late is told so.

        `_since` is the state that the page showed, by which its reader decided; the step is taken
        only if the entry is still in it.
        """
        entry.state = request.POST.get("_since", entry.state)
        if entry.state in step.since and not step.is_open_to(request.user, entry):
            raise PermissionDenied
        try:
            step.take(entry, request.user, request.POST.get("_note", ""))
        except TransitionRefused as refused:
            for reason in refused.reasons:
                messages.error(request, f"未能{step.label}：{reason}")
        else:
            messages.success(request, f"「{entry}」{step.outcome}")

    # --------------------------------------------------------------------------------- the list
    @admin.action(description="送審", permissions=["submit"])
    def submit_entries(self, request: HttpRequest, entries: QuerySet[Entry]) -> None:
        self._take_many(request, entries, find_step("submit"))

    @admin.action(description="審批", permissions=["approve"])
    def approve_entries(self, request: HttpRequest, entries: QuerySet[Entry]) -> None:
        self._take_many(request, entries, find_step("approve"))

    def _take_many(self, request: HttpRequest, entries: QuerySet[Entry], step: Step) -> None:
        taken = 0
        for entry in entries:
            if entry.state in step.since and not step.is_open_to(request.user, entry):
                messages.error(request, f"「{entry}」不能由你{step.label}。")
                continue
            try:
                step.take(entry, request.user, "")
            except TransitionRefused as refused:
                messages.error(request, "".join(refused.reasons))
            else:
                taken += 1
        if taken:
            messages.success(request, f"已{step.label}{taken}篇短評。")
