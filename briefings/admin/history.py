"""Versions at the desk: every save makes one, 歷史 lists them, and an entry's can be restored."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from reversion.models import Version

from briefings.admin.panels import Panel, WithPanels
from briefings.corrections import CorrectionRefused, has_been_read
from briefings.history import (
    Change,
    Recorded,
    compare_texts,
    describe_now,
    is_kept,
    keep_unrecorded,
    keep_version,
    list_changes,
    list_deleted_entries,
    list_versions,
    name_person,
    rebuild,
)
from briefings.hooks import Event, edition_events
from briefings.models import Edition, Entry
from briefings.permissions import is_own, may_add_entries
from briefings.restoring import AlreadyRecovered, find_version, recover_entry, restore_version

RECENT = 20  # versions beside the text; 歷史 has them all


def has_more(entry: Entry) -> bool:
    """Whether the history holds versions that don't stand beside the text."""
    return bool(Version.objects.get_for_object(entry).count() > RECENT)


class WithHistory(admin.ModelAdmin):
    """Keeps a version of whatever is written in the admin's log, with the same words."""

    def save_form(self, request: HttpRequest, form: ModelForm, change: bool) -> Any:  # noqa: FBT001
        """Called before anything is saved, by whatever way an admin saves it."""
        if change and is_kept(self.model):
            keep_unrecorded(form.instance)
        return super().save_form(request, form, change)

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> LogEntry:
        return self._keep(request, obj, super().log_addition(request, obj, message))

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> LogEntry:
        return self._keep(request, obj, super().log_change(request, obj, message))

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Django calls it before it deletes. Of what is gone already, as a merged theme is, there
        is nothing to keep.
        """
        if is_kept(self.model):
            ids = [obj.pk for obj in queryset]
            for obj in self.model._default_manager.filter(pk__in=ids):
                keep_version(obj, by=request.user, why="刪除")
        return super().log_deletions(request, queryset)

    def _keep(self, request: HttpRequest, obj: models.Model, log: LogEntry) -> LogEntry:
        if is_kept(self.model):
            # Django puts spaces round the last "and", which Chinese doesn't.
            why = log.get_change_message().replace(" 和 ", "和")
            keep_version(obj, by=request.user, why=why)
        return log

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """In the place of Django's own, which says which fields were changed but not how."""
        if not is_kept(self.model):
            return super().history_view(request, object_id, extra_context)
        thing = self.get_object(request, unquote(object_id))
        if thing is None:
            raise Http404
        if not self.has_view_or_change_permission(request, thing):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"「{thing}」的修改紀錄",
            "opts": self.opts,
            "thing": thing,
            "changes": self._list_acts(thing),
            "has_version_pages": self.model is Entry,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/briefings/history.html", context)

    def _list_acts(self, thing: models.Model) -> list[tuple[Recorded | Event, tuple[Change, ...]]]:
        """Its versions with what they changed, and between them what other apps did with it."""
        acts: list[tuple[Recorded | Event, tuple[Change, ...]]] = []
        acts += list_changes(list_versions(thing))
        if isinstance(thing, Edition):
            acts += [(event, ()) for tell in edition_events for event in tell(thing)]
        return sorted(acts, key=lambda act: act[0].made_at, reverse=True)


