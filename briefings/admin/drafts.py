"""Nothing typed is lost: forms that save themselves, people who see each other, saves that don't
write over what somebody else wrote meanwhile.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from briefings.admin.form_values import (
    Difference,
    Forms,
    find_differences,
    show_typed,
    show_typed_rows,
    to_data,
)
from briefings.admin.freshness import person_at, show_time, tell_last_save
from briefings.autosaves import (
    MOST_BYTES,
    OPENED,
    Fields,
    Typed,
    Unkeepable,
    discard,
    find_others,
    find_unsaved,
    keep,
    name_unsaved,
    note_leaving,
    note_presence,
    parse_typed,
    pick_fields,
    read_form_id,
)
from briefings.history import name_person
from briefings.lookups import could_be_id
from briefings.models import Autosave, Entry

UNSAVED = "unsaved"  # in an address: the form whose text is to be given back
_FORM_ID, _VERSION = "_form_id", "_version"
_TEXTS = ("lead", "body")  # of which a merge can take both

NOT_ALLOWED = "你不能修改這一篇，未有自動儲存；文字暫存在這部電腦。"
TOO_LONG = "內容太長，未能自動儲存；請先儲存，或者分成幾篇。"
NOT_A_FORM = "送來的內容不能辨認，未能自動儲存。"


@dataclass(frozen=True)
class Offer:
    """Unsaved text that its writer may take back or throw away."""

    autosave: Autosave
    differences: Sequence[Difference]
    restore_url: str
    discard_url: str

    @property
    def name(self) -> str:
        return name_unsaved(self.autosave)


@dataclass(frozen=True)
class Draft:
    """What the page of an entry's form knows of its saving; `drafts.js` reads it from there."""

    form_id: str
    version: int | str
    opened: str
    others: str
    offers: Sequence[Offer] = ()
    is_restored: bool = False


def name_others(user: User, entry: Entry) -> str:
    names = [
        f"{name_person(presence.user)}也開着這一篇（{show_time(presence.seen_at)}）"
        for presence in find_others(user, entry)
    ]
    return f"{'；'.join(names)}。" if names else ""


