from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from briefings.admin.base import DeskAdmin
from briefings.models import Imprint, Publication


@admin.register(Imprint)
class ImprintAdmin(DeskAdmin):
    empty_value_display = ""
    list_display = ["name", "show_default", "telephone", "email"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "name",
                    "internal_notice",
                    "public_notice",
                    ("telephone", "fax"),
                    "email",
                    "is_default",
                ],
                "description": "這裏的修改只用於日後出版的期數；已出版的期數保留出版時的頁尾資料。",
            },
        )
    ]

    @admin.display(description="預設", ordering="is_default")
    def show_default(self, imprint: Imprint) -> str:
        return "預設" if imprint.is_default else ""


@admin.register(Publication)
class PublicationAdmin(DeskAdmin):
    fieldsets = [
        ("名稱", {"fields": ["name", "tagline", "organisation", "department", "address"]}),
        ("電郵", {"fields": ["sender_email", "reply_to"]}),
        ("網頁文字", {"fields": ["about", "privacy"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: Publication | None = None,  # noqa: ARG002
    ) -> bool:
        return False

    def changelist_view(
        self,
        request: HttpRequest,  # noqa: ARG002
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        """There is one row, so its form takes the place of the list."""
        publication, _ = Publication.objects.get_or_create(pk=1)
        return redirect("admin:briefings_publication_change", publication.pk)
