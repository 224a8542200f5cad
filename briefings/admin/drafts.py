"""Nothing typed is lost: forms that save themselves, people who see each other, saves that don't
write over what somebody else wrote meanwhile. Each has a module of its own; here they meet.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from briefings.admin.autosaving import SavesItself, name_others
from briefings.admin.freshness import person_at
from briefings.admin.merging import FORM_ID, VERSION, StopsOverwriting
from briefings.admin.unsaved import GivesBack, Offer
from briefings.autosaves import OPENED, discard, note_presence
from briefings.models import Autosave, Entry


@dataclass(frozen=True)
class Draft:
    """What the page of an entry's form knows of its saving; `drafts.js` reads it from there."""

    form_id: str
    version: int | str
    opened: str
    others: str
    offers: Sequence[Offer] = ()
    is_restored: bool = False


class WithDrafts(SavesItself, GivesBack, StopsOverwriting):
    """The entry's form keeps itself, is given back, and stops a save on what is out of date."""

    class Media:
        css = {"all": ["desk/drafts.css"]}
        js = ["desk/drafts.js"]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method != "POST":
            entry = self.find_entry(request, object_id)
            asked = self.find_asked(request, entry)
            if entry and asked and self.is_stale(request, entry, asked.based_on, asked.fields):
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
            entry = self.find_entry(request, object_id, for_update=True)
            answer = self.stop_lost_or_stale(request, entry, object_id)
            if answer is not None:
                return answer
            context = {"draft": self._describe_draft(request, entry)} | (extra_context or {})
            return super().changeform_view(request, object_id, form_url, context)

    def save_related(
        self,
        request: HttpRequest,
        form: ModelForm,
        formsets: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        super().save_related(request, form, formsets, change)
        discard(person_at(request), request.POST.get(FORM_ID, ""))

    def _describe_draft(
        self, request: HttpRequest, entry: Entry | None, restored: Autosave | None = None
    ) -> Draft | None:
        """None where there is nothing to write."""
        if not self.may_write(request, entry):
            return None
        others = ""
        if entry:
            note_presence(person_at(request), entry)
            others = name_others(person_at(request), entry)
        if request.method == "POST":
            return Draft(
                form_id=request.POST.get(FORM_ID, uuid4().hex),
                version=request.POST.get(VERSION, ""),
                opened=request.POST.get(OPENED, ""),
                others=others,
            )
        return Draft(
            form_id=restored.form_id if restored else uuid4().hex,
            version=entry.version if entry else 0,
            opened=json.dumps(self.digest(request, entry)),
            others=others,
            offers=[] if restored else self.find_offers(request, entry),
            is_restored=restored is not None,
        )
