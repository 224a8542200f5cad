"""The publication's names and texts, and the imprints; what is written here holds at once."""

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from briefings.admin.base import DeskAdmin
from briefings.admin.pictures import PictureFileField
from briefings.contexts import describe_imprint
from briefings.models import Imprint, Publication
from briefings.pictures import Drawing, keep_picture

# What could begin another line, or another header, where a name stands in a mail's head.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_ENCODED_WORD = re.compile(r"=\?.+\?=")  # RFC 2047


def refuse_controls(value: str) -> None:
    """Names go into the heads of mail, of feeds and of files."""
    if _CONTROL.search(value) or _ENCODED_WORD.search(value):
        raise ValidationError("只可以是一行文字，不可有換行或控制字元。")


class LogoField(PictureFileField):
    """Nothing chosen leaves the logo as it is."""

    def clean(self, data: Any, initial: Any = None) -> Drawing | None:  # type: ignore[override]
        return super().clean(data, initial) if data else None


class PublicationForm(forms.ModelForm):
    logo_file = LogoField(
        label="標誌",
        required=False,
        help_text="JPEG、PNG、WebP 或 GIF，最大 10 MB；橫向、透明底的最好。會重新繪製才儲存。",
        widget=forms.FileInput({"accept": "image/jpeg,image/png,image/webp,image/gif"}),
        allow_empty_file=True,  # draw_anew() has the words for it
    )
    without_logo = forms.BooleanField(label="不用標誌", required=False)

    class Meta:
        model = Publication
        fields = [
            *("name", "english_name", "tagline", "organisation", "department", "address"),
            *("sender_name", "sender_email", "reply_to"),
            *("about", "english_about", "privacy", "english_privacy"),
        ]
        labels = {"about": "關於我們（中文）", "privacy": "私隱政策（中文）"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if type(field) is forms.CharField and not isinstance(field.widget, forms.Textarea):
                field.strip = False  # it would take away line ends before they are looked at
                field.validators.append(refuse_controls)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for name, value in data.items():
            if isinstance(value, str) and type(self.fields.get(name)) is forms.CharField:
                data[name] = value.strip()
        if not data.get("name") and "name" not in self.errors:
            self.add_error("name", "請填寫刊名。")
        return data


@admin.register(Imprint)
class ImprintAdmin(DeskAdmin):
    empty_value_display = ""
    list_display = ["name", "show_default", "show_uses", "telephone", "email"]
    readonly_fields = ["show_uses", "show_internal", "show_public"]

    class Media:
        css = {"all": ["desk/publication.css"]}
        js = ["unsaved.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Imprint]:
        imprints: QuerySet[Imprint] = super().get_queryset(request)
        return imprints.annotate(edition_count=Count("edition"))

    def get_fieldsets(self, request: HttpRequest, obj: Imprint | None = None) -> Any:  # noqa: ARG002
        about = {
            "fields": [
                "name",
                "internal_notice",
                "public_notice",
                ("telephone", "fax"),
                "email",
                "is_default",
            ],
            "description": "這裏的修改只用於日後出版的期數；已出版的期數保留出版時的頁尾資料。",
        }
        seen = {"fields": ["show_uses", "show_internal", "show_public"]}
        return [(None, about), ("用途和樣子", seen)] if obj else [(None, about)]

    @admin.display(description="預設", ordering="is_default")
    def show_default(self, imprint: Imprint) -> str:
        return "預設" if imprint.is_default else ""

    @admin.display(description="採用", ordering="edition_count")
    def show_uses(self, imprint: Any) -> str:
        return f"{imprint.edition_count}期"

    @admin.display(description="會員和草稿所見")
    def show_internal(self, imprint: Imprint) -> SafeString:
        return show_imprint(imprint, is_for_public=False)

    @admin.display(description="公眾所見")
    def show_public(self, imprint: Imprint) -> SafeString:
        return show_imprint(imprint, is_for_public=True)


def show_imprint(imprint: Imprint, *, is_for_public: bool) -> SafeString:
    """As it stands under an edition."""
    shown = describe_imprint(imprint, is_for_public=is_for_public)
    return format_html(
        '<div class="imprint-shown"><p>{}</p><p>{}</p></div>', shown.notice, shown.contact
    )


@admin.register(Publication)
class PublicationAdmin(DeskAdmin):
    form = PublicationForm
    readonly_fields = ["show_logo", "show_sender"]
    fieldsets = [
        (
            "名稱",
            {
                "fields": [
                    "name",
                    "english_name",
                    "tagline",
                    ("organisation", "department"),
                    "address",
                ],
                "description": "儲存後，網頁、訂閱源和郵件即時採用；舊期數的 PDF 亦會在下次"
                "有人閱讀時按新的名稱重印。已寄出的郵件不變。",
            },
        ),
        ("標誌", {"fields": ["show_logo", "logo_file", "without_logo"]}),
        (
            "電郵",
            {"fields": [("sender_name", "sender_email"), "reply_to", "show_sender"]},
        ),
        ("關於我們", {"fields": ["about", "english_about"]}),
        ("私隱政策", {"fields": ["privacy", "english_privacy"]}),
    ]

    class Media:
        css = {"all": ["desk/publication.css"]}
        js = ["unsaved.js"]

    def save_model(
        self,
        request: HttpRequest,
        obj: Publication,
        form: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        if form.cleaned_data["without_logo"]:
            obj.logo = None
        elif drawing := form.cleaned_data["logo_file"]:
            obj.logo = keep_picture(
                drawing, alternative=f"{obj.organisation}標誌", uploaded_by=request.user
            )
        super().save_model(request, obj, form, change)

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

    @admin.display(description="現用標誌")
    def show_logo(self, publication: Publication) -> SafeString | str:
        if publication.logo is None:
            return "（未有）"
        return format_html(
            '<img class="logo-shown" src="{}" alt="{}">',
            publication.logo.get_absolute_url(),
            publication.logo.alternative,
        )

    @admin.display(description="會員所見")
    def show_sender(self, publication: Publication) -> str:
        answers = publication.reply_to or publication.sender_email
        return f"寄件人：{publication.sender} <{publication.sender_email}>；回覆會寄到 {answers}。"
