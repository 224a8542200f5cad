"""Old editions handed in at the desk: read by a worker, looked through by an editor, made drafts.

A file goes its own way: what becomes of one is nothing to the others. Its bytes are kept only
until they are read, under a name that tells nothing, where no address leads.
"""

import hashlib
import logging
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any
from uuid import uuid4

from celery import signature
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q, QuerySet
from kombu.exceptions import OperationalError

from briefings.files import list_old_files
from briefings.html import HTMLTooLong, clean_html
from briefings.importer.documents import Kind, Manuscript, UnreadableDocument
from briefings.importer.labels import find_date, find_number
from briefings.importer.legacy import LegacyEdition
from briefings.importer.loader import ImportRefused, LoadedMeanwhile, load_edition
from briefings.importer.parser import parse_manuscript
from briefings.importer.readers import (
    ENDINGS,
    LARGEST_TEXT,
    find_excess,
    manuscript_from_bytes,
)
from briefings.importer.records import from_record, to_record
from briefings.models import Edition, ImportBatch, ImportedFile, ImportState

logger = logging.getLogger(__name__)

MOST_FILES = 50  # in one batch
FOLDER = "imports"

# A worker that says nothing for so long is dead: reading is stopped after a minute and a half.
LEASE = timedelta(minutes=4)
PATIENCE = timedelta(seconds=30)  # before a file that no worker has taken is called out again
MOST_CALLED = 20  # at a time
KEPT = timedelta(days=90)

INTERRUPTED = "上次讀取時中斷，正在重試。"

# One that is on its way or has arrived. What was refused or discarded may be handed in again.
HANDED_IN = Q(state__in=[ImportState.WAITING, ImportState.READING, ImportState.READ]) | Q(
    state=ImportState.ACCEPTED, edition__isnull=False
)

User = AbstractBaseUser | AnonymousUser


def hand_in(uploads: "Iterable[File[bytes]]", by: User) -> ImportBatch:
    """Keeps what can be read and has it read after commit; of the rest only name and reason."""
    with transaction.atomic():
        batch = ImportBatch.objects.create(handed_in_by_id=by.pk)
        for upload in uploads:
            file = ImportedFile(batch=batch, name=_tidy_name(upload.name or ""), size=upload.size)
            _take_in(file, upload)
            file.save()
            if file.state == ImportState.WAITING:
                _call_out_after_commit(file.pk)
    return batch


def _tidy_name(name: str) -> str:
    """Its end tells the kind of file, so a name that is too long loses its middle."""
    name = re.sub(r"[\x00-\x1f\x7f]", "", PurePath(name.replace("\\", "/")).name) or "（沒有檔名）"
    return name if len(name) <= 200 else f"{name[:180]}…{name[-19:]}"


def _take_in(file: ImportedFile, upload: "File[bytes]") -> None:
    kind = ENDINGS.get(PurePath(file.name).suffix.lower())
    if kind is None:
        file.state, file.reason = ImportState.REFUSED, "只收 .txt、.docx 和 .pdf 檔案。"
        return
    if reason := find_excess(kind, file.size) or ("" if file.size else "檔案是空的。"):
        file.state, file.reason = ImportState.REFUSED, reason
        return
    file.sha256 = _hash_bytes(upload)
    twin = ImportedFile.objects.filter(HANDED_IN, sha256=file.sha256).order_by("pk").first()
    if twin:
        _call_duplicate(file, twin.edition, twin)
        return
    upload.seek(0)
    file.upload.save(uuid4().hex, upload, save=False)


def _hash_bytes(upload: "File[bytes]") -> str:
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def _call_duplicate(file: ImportedFile, edition: Edition | None, twin: ImportedFile | None) -> None:
    file.state = ImportState.DUPLICATE
    file.edition = edition
    same = f"已匯入為{edition}" if edition else f"與「{twin}」內容相同"
    file.reason = f"{same}，沒有重複匯入。"


def _call_out_after_commit(file_id: int) -> None:
    # Robust: without its broker the file is kept all the same, and the sweep sees to it.
    transaction.on_commit(lambda: _call_out(file_id), robust=True)


def _call_out(file_id: int) -> None:
    # By name: the tasks import this module.
    signature("briefings.tasks.read_imported_file", args=(file_id,)).apply_async()


