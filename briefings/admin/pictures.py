"""The picture library, and what the text editor asks of it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from briefings.admin.base import DeskAdmin
from briefings.models import Entry, Picture, Publication
from briefings.pictures import (
    MOST_BYTES,
    Drawing,
    PictureRefused,
    discard_picture,
    draw_anew,
    find_uses,
    is_needed,
    keep_picture,
)

LIBRARY_LENGTH = 24  # what the editor's dialog shows at once; a search finds the others


class PictureFileField(forms.FileField):
    """A file that can be drawn anew; cleaned, it is the drawing."""

    def clean(self, data: Any, initial: Any = None) -> Drawing:
        file = super().clean(data, initial)
        try:
            return draw_anew(file.read(MOST_BYTES + 1))
        except PictureRefused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


class UploadForm(forms.ModelForm):
    file = PictureFileField(
        label="圖片檔",
        help_text="JPEG、PNG、WebP 或 GIF，最大 10 MB。上載後會重新繪製，不保留拍攝地點等資料。",
        widget=forms.FileInput({"accept": "image/jpeg,image/png,image/webp,image/gif"}),
        allow_empty_file=True,  # draw_anew() has the words for it
        error_messages={"required": "請選擇圖片。"},
    )
    is_decorative = forms.BooleanField(label="純裝飾，不需替代文字", required=False)

    class Meta:
        model = Picture
        fields = ["alternative", "caption"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not data.get("alternative") and not data.get("is_decorative"):
            self.add_error("alternative", "請填寫替代文字，或剔選「純裝飾」。")
        return data

    def save(self, commit: bool = True) -> Picture:  # noqa: ARG002, FBT001, FBT002  (Django's signature)
        """Always stored, for a picture handed in before is the same one."""
        self.save_m2m = self._save_m2m  # type: ignore[method-assign,attr-defined]
        return keep_picture(
            self.cleaned_data["file"],
            alternative=self.cleaned_data["alternative"],
            caption=self.cleaned_data["caption"],
            uploaded_by=self.instance.uploaded_by,
        )


@admin.register(Picture)
class PictureAdmin(DeskAdmin):
    list_display = ["show_thumbnail", "alternative", "caption", "show_uses", "uploaded_at"]
    list_display_links = ["show_thumbnail"]
    list_per_page = 24
    search_fields = ["alternative", "caption"]
    search_help_text = "按替代文字或說明尋找"
    date_hierarchy = "uploaded_at"

    class Media:
        css = {"all": ["desk/pictures.css"]}

    def get_form(
        self,
        request: HttpRequest,
        obj: Picture | None = None,
        change: bool = False,  # noqa: FBT001, FBT002
        **kwargs: Any,
    ) -> type[forms.ModelForm]:
        if obj is None:
            kwargs["form"] = UploadForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Picture | None = None) -> Any:  # noqa: ARG002
        if obj is None:
            return ["file", "alternative", "is_decorative", "caption"]
        about = ["show_uses", "show_size", "uploaded_by", "uploaded_at"]
        return ["show_picture", "alternative", "caption", *about]

    def get_readonly_fields(self, request: HttpRequest, obj: Picture | None = None) -> Any:  # noqa: ARG002
        return ["show_picture", "show_uses", "show_size", "uploaded_by", "uploaded_at"]

    def save_form(
        self,
        request: HttpRequest,
        form: Any,
        change: bool,  # noqa: FBT001
    ) -> Picture:
        if not change:
            form.instance.uploaded_by = request.user
        picture: Picture = super().save_form(request, form, change)
        return picture

    def has_delete_permission(self, request: HttpRequest, obj: Picture | None = None) -> bool:
        if obj and is_needed(obj):
            return False
        return super().has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: Picture) -> None:  # noqa: ARG002
        discard_picture(obj)

    def get_urls(self) -> list[URLPattern]:
        protect = self.admin_site.admin_view
        return [
            path("upload/", protect(require_POST(self.upload)), name="picture_upload"),
            path("library/", protect(require_safe(self.list_library)), name="picture_library"),
            *super().get_urls(),
        ]

    def upload(self, request: HttpRequest) -> HttpResponse:
        """From the text editor: the picture, or in plain words why not."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = UploadForm(
            request.POST, request.FILES, instance=Picture(uploaded_by_id=request.user.pk)
        )
        if not form.is_valid():
            faults = [str(fault) for messages in form.errors.values() for fault in messages]
            return JsonResponse({"error": " ".join(faults)}, status=400)
        return JsonResponse(describe_picture(form.save()))

    def list_library(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        term = request.GET.get("q", "").strip()
        found = Q(alternative__icontains=term) | Q(caption__icontains=term)
        pictures = Picture.objects.filter(found)[:LIBRARY_LENGTH]
        return JsonResponse({"pictures": [describe_picture(picture) for picture in pictures]})

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Finds the uses of all pictures on the page at once."""
        listing = super().get_changelist_instance(request)
        listing.result_list = list(listing.result_list)
        uses = find_uses(picture.name for picture in listing.result_list)
        for picture in listing.result_list:
            picture.uses = uses[picture.name]
        return listing

    def get_queryset(self, request: HttpRequest) -> QuerySet[Picture]:
        return super().get_queryset(request).select_related("uploaded_by")

    @admin.display(description="圖片")
    def show_thumbnail(self, picture: Picture) -> SafeString:
        return format_html(
            '<img class="thumbnail" src="{}" alt="{}" loading="lazy">',
            picture.get_absolute_url(),
            picture,
        )

    @admin.display(description="圖片")
    def show_picture(self, picture: Picture) -> SafeString:
        return format_html(
            '<img class="whole-picture" src="{}" alt="{}" width="{}" height="{}">',
            picture.get_absolute_url(),
            picture.alternative,
            picture.width,
            picture.height,
        )

    @admin.display(description="尺寸")
    def show_size(self, picture: Picture) -> str:
        return f"{picture.width}×{picture.height} 像素"

    @admin.display(description="用於")
    def show_uses(self, picture: Picture) -> SafeString | str:
        known: list[Entry | Publication] | None = getattr(picture, "uses", None)
        uses = find_uses([picture.name])[picture.name] if known is None else known
        return format_html_join("、", '<a href="{}">{}</a>', map(find_desk, uses)) or "未有使用"


def find_desk(thing: Entry | Publication) -> tuple[str, str]:
    """Where it is written, and what it is called."""
    return reverse(
        f"admin:{thing._meta.label_lower.replace('.', '_')}_change", args=[thing.pk]
    ), str(thing)


def describe_picture(picture: Picture) -> dict[str, Any]:
    return {
        "url": picture.get_absolute_url(),
        "width": picture.width,
        "height": picture.height,
        "alternative": picture.alternative,
        "caption": picture.caption,
    }
