"""A save on what is out of date: stopped, and both versions put side by side."""

import json
from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import cached_property

from briefings.admin.filled_forms import FillsForms
from briefings.admin.form_values import Difference, find_differences
from briefings.admin.freshness import person_at, tell_last_save
from briefings.admin.unsaved import UNSAVED
from briefings.autosaves import OPENED, Fields, Typed, keep, pick_fields, read_form_id
from briefings.lookups import could_be_id
from briefings.models import Autosave, Entry

FORM_ID, VERSION = "_form_id", "_version"
_TEXTS = ("lead", "body")  # of which a merge can take both


class StopsOverwriting(FillsForms):
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.merge)
        return [
            path("<int:entry_id>/merge/<str:form_id>/", view, name="entry_merge"),
            *super().get_urls(),
        ]

    def stop_lost_or_stale(
        self, request: HttpRequest, entry: Entry | None, object_id: str | None
    ) -> HttpResponse | None:
        form_id = request.POST.get(FORM_ID)
        version = request.POST.get(VERSION, "")
        if object_id is None or not form_id or not _could_be_version(version):
            return None
        if not self.may_write(request, entry):
            return None
        typed = pick_fields(dict(request.POST.lists()))
        if entry is None:
            self._keep_posted(request, None, typed)
            messages.warning(request, "這一篇已被刪除。你寫的文字全部仍在，可以儲存為新的一篇。")
            return redirect(f"{reverse('admin:briefings_entry_add')}?{UNSAVED}={form_id}")
        if not self.is_stale(request, entry, int(version), typed):
            return None
        self._keep_posted(request, entry, typed)
        return redirect("admin:entry_merge", entry.pk, form_id)

    def is_stale(self, request: HttpRequest, entry: Entry, based_on: int, typed: Fields) -> bool:
        """Whether something that the form shows has changed since it was opened."""
        if based_on == entry.version:
            return False
        opened = _read_opened(typed)
        return any(opened.get(n) != digest for n, digest in self.digest(request, entry).items())

    def _keep_posted(self, request: HttpRequest, entry: Entry | None, typed: Fields) -> None:
        version = int(request.POST[VERSION])
        try:
            form_id = read_form_id(request.POST[FORM_ID])
        except ValueError as error:
            raise PermissionDenied from error
        keep(
            person_at(request),
            Typed(
                form_id=form_id,
                entry_id=entry.pk if entry else None,
                based_on=version,
                fields=typed,
                typed_at=timezone.now(),
                is_as_opened=False,
                is_leaving=False,
            ),
            entry,
        )

    def merge(self, request: HttpRequest, entry_id: int, form_id: str) -> HttpResponse:
        """Both versions, field by field. What is chosen fills the form, and is not yet saved."""
        entry = self.find_entry(request, str(entry_id))
        if entry is None or not self.has_change_permission(request, entry):
            raise PermissionDenied
        autosave = get_object_or_404(
            Autosave, user=person_at(request), entry=entry, form_id=form_id
        )
        merge = _Merge(self, request, entry, autosave)
        form_url = f"{reverse('admin:briefings_entry_change', args=[entry.pk])}?{UNSAVED}={form_id}"
        if request.method == "POST" and merge.is_answered:
            autosave.fields = merge.merged | {OPENED: [json.dumps(self.digest(request, entry))]}
            autosave.based_on = entry.version
            autosave.saved_at = timezone.now()
            autosave.save()
            messages.info(request, "兩個版本已合併在下面。請看清楚，再按儲存。")
            return redirect(form_url)
        if not merge.differences:
            autosave.delete()
            messages.info(request, "你的版本和現有的版本相同，毋須合併。")
            return redirect("admin:briefings_entry_change", entry.pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"比較兩個版本：{entry}",
            "entry": entry,
            "merge": merge,
            "last_save": tell_last_save(entry),
            "was_asked_again": request.method == "POST",
        }
        return TemplateResponse(request, "admin/briefings/entry/merge.html", context)


@dataclass(frozen=True)
class Choice:
    """One difference to be settled. `chosen` is what is ticked beforehand: where only one of the
    two changed the field, theirs or mine; where both did, nothing.
    """

    difference: Difference
    chosen: str
    can_take_both: bool

    @property
    def name(self) -> str:
        return f"choose-{self.difference.name}"


class _Merge:
    def __init__(
        self, desk: FillsForms, request: HttpRequest, entry: Entry, autosave: Autosave
    ) -> None:
        self.answers = request.POST
        self.version = entry.version
        self.autosave = autosave
        self.row = desk.make_forms(request, entry)
        self.mine = desk.make_forms(request, entry, autosave.fields)
        self.theirs_by_name = {value.name: value for value in self.row.read_values()}
        self.differences = find_differences(self.row.read_values(), self.mine.read_values())

    @cached_property
    def choices(self) -> list[Choice]:
        opened = _read_opened(self.autosave.fields)
        mine = {value.name: value.digest for value in self.mine.read_values()}
        choices = []
        for difference in self.differences:
            name = difference.name
            if opened.get(name) == self.theirs_by_name[name].digest:
                chosen = "mine"
            elif opened.get(name) == mine[name]:
                chosen = "theirs"
            else:
                chosen = ""
            answered = self.answers.get(f"choose-{name}", chosen)
            choices.append(Choice(difference, answered, can_take_both=name in _TEXTS))
        return choices

    @property
    def is_current(self) -> bool:
        """Whether the answers are about the version that now is."""
        return self.answers.get("version") == str(self.version)

    @property
    def is_answered(self) -> bool:
        return self.is_current and all(
            self.answers.get(choice.name) in ("mine", "theirs", "both") for choice in self.choices
        )

    @property
    def merged(self) -> Fields:
        theirs = self.row.write_fields()
        typed = self.row.fit_rows(self.autosave.fields)
        prefixes = [formset.prefix for formset in self.row.formsets]
        for choice in self.choices:
            name = choice.difference.name
            answer = self.answers[choice.name]
            if answer == "theirs" and name in prefixes:
                typed = {n: v for n, v in typed.items() if not n.startswith(f"{name}-")}
                typed |= {n: v for n, v in theirs.items() if n.startswith(f"{name}-")}
            elif answer == "theirs":
                typed[name] = theirs[name]
            elif answer == "both" and choice.can_take_both:
                seam = "<hr>" if name == "body" else "\n"
                typed[name] = [seam.join([*theirs[name], *typed.get(name, [])])]
        return typed


def _could_be_version(text: str) -> bool:
    return could_be_id(text) and int(text) < 2**31


def _read_opened(fields: Fields) -> dict[str, str]:
    """What the form's fields held when it was opened, as digests; nothing if it does not say."""
    try:
        opened = json.loads("".join(fields.get(OPENED, [])))
    except ValueError:
        return {}
    return opened if isinstance(opened, dict) else {}
