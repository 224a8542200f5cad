"""匯入舊期數: files handed in, how far they are read, and each looked through by an editor."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from briefings import imports
from briefings.admin.base import DeskAdmin
from briefings.admin.import_forms import (
    LabelForm,
    PieceFormSet,
    SourceForm,
    UploadForm,
    get_initial,
)
from briefings.html import clean_html
from briefings.importer.blocks import split_elements
from briefings.importer.documents import LINE_END, Doubt, Kind, UnreadableDocument
from briefings.importer.legacy import LegacyEdition
from briefings.importer.loader import ImportRefused
from briefings.importer.rearranging import join_to_previous, leave_out, rewrite_body, split_at
from briefings.lookups import could_be_id
from briefings.models import ImportBatch, ImportedFile, ImportState

UNDER_WAY = [ImportState.WAITING, ImportState.READING]


@dataclass
class ShownLine:
    """A line of the source, or a block of the result, with what is unsure about it."""

    number: int
    html: SafeString | str
    doubts: list[tuple[int, Doubt]] = field(default_factory=list)


@dataclass
class ShownPiece:
    """An entry as it was read: its headline and lead as one place, then its blocks."""

    head: ShownLine
    blocks: list[ShownLine]
    form: Any


@dataclass
class ReviewForms:
    label: LabelForm
    pieces: Any
    source: SourceForm


@admin.register(ImportBatch)
class ImportBatchAdmin(DeskAdmin):
    """Every page asks for the permission to hand in files; what they hold is for nobody else."""

    list_display = ["show_label", "handed_in_by", "show_file_count", "show_standing"]
    list_display_links = ["show_label"]
    list_select_related = ["handed_in_by"]
    list_per_page = 50

    class Media:
        css = {"all": ["desk/imports.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportBatch]:
        batches: QuerySet[ImportBatch] = super().get_queryset(request)
        return batches.annotate(
            file_count=Count("files"),
            unread_count=Count("files", filter=Q(files__state__in=UNDER_WAY)),
            undecided_count=Count("files", filter=Q(files__state=ImportState.READ)),
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """They go by themselves, after some months."""
        return False

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        file = "files/<int:file_id>/"
        return [
            path("<int:batch_id>/progress/", wrap(self.progress), name="import_progress"),
            path("<int:batch_id>/accept/", wrap(self.accept_undoubted), name="import_accept_all"),
            path(file, wrap(self.review), name="import_review"),
            path(f"{file}again/", wrap(self.read_again), name="import_again"),
            path(f"{file}discard/", wrap(self.discard), name="import_discard"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": "匯入舊期數"} | (extra_context or {}))

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",  # noqa: ARG002
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        self._ask_permission(request)
        form = UploadForm()
        if request.method == "POST":
            uploads = request.FILES.getlist("uploads")
            form = UploadForm(request.POST, request.FILES)
            if problem := imports.name_problem_of_batch(len(uploads)):
                form.errors.clear()
                form.add_error("uploads", problem)
            else:
                batch = imports.hand_in(uploads, request.user)
                return redirect("admin:briefings_importbatch_change", batch.pk)
        context = {"title": "匯入舊期數", "form": form, "most_files": imports.MOST_FILES}
        return self._render(request, "upload", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",  # noqa: ARG002
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        self._ask_permission(request)
        batch = get_object_or_404(ImportBatch, pk=object_id if could_be_id(object_id) else None)
        return self._render(request, "batch", {"title": name_batch(batch)} | describe_batch(batch))

    @method_decorator(never_cache)
    @method_decorator(require_safe)
    def progress(self, request: HttpRequest, batch_id: int) -> HttpResponse:
        """What the batch's page asks for while it is open; also wakes what a dead worker left."""
        batch = self._get_batch(request, batch_id)
        imports.call_out_stale(batch.files.all(), timezone.now())
        about = describe_batch(batch)
        return JsonResponse(
            {
                "done": about["done"],
                "total": about["total"],
                "summary": about["summary"],
                "files": render_to_string("admin/briefings/imports/files.html", about, request),
            }
        )

    @method_decorator(require_POST)
    def accept_undoubted(self, request: HttpRequest, batch_id: int) -> HttpResponse:
        batch = self._get_batch(request, batch_id)
        editions, refusals = imports.accept_undoubted(batch, request.user)
        for refusal in refusals:
            messages.error(request, str(refusal))
        for edition in editions:
            self.log_addition(request, edition, "匯入時接受全部沒有疑問的")
        if editions:
            messages.success(request, f"已接受{len(editions)}個檔案，各成為一期草稿。")
        elif not refusals:
            messages.info(request, "沒有可以直接接受的檔案。")
        return redirect("admin:briefings_importbatch_change", batch.pk)

    def review(self, request: HttpRequest, file_id: int) -> HttpResponse:
        file = self._get_file(request, file_id)
        if file.state != ImportState.READ:
            return redirect("admin:briefings_importbatch_change", file.batch_id)
        legacy = imports.read_result(file)
        if request.method == "POST" and request.POST.get("basis") != imports.fingerprint(file):
            messages.error(request, "另一人剛改過這份讀取結果，你的修改未有儲存；請看過再改。")
            return redirect("admin:import_review", file.pk)
        forms = make_forms(file, legacy, request.POST or None)
        if request.method == "POST" and forms.label.is_valid() and forms.pieces.is_valid():
            return self._carry_out(request, file, apply_corrections(legacy, forms))
        return self._show_review(request, file, legacy, forms)

    @method_decorator(require_POST)
    def read_again(self, request: HttpRequest, file_id: int) -> HttpResponse:
        file = self._get_file(request, file_id)
        if file.state != ImportState.READ:
            return redirect("admin:briefings_importbatch_change", file.batch_id)
        legacy = imports.read_result(file)
        forms = make_forms(file, legacy)
        forms.source = SourceForm(request.POST, kind=imports.get_kind(file))
        try:
            if forms.source.is_valid():
                imports.read_again(file, forms.source.cleaned_data["source"])
                messages.success(request, "已按修改後的原文重新讀取。")
                return redirect("admin:import_review", file.pk)
        except (ImportRefused, UnreadableDocument) as refusal:
            forms.source.add_error("source", str(refusal).removeprefix(f"{file.name}："))
        return self._show_review(request, file, legacy, forms)

    @method_decorator(require_POST)
    def discard(self, request: HttpRequest, file_id: int) -> HttpResponse:
        file = self._get_file(request, file_id)
        try:
            imports.discard(file)
        except ImportRefused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"已放棄「{file.name}」。需要時可再上載。")
        return redirect("admin:briefings_importbatch_change", file.batch_id)

    def _carry_out(
        self, request: HttpRequest, file: ImportedFile, legacy: LegacyEdition
    ) -> HttpResponse:
        """Saves what is in the form, and does what the button that was pressed says."""
        act, *places = request.POST.get("act", "save").split("-")
        numbers = [int(place) for place in places if could_be_id(place)]
        if act == "join" and len(numbers) == 1:
            legacy = join_to_previous(legacy, numbers[0])
        elif act == "split" and len(numbers) == 2:
            legacy = split_at(legacy, *numbers)
        elif act == "drop" and len(numbers) == 1:
            legacy = leave_out(legacy, numbers[0])
        try:
            imports.correct(file, legacy)
            if act == "accept":
                edition = imports.accept(file, request.user)
                self.log_addition(request, edition, f"由「{file.name}」匯入")
                messages.success(
                    request,
                    format_html(
                        '「{}」已成為草稿：<a href="{}">{}</a>。',
                        file.name,
                        reverse("admin:briefings_edition_change", args=[edition.pk]),
                        edition,
                    ),
                )
                return redirect("admin:briefings_importbatch_change", file.batch_id)
        except ImportRefused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, "已儲存修改。")
        return redirect("admin:import_review", file.pk)

    def _show_review(
        self, request: HttpRequest, file: ImportedFile, legacy: LegacyEdition, forms: ReviewForms
    ) -> HttpResponse:
        kind = imports.get_kind(file)
        doubts = list(enumerate(legacy.doubts, start=1))
        shown, before, after = show_result(legacy, forms.pieces, doubts)
        context = {
            "title": f"核對「{file.name}」",
            "file": file,
            "basis": imports.fingerprint(file),
            "is_word": kind == Kind.WORD,
            "doubts": doubts,
            "lines": show_source(file.source, kind, doubts),
            "pieces": shown,
            "doubts_before": before,
            "doubts_after": after,
            "imprint": legacy.imprint,
            "label_form": forms.label,
            "formset": forms.pieces,
            "source_form": forms.source,
            "has_errors": bool(forms.label.errors) or any(forms.pieces.errors),
            "media": self.media + forms.pieces.media + forms.label.media + forms.source.media,
        }
        return self._render(request, "review", context)

    def _ask_permission(self, request: HttpRequest) -> None:
        if not self.has_add_permission(request):
            raise PermissionDenied

    def _get_file(self, request: HttpRequest, file_id: int) -> ImportedFile:
        self._ask_permission(request)
        return get_object_or_404(ImportedFile.objects.select_related("batch"), pk=file_id)

    def _get_batch(self, request: HttpRequest, batch_id: int) -> ImportBatch:
        self._ask_permission(request)
        return get_object_or_404(ImportBatch, pk=batch_id)

    def _render(self, request: HttpRequest, page: str, extra: dict[str, Any]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            **extra,
        }
        return TemplateResponse(request, f"admin/briefings/imports/{page}.html", context)

    @admin.display(description="匯入", ordering="handed_in_at")
    def show_label(self, batch: ImportBatch) -> str:
        return name_batch(batch)

    @admin.display(description="檔案")
    def show_file_count(self, batch: Any) -> str:
        return f"{batch.file_count}個"

    @admin.display(description="進度")
    def show_standing(self, batch: Any) -> str:
        if batch.unread_count:
            return f"讀取中，尚餘{batch.unread_count}個"
        return f"{batch.undecided_count}個待核對" if batch.undecided_count else "已處理"


