"""匯入會員: lists handed in, what would become of each row, and the decision."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminDateWidget
from django.core.exceptions import PermissionDenied
from django.core.validators import FileExtensionValidator
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from briefings.lookups import could_be_id
from briefings.models import Publication
from subscribers import imports
from subscribers.exports import CSV, send_table
from subscribers.importer.rows import HEADINGS, LABELS
from subscribers.models import ImportStep, JoinsAs, MemberImport, RowKind, word_consent

ENDINGS = ("csv", "tsv", "txt", "xlsx")


class ListForm(forms.ModelForm):
    """A list, and how the people on it came to agree."""

    upload = forms.FileField(
        label="檔案",
        help_text=f"CSV 或 XLSX，最多 {imports.MOST_ROWS // 10_000} 萬行、"
        f"{imports.LARGEST_FILE // 1024**2} MB；第一行是欄名。",
        validators=[
            FileExtensionValidator(ENDINGS, "只收 .csv、.tsv、.txt 和 .xlsx 檔案。"),
        ],
        widget=forms.FileInput(attrs={"accept": ",".join(f".{ending}" for ending in ENDINGS)}),
    )

    class Meta:
        model = MemberImport
        fields = [
            *("upload", "consent_source", "consented_on", "consent_wording"),
            *("joins_as", "updates_members"),
        ]
        widgets = {
            "consent_source": forms.Textarea({"rows": 2, "class": "vLargeTextField"}),
            "consent_wording": forms.Textarea({"rows": 3, "class": "vLargeTextField"}),
            "consented_on": AdminDateWidget,
            "joins_as": forms.RadioSelect,
        }
        help_texts = {
            "consent_source": "這些人在哪裏、怎樣同意，例如「2026 年會登記表」；每位會員都會記下。",
            "consented_on": "名單上最遲一位同意的日期。",
            "consent_wording": "當時請他們同意的字句。",
            "updates_members": "狀態和頻率不會改；名單上空着的也不會改。",
        }

    def clean_consented_on(self) -> Any:
        day = self.cleaned_data["consented_on"]
        if day > timezone.localdate():
            raise forms.ValidationError("同意日期不能在今天以後。")
        return day


class MemberImportAdmin(admin.ModelAdmin):
    """Who may hand in lists decides on them; others who may see members see what came of them."""

    list_display = ["name", "handed_in_by", "handed_in_at", "step", "show_result"]
    list_filter = ["step"]
    list_select_related = ["handed_in_by"]
    list_per_page = 50

    class Media:
        css = {"all": ["desk/imports.css", "desk/members.css"]}

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = "<int:import_id>/"
        return [
            path(f"{own}progress/", wrap(self.progress), name="member_import_progress"),
            path(f"{own}accept/", wrap(self.accept), name="member_import_accept"),
            path(f"{own}reject/", wrap(self.reject), name="member_import_reject"),
            path(f"{own}refused.csv", wrap(self.download), name="member_import_refused"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": "匯入會員"} | (extra_context or {}))

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",  # noqa: ARG002
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        self._ask_to_add(request)
        initial = {"consent_wording": word_consent(Publication.load()), "joins_as": JoinsAs.PENDING}
        form = ListForm(request.POST or None, request.FILES or None, initial=initial)
        if request.method == "POST" and form.is_valid():
            consent = {name: form.cleaned_data[name] for name in ListForm.Meta.fields[1:]}
            try:
                own = imports.hand_in(form.cleaned_data["upload"], by=request.user, **consent)
            except imports.ImportRefused as refusal:
                form.add_error("upload", str(refusal))
            else:
                return redirect("admin:subscribers_memberimport_change", own.pk)
        columns = [
            (
                LABELS[field],
                "、".join(name for name in names if not name.isascii()),
                ", ".join(filter(str.isascii, names)),
            )
            for field, names in HEADINGS.items()
        ]
        context = {"title": "匯入會員", "form": form, "columns": columns}
        return self._render(request, "upload", context | {"media": self.media + form.media})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",  # noqa: ARG002
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        own = self._get(request, int(object_id) if could_be_id(object_id) else 0)
        return self._render(request, "import", {"title": own.name} | self._describe(request, own))

    @method_decorator(never_cache)
    @method_decorator(require_safe)
    def progress(self, request: HttpRequest, import_id: int) -> HttpResponse:
        """What the page asks for while it is open."""
        about = self._describe(request, self._get(request, import_id))
        report = render_to_string("admin/subscribers/imports/report.html", about, request)
        told = {name: about[name] for name in ("done", "total", "summary")}
        return JsonResponse(told | {"files": report})

    @method_decorator(require_POST)
    def accept(self, request: HttpRequest, import_id: int) -> HttpResponse:
        own = self._get_to_decide(request, import_id)
        try:
            imports.accept(own, by=request.user, now=timezone.now())
        except imports.ImportRefused as refusal:
            messages.error(request, str(refusal))
        else:
            self.log_change(request, own, "接受匯入")
        return redirect("admin:subscribers_memberimport_change", own.pk)

    @method_decorator(require_POST)
    def reject(self, request: HttpRequest, import_id: int) -> HttpResponse:
        own = self._get_to_decide(request, import_id)
        try:
            imports.reject(own, by=request.user, now=timezone.now())
        except imports.ImportRefused as refusal:
            messages.error(request, str(refusal))
        else:
            self.log_change(request, own, "放棄匯入")
            messages.success(request, "已放棄這份名單，檔案已刪除；沒有寫入任何會員。")
        return redirect("admin:subscribers_memberimport_change", own.pk)

    @method_decorator(require_safe)
    def download(self, request: HttpRequest, import_id: int) -> HttpResponseBase:
        """The rows that were left out, to be put right and handed in again."""
        own = self._get(request, import_id)
        headings = [text for text, _ in own.headings]
        rows = own.rows.refused().values_list("number", "kind", "reason", "cells")

        def list_rows() -> Any:
            yield ["行", "結果", "原因", *headings]
            for number, kind, reason, cells in rows.iterator(chunk_size=1000):
                yield [str(number), RowKind(kind).label, reason, *cells]

        return send_table(list_rows(), name="未匯入的行", kind=CSV, today=timezone.localdate())

    def has_change_permission(self, *args: Any, **kwargs: Any) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, *args: Any, **kwargs: Any) -> bool:  # noqa: ARG002
        """They are the record of who consented to what."""
        return False

    def _ask_to_add(self, request: HttpRequest) -> None:
        if not self.has_add_permission(request):
            raise PermissionDenied

    def _get(self, request: HttpRequest, import_id: int) -> MemberImport:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(MemberImport, pk=import_id)

    def _get_to_decide(self, request: HttpRequest, import_id: int) -> MemberImport:
        self._ask_to_add(request)
        return get_object_or_404(MemberImport, pk=import_id)

    def _describe(self, request: HttpRequest, own: MemberImport) -> dict[str, Any]:
        return describe_import(own) | {"may_decide": self.has_add_permission(request)}

    def _render(self, request: HttpRequest, page: str, extra: dict[str, Any]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            **extra,
        }
        return TemplateResponse(request, f"admin/subscribers/imports/{page}.html", context)

    @admin.display(description="結果")
    def show_result(self, own: MemberImport) -> str:
        if own.is_under_way:
            return f"{own.percent}%"
        return summarise(own.counts) if own.counts else own.reason


def summarise(counts: dict[str, int]) -> str:
    told = [(kind.label, counts.get(kind, 0)) for kind in (RowKind.NEW, RowKind.UPDATED)]
    left_out = sum(counts.values()) - sum(count for _, count in told)
    parts = [f"{label} {count:,} 位" for label, count in told if count]
    return "，".join([*parts, f"不匯入 {left_out:,} 行"] if left_out else parts) or "沒有"


def describe_import(own: MemberImport) -> dict[str, Any]:
    """What its page says; the same, whoever asks and how often."""
    groups: dict[str, list[Any]] = {kind: [] for kind in RowKind.values}
    if not own.is_under_way:
        for kind in own.counts:
            groups[kind] = list(own.rows.filter(kind=kind)[: imports.SHOWN])
    kinds = [
        {"kind": kind, "count": own.counts[kind], "rows": groups[kind]}
        for kind in RowKind
        if own.counts.get(kind)
    ]
    left_out = sum(k["count"] for k in kinds if k["kind"] not in (RowKind.NEW, RowKind.UPDATED))
    return {
        "own": own,
        "kinds": kinds,
        "left_out": left_out,
        "changed": own.step == ImportStep.DONE and own.foreseen != own.counts,
        "foreseen": summarise(own.foreseen) if own.foreseen else "",
        "done": min(own.percent, 99) if own.is_under_way else 100,
        "total": 100,
        "summary": f"{own.get_step_display()}：{_tell_standing(own)}",
        "members_address": (
            f"{reverse('admin:subscribers_member_changelist')}?member_import__id__exact={own.pk}"
        ),
    }


def _tell_standing(own: MemberImport) -> str:
    if own.step == ImportStep.FAILED:
        return own.reason
    if not own.total:
        return "請稍候。" if own.is_under_way else "沒有寫入任何會員。"
    return f"{own.total:,} 行，{summarise(own.counts)}。"
