"""What a form tells the server while it stands open: the text in it, and that somebody is there."""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.middleware.csrf import get_token
from django.urls import URLPattern, path

from briefings.admin.filled_forms import FillsForms
from briefings.admin.freshness import person_at, show_time, tell_last_save
from briefings.autosaves import (
    MOST_BYTES,
    Typed,
    Unkeepable,
    discard,
    find_others,
    keep,
    note_leaving,
    note_presence,
    parse_typed,
)
from briefings.history import name_person
from briefings.html import LONGEST
from briefings.models import Entry

NOT_ALLOWED = "你不能修改這一篇，未有自動儲存；文字暫存在這部電腦。"
TOO_LONG = f"內容太長，未能自動儲存：每欄最多 {LONGEST:,} 個字元。請分成幾篇；文字暫存在這部電腦。"
NOT_A_FORM = "送來的內容不能辨認，未能自動儲存。"


def name_others(user: User, entry: Entry) -> str:
    names = [
        f"{name_person(presence.user)}也開着這一篇（{show_time(presence.seen_at)}）"
        for presence in find_others(user, entry)
    ]
    return f"{'；'.join(names)}。" if names else ""


class SavesItself(FillsForms):
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.autosave)
        return [path("autosave/", view, name="entry_autosave"), *super().get_urls()]

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
        if typed.longest_field > LONGEST:
            return JsonResponse({"trouble": TOO_LONG}, status=413)
        entry = self.find_entry(request, None if typed.entry_id is None else str(typed.entry_id))
        if not self.may_write(request, entry):
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