def name_batch(batch: ImportBatch) -> str:
    return f"{timezone.localtime(batch.handed_in_at):%Y-%m-%d %H:%M} 匯入"


def describe_batch(batch: ImportBatch) -> dict[str, Any]:
    """What the batch's page says of its files; the same, whoever asks and how often."""
    files = list(batch.files.select_related("edition"))
    for file in files:
        legacy = imports.read_result(file) if file.state == ImportState.READ else None
        file.entry_count = len(legacy.entries) if legacy else 0  # type: ignore[attr-defined]
        file.doubt_count = len(legacy.doubts) if legacy else 0  # type: ignore[attr-defined]
    done = sum(file.state not in UNDER_WAY for file in files)
    counts = [
        (sum(file.state == state for file in files), state.label)
        for state in ImportState
        if state not in UNDER_WAY
    ]
    told = "，".join(f"{count}個{label}" for count, label in counts if count)
    undoubted = [f for f in files if f.state == ImportState.READ and not f.doubt_count]  # type: ignore[attr-defined]
    return {
        "batch": batch,
        "files": files,
        "done": done,
        "total": len(files),
        "summary": f"已讀 {done}／{len(files)} 個檔案" + (f"：{told}。" if told else "。"),
        "undoubted_count": len(undoubted),
    }