class EntryHistory(WithPanels):
    """An entry's versions beside its text, each with a page; and the entries that were deleted."""

    def get_panels(self, request: HttpRequest, entry: Entry | None) -> list[Panel]:
        panels = super().get_panels(request, entry)
        if entry is None:
            return panels
        template = "admin/briefings/entry/panels/history.html"
        return [*panels, Panel("history", "版本", template)]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if entry := context["original"]:
            changes = list_changes(list_versions(entry, newest=RECENT + 1))
            context |= {"versions": changes[:RECENT], "has_more_versions": has_more(entry)}
        return super().render_change_form(request, context, *args, **kwargs)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        links = {"may_recover": may_add_entries(request.user)}
        return super().changelist_view(request, links | (extra_context or {}))

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        version = "<int:entry_id>/versions/<int:version_id>/"
        return [
            path(version, wrap(self.show_version), name="entry_version"),
            path("deleted/", wrap(self.show_deleted), name="entries_deleted"),
            path("deleted/<int:version_id>/", wrap(self.recover), name="entry_recover"),
            *super().get_urls(),
        ]

    def show_version(self, request: HttpRequest, entry_id: int, version_id: int) -> HttpResponse:
        entry = get_object_or_404(Entry, pk=entry_id)
        if not self.has_view_or_change_permission(request, entry):
            raise PermissionDenied
        version = find_version(entry, version_id)
        if version is None:
            raise Http404
        if request.method == "POST" and self._restore(request, entry, version):
            return redirect("admin:briefings_entry_change", entry.pk)
        versions = list_versions(entry)
        place = next((at for at, one in enumerate(versions) if one.id <= version_id), 0)
        shown, now = versions[place], describe_now(entry)
        is_against_now = request.GET.get("with") == "now"
        before = versions[place + 1].text if place + 1 < len(versions) else {}
        texts = (shown.text, now) if is_against_now else (before, shown.text)
        context = {
            **self.admin_site.each_context(request),
            "title": "短評的版本",
            "opts": self.opts,
            "entry": entry,
            "version": shown,
            "is_first": not before,
            "is_current": shown.text == now,
            "is_against_now": is_against_now,
            "changes": compare_texts(*texts),
            "may_restore": self.has_change_permission(request, entry),
            "needs_note": has_been_read(entry),
            "note": request.POST.get("note", ""),
        }
        return TemplateResponse(request, "admin/briefings/entry/version.html", context)

    def _restore(self, request: HttpRequest, entry: Entry, version: Version) -> bool:
        note = request.POST.get("note", "")
        try:
            with transaction.atomic():
                # As it now is, and stays until it is written: it may have been scheduled since.
                row = get_object_or_404(Entry.objects.select_for_update(), pk=entry.pk)
                if not self.has_change_permission(request, row):
                    raise PermissionDenied
                lost = restore_version(row, version, by=request.user, note=note)
        except CorrectionRefused as refused:
            messages.error(request, str(refused))
            return False
        messages.success(request, "已還原；還原前的內容仍在版本紀錄中。")
        for sentence in lost:
            messages.warning(request, sentence)
        return True

    def show_deleted(self, request: HttpRequest) -> HttpResponse:
        if not may_add_entries(request.user):
            raise PermissionDenied
        deleted = [
            {
                "id": version.pk,
                "at": version.revision.date_created,
                "by": name_person(version.revision.user),
                "entry": entry,
            }
            for version in list_deleted_entries()
            if self._may_recover(request, entry := rebuild(version))
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": "已刪除的短評",
            "opts": self.opts,
            "deleted": deleted,
        }
        return TemplateResponse(request, "admin/briefings/entry/deleted.html", context)

    def recover(self, request: HttpRequest, version_id: int) -> HttpResponse:
        if request.method != "POST":
            return redirect("admin:entries_deleted")
        version = next((one for one in list_deleted_entries() if one.pk == version_id), None)
        if version and not self._may_recover(request, rebuild(version)):
            raise PermissionDenied
        if not may_add_entries(request.user):
            raise PermissionDenied
        try:
            entry, lost = recover_entry(version, by=request.user) if version else (None, [])
        except AlreadyRecovered:
            entry = None
        if entry is None:
            messages.warning(request, "這一篇已經救回，或者沒有這一篇。")
            return redirect("admin:entries_deleted")
        messages.success(request, f"已救回「{entry}」，放在待編短評，狀態為草稿。")
        for sentence in lost:
            messages.warning(request, sentence)
        return redirect("admin:briefings_entry_change", entry.pk)

    def _may_recover(self, request: HttpRequest, entry: Entry) -> bool:
        """A writer gets back their own; an editor everybody's."""
        if not may_add_entries(request.user):
            return False
        return request.user.has_perm("briefings.delete_entry") or is_own(request.user, entry)
