"""Showing a draft to somebody who has no account, by a link that expires and can be revoked."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from briefings.admin.freshness import person_at
from briefings.history import name_person
from briefings.lookups import could_be_id
from briefings.models import Edition, Entry, SharedDraft, State
from briefings.previews import GOOD_FOR, make_shared_url, share_draft


class ShareForm(forms.Form):
    days = forms.TypedChoiceField(
        label="連結有效",
        choices=[(days, f"{days}日") for days in GOOD_FOR],
        coerce=int,
        initial=7,
        widget=forms.RadioSelect,
        error_messages={"required": "請選擇有效多久。", "invalid_choice": "請選擇有效多久。"},
    )


def is_draft(thing: Entry | Edition) -> bool:
    """Whether there is something to share that readers don't have yet."""
    return thing.state not in (State.PUBLISHED, State.WITHDRAWN)


class SharesDrafts(admin.ModelAdmin):
    """A page at the desk of an entry or an edition: its links, making one, revoking one.

    Whoever may change a draft may show it; the links die with the row, whoever made them.
    """

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.share)
        name = f"{self.opts.model_name}_share"
        return [path("<int:thing_id>/share/", view, name=name), *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        thing = context["original"]
        context["may_share"] = thing is not None and self._may_share(request, thing)
        return super().render_change_form(request, context, *args, **kwargs)

    def share(self, request: HttpRequest, thing_id: int) -> HttpResponse:
        thing = self.get_object(request, str(thing_id))
        if thing is None or not self.has_change_permission(request, thing):
            raise PermissionDenied
        form = ShareForm(request.POST if "days" in request.POST else None)
        if request.method == "POST":
            if "revoke" in request.POST:
                self._revoke(request, thing)
                return redirect(request.path)
            if self._may_share(request, thing) and form.is_valid():
                share_draft(thing, by=person_at(request), days=form.cleaned_data["days"])
                messages.success(request, "已建立連結，可以複製給對方。")
                return redirect(request.path)
        shared = thing.shared_drafts.filter(pk__in=SharedDraft.objects.open())
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"分享草稿：{thing}",
            "thing": thing,
            "form": form,
            "may_share": self._may_share(request, thing),
            "links": [
                (link, make_shared_url(link), name_person(link.made_by))
                for link in shared.select_related("made_by")
            ],
        }
        return TemplateResponse(request, "admin/briefings/share.html", context)

    def _may_share(self, request: HttpRequest, thing: Entry | Edition) -> bool:
        return is_draft(thing) and self.has_change_permission(request, thing)

    def _revoke(self, request: HttpRequest, thing: Entry | Edition) -> None:
        number = request.POST["revoke"]
        if could_be_id(number):
            thing.shared_drafts.filter(pk=number).delete()
            messages.success(request, "已撤銷連結，持有的人再看不到草稿。")