def make_forms(file: ImportedFile, legacy: LegacyEdition, data: Any = None) -> ReviewForms:
    return ReviewForms(
        label=LabelForm(data, initial={"number": legacy.number, "date": legacy.date}),
        pieces=PieceFormSet(data, initial=get_initial(legacy), prefix="piece"),
        source=SourceForm(kind=imports.get_kind(file), initial={"source": file.source}),
    )


def apply_corrections(legacy: LegacyEdition, forms: ReviewForms) -> LegacyEdition:
    entries = tuple(
        replace(
            entry,
            headline=form.cleaned_data["headline"],
            lead=form.cleaned_data["lead"].replace("\r\n", "\n").strip(),
            blocks=rewrite_body(entry, form.cleaned_data["body"]),
        )
        for entry, form in zip(legacy.entries, forms.pieces.forms, strict=True)
    )
    return replace(
        legacy,
        number=forms.label.cleaned_data["number"],
        date=forms.label.cleaned_data["date"],
        entries=entries,
    )


def show_source(source: str, kind: Kind, doubts: list[tuple[int, Doubt]]) -> list[ShownLine]:
    if kind == Kind.WORD:
        elements = split_elements(source)
        lines = [ShownLine(n, mark_safe(clean_html(e))) for n, e in enumerate(elements, start=1)]  # noqa: S308
    else:
        texts = enumerate(LINE_END.split(source), start=1)
        lines = [ShownLine(n, _draw_bullets(text)) for n, text in texts if text.strip()]
    for numbered in doubts:
        _place(numbered, lines).doubts.append(numbered)
    return lines


def _draw_bullets(text: str) -> str:
    """What Word's own fonts draw as bullets is in private use, and elsewhere an empty box."""
    return re.sub("[\uf000-\uf0ff]", "•", text)


def show_result(
    legacy: LegacyEdition, pieces: Any, doubts: list[tuple[int, Doubt]]
) -> tuple[list[ShownPiece], list[tuple[int, Doubt]], list[tuple[int, Doubt]]]:
    """The entries, and the doubts about what stands before the first and after the last."""
    shown = [
        ShownPiece(
            head=ShownLine(entry.line, entry.headline),
            blocks=[ShownLine(b.line, mark_safe(clean_html(b.html))) for b in entry.blocks],  # noqa: S308
            form=form,
        )
        for entry, form in zip(legacy.entries, pieces.forms, strict=True)
    ]
    places = [line for piece in shown for line in (piece.head, *piece.blocks)]
    start = min(place.number for place in places)
    last = max((doubt.line for _, doubt in doubts), default=0)
    stop = legacy.imprint.line if legacy.imprint else last + 1
    before = [numbered for numbered in doubts if numbered[1].line < start]
    after = [numbered for numbered in doubts if numbered[1].line >= stop]
    for numbered in doubts:
        if start <= numbered[1].line < stop:
            _place(numbered, places).doubts.append(numbered)
    return shown, before, after


def _place(numbered: tuple[int, Doubt], places: list[ShownLine]) -> ShownLine:
    """The last that begins on the doubt's line or before it."""
    fitting = [place for place in places if place.number <= numbered[1].line]
    return max(fitting, key=lambda place: place.number) if fitting else places[0]