def read_file(file_id: int, now: datetime) -> None:
    """Does nothing if another worker has the file, or it was read before."""
    waiting = ImportedFile.objects.filter(pk=file_id, state=ImportState.WAITING)
    if not waiting.update(state=ImportState.READING, claimed_at=now):
        return
    file = ImportedFile.objects.get(pk=file_id)
    try:
        with file.upload.open("rb") as upload:
            content = upload.read()
    except (OSError, ValueError):
        logger.exception("The upload of imported file %s is gone", file_id)
        _refuse(file, "上載的檔案已不在，請再上載一次。")
    else:
        _understand(file, content)
    _settle(file)


def _understand(file: ImportedFile, content: bytes) -> None:
    try:
        manuscript = manuscript_from_bytes(content, name=file.name)
        _note_result(file, manuscript, parse_manuscript(manuscript))
    except UnreadableDocument as refusal:
        _refuse(file, str(refusal).removeprefix(f"{file.name}："))
    except Exception:
        logger.exception("Imported file %s could not be understood", file.pk)
        _refuse(file, "程式未能解讀這個檔案；請另存為純文字檔再試，並通知技術人員。")


def _refuse(file: ImportedFile, reason: str) -> None:
    file.state, file.reason = ImportState.REFUSED, reason
    file.source, file.result = "", None


def _note_result(file: ImportedFile, manuscript: Manuscript, legacy: LegacyEdition) -> None:
    """What the name of the file tells counts where the text says nothing."""
    legacy = replace(
        legacy,
        number=legacy.number or find_number(PurePath(file.name).stem),
        date=legacy.date or find_date(PurePath(file.name).stem),
        first_hash=legacy.source_hash,
    )
    file.state, file.reason = ImportState.READ, ""
    file.source = manuscript.source
    file.result = to_record(legacy) | {"kind": manuscript.kind}


def _settle(file: ImportedFile) -> None:
    """Writes down what became of the file, unless its claim was taken over; then drops the bytes.

    The batch is locked, so that of two files with one text, read at once, one is the duplicate.
    """
    with transaction.atomic():
        list(ImportBatch.objects.select_for_update().filter(pk=file.batch_id))
        if file.state == ImportState.READ:
            _notice_duplicate(file)
        upload, file.upload = file.upload.name, ""
        is_ours = ImportedFile.objects.filter(
            pk=file.pk, state=ImportState.READING, claimed_at=file.claimed_at
        ).update(
            **{
                name: getattr(file, name)
                for name in ("state", "reason", "source", "result", "edition", "upload")
            }
        )
    if is_ours and upload:
        default_storage.delete(upload)


def _notice_duplicate(file: ImportedFile) -> None:
    text_hash = (file.result or {})["first_hash"]
    edition = Edition.objects.filter(source_hash=text_hash).order_by("pk").first()
    same_text = ImportedFile.objects.filter(HANDED_IN, result__first_hash=text_hash)
    twin = same_text.exclude(pk=file.pk).order_by("pk").first()
    if edition or twin:
        _call_duplicate(file, edition or (twin.edition if twin else None), twin)
        file.source, file.result = "", None


def sweep(now: datetime) -> None:
    """What the schedule calls: no file waits for a dead worker, and nothing is kept forever."""
    call_out_stale(ImportedFile.objects.all(), now)
    ImportBatch.objects.filter(handed_in_at__lt=now - KEPT).delete()
    _drop_orphans(now)


def call_out_stale(files: QuerySet[ImportedFile], now: datetime) -> None:
    """Have read what nobody reads. A file during which two workers died is not tried again."""
    abandoned = files.filter(state=ImportState.READING, claimed_at__lt=now - LEASE)
    for file in abandoned.filter(reason=INTERRUPTED):
        _refuse(file, "兩次讀取都中斷，未能讀取。")
        _settle(file)
    abandoned.update(state=ImportState.WAITING, reason=INTERRUPTED)
    waiting = files.filter(state=ImportState.WAITING, batch__handed_in_at__lt=now - PATIENCE)
    for file_id in waiting.order_by("pk").values_list("pk", flat=True)[:MOST_CALLED]:
        try:
            _call_out(file_id)
        except OperationalError:  # they wait for the next who comes by
            logger.warning("The broker does not answer", exc_info=True)
            return