class WithDrafts(admin.ModelAdmin):
    """The entry's form keeps itself, is given back, and stops a save on what is out of date."""

    class Media:
        css = {"all": ["desk/drafts.css"]}
        js = ["desk/drafts.js"]

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("autosave/", wrap(self.autosave), name="entry_autosave"),
            path(
                "autosave/<str:form_id>/discard/",
                wrap(require_POST(self.discard_autosave)),
                name="entry_discard_autosave",
            ),
            path("<int:entry_id>/merge/<str:form_id>/", wrap(self.merge), name="entry_merge"),
            *super().get_urls(),
        ]

    # -------------------------------------------------------------------------------- the form
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method != "POST":
            entry = self._find(request, object_id)
            asked = self._find_asked(request, entry)
            if entry and asked and self._is_stale(request, entry, asked.based_on, asked.fields):
                return redirect("admin:entry_merge", entry.pk, asked.form_id)
            context = {"draft": self._describe_draft(request, entry, asked)} | (extra_context or {})
            if asked:
                # From here on, the form that Django makes is filled with it.
                fitted = self.make_forms(request, entry).fit_rows(asked.fields)
                request.typed_fields = fitted  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, context)
        # The row stays locked from the question whether it is still the one that was opened until
        # it is saved: of two who save at once, the second is asked.
        with transaction.atomic():
            entry = self._find(request, object_id, for_update=True)
            answer = self._stop_lost_or_stale(request, entry, object_id)
            if answer is not None:
                return answer
            context = {"draft": self._describe_draft(request, entry)} | (extra_context or {})
            return super().changeform_view(request, object_id, form_url, context)

    def get_form(
        self,
        request: HttpRequest,
        obj: Entry | None = None,
        change: bool = False,  # noqa: FBT001, FBT002  (Django's signature)
        **kwargs: Any,
    ) -> type[ModelForm]:
        form_class = super().get_form(request, obj, change, **kwargs)
        typed: Fields | None = getattr(request, "typed_fields", None)
        return form_class if typed is None else show_typed(form_class, typed)

    def get_formsets_with_inlines(self, request: HttpRequest, obj: Entry | None = None) -> Any:
        typed: Fields | None = getattr(request, "typed_fields", None)
        for formset_class, inline in super().get_formsets_with_inlines(request, obj):
            if typed is not None:
                formset_class = show_typed_rows(formset_class, typed)  # noqa: PLW2901
            yield formset_class, inline

    def save_related(
        self,
        request: HttpRequest,
        form: ModelForm,
        formsets: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        super().save_related(request, form, formsets, change)
        discard(person_at(request), request.POST.get(_FORM_ID, ""))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Says what new entries were written and never saved."""
        if request.method == "GET" and self.has_add_permission(request):
            add = reverse("admin:briefings_entry_add")
            for autosave in find_unsaved(person_at(request), None):
                messages.info(
                    request,
                    format_html(
                        '未儲存的新短評「{}」（{}）<a class="further" href="{}?{}={}">取回</a>',
                        name_unsaved(autosave),
                        show_time(autosave.saved_at),
                        *(add, UNSAVED, autosave.form_id),
                    ),
                )
        return super().changelist_view(request, extra_context)

    def make_forms(
        self, request: HttpRequest, entry: Entry | None, fields: Fields | None = None
    ) -> Forms:
        """The form as the page has it: of the row, or filled with what was typed over the row."""
        page_fields = flatten_fieldsets(self.get_fieldsets(request, entry))
        form_class = self.get_form(request, entry, change=entry is not None, fields=page_fields)
        formset_classes = [
            (formset, inline.get_queryset(request))
            for formset, inline in self.get_formsets_with_inlines(request, entry)
        ]

        def fill(data: Any) -> Forms:
            # An instance of its own: checking a form writes to it.
            instance = Entry() if entry is None else Entry.objects.get(pk=entry.pk)
            form = form_class(data, instance=instance)
            return Forms(
                form,
                [
                    formset(data, instance=instance, queryset=queryset)
                    for formset, queryset in formset_classes
                ],
            )

        row = fill(None)
        return row if fields is None else fill(to_data(row.fit_rows(fields)))

    def _find(
        self, request: HttpRequest, object_id: str | None, *, for_update: bool = False
    ) -> Entry | None:
        entry = None if object_id is None else self.get_object(request, unquote(str(object_id)))
        if entry is None or not for_update:
            return entry
        return Entry.objects.select_for_update().filter(pk=entry.pk).first()

    def _may_write(self, request: HttpRequest, entry: Entry | None) -> bool:
        if entry is None:
            return self.has_add_permission(request)
        return self.has_change_permission(request, entry)

    def _describe_draft(
        self, request: HttpRequest, entry: Entry | None, restored: Autosave | None = None
    ) -> Draft | None:
        """None where there is nothing to write."""
        if not self._may_write(request, entry):
            return None
        others = ""
        if entry:
            note_presence(person_at(request), entry)
            others = name_others(person_at(request), entry)
        if request.method == "POST":
            return Draft(
                form_id=request.POST.get(_FORM_ID, uuid4().hex),
                version=request.POST.get(_VERSION, ""),
                opened=request.POST.get(OPENED, ""),
                others=others,
            )
        return Draft(
            form_id=restored.form_id if restored else uuid4().hex,
            version=entry.version if entry else 0,
            opened=json.dumps(self._digest(request, entry)),
            others=others,
            offers=[] if restored else self._find_offers(request, entry),
            is_restored=restored is not None,
        )

    def _digest(self, request: HttpRequest, entry: Entry | None) -> dict[str, str]:
        return {v.name: v.digest for v in self.make_forms(request, entry).read_values()}

    # -------------------------------------------------------------------------- text given back
    def _find_offers(self, request: HttpRequest, entry: Entry | None) -> list[Offer]:
        unsaved = find_unsaved(person_at(request), entry)
        if not unsaved:
            return []
        theirs = self.make_forms(request, entry).read_values()
        offers = []
        for autosave in unsaved:
            mine = self.make_forms(request, entry, autosave.fields).read_values()
            if differences := find_differences(theirs, mine):
                offers.append(self._make_offer(autosave, differences))
            else:  # it came in after the save that had it all
                autosave.delete()
        return offers

    def _make_offer(self, autosave: Autosave, differences: Sequence[Difference]) -> Offer:
        entry_id = autosave.entry_id
        form = (
            reverse("admin:briefings_entry_change", args=[entry_id])
            if entry_id
            else reverse("admin:briefings_entry_add")
        )
        return Offer(
            autosave,
            differences,
            restore_url=f"{form}?{UNSAVED}={autosave.form_id}",
            discard_url=reverse("admin:entry_discard_autosave", args=[autosave.form_id]),
        )

    def _find_asked(self, request: HttpRequest, entry: Entry | None) -> Autosave | None:
        """What the address asks to be given back."""
        form_id = request.GET.get(UNSAVED)
        if form_id is None or not self._may_write(request, entry):
            return None
        unsaved = Autosave.objects.filter(user=person_at(request), entry=entry, form_id=form_id)
        if (asked := unsaved.first()) is None:
            messages.warning(request, "這份未儲存的文字已經儲存或放棄。")
        return asked

    # ------------------------------------------------------------------------------ stale saves
    def _stop_lost_or_stale(
        self, request: HttpRequest, entry: Entry | None, object_id: str | None
    ) -> HttpResponse | None:
        form_id = request.POST.get(_FORM_ID)
        version = request.POST.get(_VERSION, "")
        if object_id is None or not form_id or not _could_be_version(version):
            return None
        if not self._may_write(request, entry):
            return None
        typed = pick_fields(dict(request.POST.lists()))
        if entry is None:
            self._keep_posted(request, None, typed)
            messages.warning(request, "這一篇已被刪除。你寫的文字全部仍在，可以儲存為新的一篇。")
            return redirect(f"{reverse('admin:briefings_entry_add')}?{UNSAVED}={form_id}")
        if not self._is_stale(request, entry, int(version), typed):
            return None
        self._keep_posted(request, entry, typed)
        return redirect("admin:entry_merge", entry.pk, form_id)

    def _is_stale(self, request: HttpRequest, entry: Entry, based_on: int, typed: Fields) -> bool:
        """Whether something that the form shows has changed since it was opened."""
        if based_on == entry.version:
            return False
        opened = _read_opened(typed)
        return any(opened.get(n) != digest for n, digest in self._digest(request, entry).items())

    def _keep_posted(self, request: HttpRequest, entry: Entry | None, typed: Fields) -> None:
        version = int(request.POST[_VERSION])
        try:
            form_id = read_form_id(request.POST[_FORM_ID])
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
        entry = self._find(request, str(entry_id))
        if entry is None or not self.has_change_permission(request, entry):
            raise PermissionDenied
        autosave = get_object_or_404(
            Autosave, user=person_at(request), entry=entry, form_id=form_id
        )
        merge = _Merge(self, request, entry, autosave)
        form_url = f"{reverse('admin:briefings_entry_change', args=[entry.pk])}?{UNSAVED}={form_id}"
        if request.method == "POST" and merge.is_answered:
            autosave.fields = merge.merged | {OPENED: [json.dumps(self._digest(request, entry))]}
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

    # ---------------------------------------------------------------------------- what JS calls
    def autosave(self, request: HttpRequest) -> JsonResponse:
        """GET tells a form whose login had expired that there is one again; POST keeps its text."""
        if request.method != "POST":
            if not (self.has_add_permission(request) or self.has_change_permission(request)):
                raise PermissionDenied
            return JsonResponse({"user": request.user.pk, "token": get_token(request)})
        if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
            return JsonResponse({"trouble": TOO_LONG}, status=413)
        try:
            typed = parse_typed(request.body)
        except Unkeepable:
            return JsonResponse({"trouble": NOT_A_FORM}, status=400)
        entry = self._find(request, None if typed.entry_id is None else str(typed.entry_id))
        if not self._may_write(request, entry):
            return JsonResponse({"trouble": NOT_ALLOWED}, status=403)
        answer = self._note(request, entry, typed)
        if entry is None and typed.entry_id:
            answer["notice"] = "這一篇已被刪除。文字已自動儲存，按儲存便可成為新的一篇。"
        return JsonResponse(answer)

    def _note(self, request: HttpRequest, entry: Entry | None, typed: Typed) -> dict[str, str]:
        if typed.is_as_opened:
            discard(person_at(request), typed.form_id)
        elif typed.fields is not None:
            keep(person_at(request), typed, entry)
        else:
            # That a page stands open is no sign that somebody is there: the login runs out.
            request.session.modified = False
        answer = {"saved_at": show_time(typed.typed_at)}
        if entry and typed.is_leaving:
            note_leaving(person_at(request), entry)
        elif entry:
            note_presence(person_at(request), entry)
            answer["others"] = name_others(person_at(request), entry)
            if entry.version > typed.based_on:
                answer["notice"] = (
                    f"在你打開之後，{tell_last_save(entry)}。你可以寫下去，儲存時會請你比較兩個版本。"
                )
        return answer

    def discard_autosave(self, request: HttpRequest, form_id: str) -> HttpResponse:
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        autosave = Autosave.objects.filter(user=person_at(request), form_id=form_id).first()
        discard(person_at(request), form_id)
        messages.success(request, "已放棄未儲存的文字。")
        if autosave and autosave.entry_id:
            return redirect("admin:briefings_entry_change", autosave.entry_id)
        return redirect("admin:briefings_entry_add")


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
        self, desk: WithDrafts, request: HttpRequest, entry: Entry, autosave: Autosave
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