def _drop_orphans(now: datetime) -> None:
    """Uploads whose row was never written, is gone, or was settled by a worker that then died."""
    known = set(ImportedFile.objects.exclude(upload="").values_list("upload", flat=True))
    for path in list_old_files(FOLDER, now - timedelta(days=1)):
        if path not in known:
            default_storage.delete(path)


def read_result(file: ImportedFile) -> LegacyEdition:
    return from_record({k: v for k, v in (file.result or {}).items() if k != "kind"})


def get_kind(file: ImportedFile) -> Kind:
    return Kind((file.result or {})["kind"])


def fingerprint(file: ImportedFile) -> str:
    """Tells whether the reading is still the one that a form was opened on."""
    return hashlib.sha256(repr(read_result(file)).encode()).hexdigest()[:16]


def correct(file: ImportedFile, legacy: LegacyEdition) -> None:
    """Keeps what an editor made of the reading. Raises ImportRefused if it is settled already."""
    _change(file, result=to_record(legacy) | {"kind": get_kind(file)})


def read_again(file: ImportedFile, source: str) -> None:
    """Takes apart the source as an editor has corrected it, in place of what was made of it.

    Raises UnreadableDocument, and changes nothing, if no entry is found in it.
    """
    kind = get_kind(file)
    try:
        source = clean_html(source) if kind == Kind.WORD else source.replace("\r\n", "\n")
    except HTMLTooLong as refusal:
        raise UnreadableDocument(f"{file.name}：{refusal}") from refusal
    if len(source) > LARGEST_TEXT:
        raise UnreadableDocument(f"{file.name}：原文太長。")
    old = read_result(file)
    new = parse_manuscript(Manuscript(file.name, kind, source))
    new = replace(
        new,
        number=old.number or new.number,
        date=old.date or new.date,
        first_hash=old.first_hash,
    )
    _change(file, source=source, result=to_record(new) | {"kind": kind})


def discard(file: ImportedFile) -> None:
    _change(file, state=ImportState.DISCARDED, source="", result=None)


def _change(file: ImportedFile, **values: Any) -> None:
    if not ImportedFile.objects.filter(pk=file.pk, state=ImportState.READ).update(**values):
        raise ImportRefused(f"{file.name}：已有人處理過這個檔案。")


def accept(file: ImportedFile, by: User) -> Edition:
    """Makes it a draft edition. Raises ImportRefused, and makes nothing, if that can't be.

    Of text that has meanwhile become an edition it is noted that this is a duplicate.
    """
    try:
        edition = _accept(file, by)
    except LoadedMeanwhile:  # what was in the way can now be seen
        edition = _accept(file, by)
    if edition is None:
        file.refresh_from_db()
        raise ImportRefused(f"{file.name}：{file.reason}")
    return edition


@transaction.atomic
def _accept(file: ImportedFile, by: User) -> Edition | None:
    """None if the text is an edition already."""
    row = ImportedFile.objects.select_for_update().filter(pk=file.pk).first()
    if row is None or row.state != ImportState.READ:
        raise ImportRefused(f"{file.name}：已有人處理過這個檔案。")
    legacy = read_result(row)
    existing = Edition.objects.filter(source_hash=legacy.source_hash).order_by("pk").first()
    if existing:
        _call_duplicate(row, existing, None)
        row.save()
        return None
    if legacy.number and Edition.objects.filter(number=legacy.number).exists():
        raise ImportRefused(f"{file.name}：已有第{legacy.number}期，請改用另一個期號，或留空。")
    edition = load_edition(legacy, by=by).edition
    row.state, row.edition = ImportState.ACCEPTED, edition
    row.save()
    return edition


def accept_undoubted(batch: ImportBatch, by: User) -> tuple[list[Edition], list[ImportRefused]]:
    """Accepts what was read without a doubt, each file for itself; and what could not be, why."""
    editions, refusals = [], []
    for file in batch.files.filter(state=ImportState.READ):
        if read_result(file).doubts:
            continue
        try:
            editions.append(accept(file, by))
        except ImportRefused as refusal:
            refusals.append(refusal)
    return editions, refusals


def name_problem_of_batch(count: int) -> str:
    """Why so many files can't be handed in together; empty if they can."""
    if count == 0:
        return "請選擇要匯入的檔案。"
    return f"每次最多 {MOST_FILES} 個檔案，請分批上載。" if count > MOST_FILES else ""
