"""Files handed in: each read once, whatever becomes of its worker or of the others."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection
from django.utils import timezone
from reversion.models import Version

from briefings import imports
from briefings.importer.documents import UnreadableDocument
from briefings.importer.loader import ImportRefused, LoadedMeanwhile, load_edition
from briefings.models import Edition, ImportBatch, ImportedFile, ImportState
from briefings.tests.importer.specimens import HARBOUR, POWER, TALENT
from briefings.tests.importer.typesetting import typeset
from briefings.tests.importer.word_files import make_plain
from briefings.tests.makers import make_draft, make_reviewer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def editor():
    return make_reviewer()


def upload(content, name="舊期.txt"):
    return SimpleUploadedFile(name, content if isinstance(content, bytes) else content.encode())


def hand_in(editor, *uploads):
    return list(imports.hand_in(uploads, editor).files.all())


def read(file, now=None):
    imports.read_file(file.pk, now or timezone.now())
    file.refresh_from_db()
    return file


def stored():
    exists = default_storage.exists(imports.FOLDER)
    return default_storage.listdir(imports.FOLDER)[1] if exists else []


def make_read(editor, *pieces, name="舊期.txt"):
    [file] = hand_in(editor, upload(typeset(pieces or (TALENT,)), name))
    return read(file)


def test_what_is_handed_in_waits_under_a_name_that_tells_nothing(editor):
    [file] = hand_in(editor, upload(typeset([TALENT]), "機密.txt"))

    assert (file.state, file.name) == (ImportState.WAITING, "機密.txt")
    assert "機密" not in file.upload.name
    assert file.batch.handed_in_by == editor


def test_each_file_is_called_out_after_commit(editor, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as calls:
        hand_in(editor, upload(typeset([TALENT])), upload(typeset([POWER])))

    assert len(calls) == 2


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("舊期.doc", b"x", "只收"),
        ("舊期", b"x", "只收"),
        ("舊期.txt", b"", "空的"),
        ("舊期.txt", b"x" * (512 * 1024 + 1), "512 KB"),
    ],
)
def test_of_what_cannot_be_read_only_name_and_reason_stay(editor, name, content, reason):
    [file] = hand_in(editor, upload(content, name))

    assert (file.state, file.name) == (ImportState.REFUSED, name)
    assert reason in file.reason
    assert stored() == []


def test_a_long_name_keeps_its_end(editor):
    [file] = hand_in(editor, upload(typeset([TALENT]), "長" * 240 + ".txt"))

    assert len(file.name) == 200
    assert file.name.endswith(".txt")


def test_reading_keeps_source_and_result_and_drops_the_upload(editor):
    file = make_read(editor, HARBOUR, POWER)

    assert file.state == ImportState.READ
    assert HARBOUR.headline in file.source
    assert [e.headline for e in imports.read_result(file).entries] == [
        HARBOUR.headline,
        POWER.headline,
    ]
    assert (file.upload.name, stored()) == ("", [])


def test_a_refused_file_leaves_nothing_but_its_name_and_the_reason(editor):
    [file] = hand_in(editor, upload(b"PK\x03\x04 no zip", "壞.docx"))

    read(file)

    assert (file.state, file.source, file.result) == (ImportState.REFUSED, "", None)
    assert file.reason == "檔案不完整或已損壞，請重新下載或另存後再試。"
    assert stored() == []


def test_number_and_date_come_from_the_name_of_the_file(editor):
    file = make_read(editor, name="第12期_2023-11-15.txt")

    edition = imports.accept(file, editor)

    assert str(edition) == "第12期 2023-11-15"


def test_a_file_is_read_once_however_often_it_is_called_out(editor):
    file = make_read(editor)
    before = file.claimed_at

    read(file, timezone.now() + timedelta(hours=1))

    assert file.claimed_at == before


def test_a_file_that_another_worker_has_is_left_to_it(editor):
    [file] = hand_in(editor, upload(typeset([TALENT])))
    ImportedFile.objects.update(state=ImportState.READING, claimed_at=timezone.now())

    assert read(file).state == ImportState.READING


def test_a_file_whose_worker_died_is_read_again(editor):
    [file] = hand_in(editor, upload(typeset([TALENT])))
    died = timezone.now() - imports.LEASE - timedelta(seconds=1)
    ImportedFile.objects.update(state=ImportState.READING, claimed_at=died)

    imports.sweep(timezone.now())

    assert read(file).state == ImportState.READ


def test_a_file_that_a_worker_just_took_is_not_taken_from_it(editor):
    [file] = hand_in(editor, upload(typeset([TALENT])))
    ImportedFile.objects.update(state=ImportState.READING, claimed_at=timezone.now())

    imports.sweep(timezone.now())

    file.refresh_from_db()
    assert file.state == ImportState.READING


def test_a_file_that_ended_two_workers_is_given_up(editor):
    [file] = hand_in(editor, upload(typeset([TALENT])))
    for _ in range(2):
        died = timezone.now() - imports.LEASE - timedelta(seconds=1)
        ImportedFile.objects.update(state=ImportState.READING, claimed_at=died)
        imports.sweep(timezone.now())

    file.refresh_from_db()
    assert (file.state, file.reason) == (ImportState.REFUSED, "兩次讀取都中斷，未能讀取。")
    assert stored() == []


def test_a_worker_that_was_given_up_cannot_write_over_the_one_after_it(editor, monkeypatch):
    [file] = hand_in(editor, upload(typeset([TALENT])))
    later = timezone.now() + timedelta(hours=1)

    def be_overtaken(data, *, name):
        ImportedFile.objects.update(claimed_at=later)
        raise UnreadableDocument(f"{name}：讀得太慢。")

    monkeypatch.setattr(imports, "manuscript_from_bytes", be_overtaken)
    read(file)

    assert (file.state, file.claimed_at) == (ImportState.READING, later)
    assert len(stored()) == 1


def test_a_file_nobody_took_is_called_out_again(editor, monkeypatch):
    [file] = hand_in(editor, upload(typeset([TALENT])))
    called = []
    monkeypatch.setattr(imports, "_call_out", called.append)

    imports.sweep(timezone.now() + timedelta(minutes=1))

    assert called == [file.pk]


def test_a_fault_of_ours_refuses_the_file_and_no_other(editor, monkeypatch):
    files = hand_in(editor, upload(typeset([TALENT])), upload(typeset([POWER])))
    real = imports.parse_manuscript

    def fail_at_first(manuscript):
        if TALENT.headline in manuscript.source:
            raise RecursionError
        return real(manuscript)

    monkeypatch.setattr(imports, "parse_manuscript", fail_at_first)

    assert [read(file).state for file in files] == [ImportState.REFUSED, ImportState.READ]


@pytest.mark.parametrize("fault", [ValueError, OSError])
def test_a_fault_of_ours_is_not_put_down_to_the_upload(fault, editor, monkeypatch):
    [file] = hand_in(editor, upload(typeset([TALENT])))

    def fail(manuscript):
        raise fault

    monkeypatch.setattr(imports, "parse_manuscript", fail)

    assert read(file).reason.startswith("程式未能解讀這個檔案")


def test_an_upload_that_is_gone_is_said_to_be(editor):
    [file] = hand_in(editor, upload(typeset([TALENT])))
    default_storage.delete(file.upload.name)

    assert read(file).reason == "上載的檔案已不在，請再上載一次。"


def test_the_same_bytes_twice_are_a_duplicate_at_once(editor):
    one, two = hand_in(editor, upload(typeset([TALENT])), upload(typeset([TALENT]), "副本.txt"))

    assert (one.state, two.state) == (ImportState.WAITING, ImportState.DUPLICATE)
    assert two.reason == "與「舊期.txt」內容相同，沒有重複匯入。"
    assert len(stored()) == 1


def test_the_same_text_in_another_kind_of_file_is_a_duplicate(editor):
    make_read(editor, TALENT, POWER)
    [file] = hand_in(editor, upload(make_plain([TALENT, POWER]), "舊期.docx"))

    read(file)

    assert (file.state, file.source) == (ImportState.DUPLICATE, "")


def test_what_is_an_edition_already_is_a_duplicate_with_the_way_to_it(editor):
    edition = imports.accept(make_read(editor), editor)
    [file] = hand_in(editor, upload(typeset([TALENT]) + "\n"))

    read(file)

    assert (file.state, file.edition) == (ImportState.DUPLICATE, edition)


@pytest.mark.parametrize("ending", ["discard", "delete the draft"])
def test_what_was_given_up_may_be_handed_in_again(editor, ending):
    file = make_read(editor)
    if ending == "discard":
        imports.discard(file)
    else:
        imports.accept(file, editor).delete()

    assert make_read(editor).state == ImportState.READ


def test_accepting_makes_a_draft_that_says_who_and_whence(editor):
    file = make_read(editor, HARBOUR, POWER)

    edition = imports.accept(file, editor)

    file.refresh_from_db()
    entries = list(edition.entries.all())
    assert (file.state, file.edition) == (ImportState.ACCEPTED, edition)
    assert [entry.created_by for entry in entries] == [editor, editor]
    assert {entry.state for entry in entries} | {edition.state} == {"draft"}
    kept = Version.objects.get_for_object(entries[0])
    assert [version.revision.comment for version in kept] == ["由「舊期.txt」匯入"]


def test_accepting_twice_makes_one_edition(editor):
    file = make_read(editor)
    imports.accept(file, editor)

    with pytest.raises(ImportRefused, match="處理過"):
        imports.accept(file, editor)

    assert Edition.objects.count() == 1


def make_twin(file):
    """The same text in another batch, as two workers read it at once."""
    return ImportedFile.objects.create(
        batch=ImportBatch.objects.create(),
        name="副本.txt",
        state=ImportState.READ,
        source=file.source,
        result=file.result,
    )


def test_a_text_that_is_an_edition_by_now_is_refused_and_the_edition_named(editor):
    file = make_read(editor, name="第12期.txt")
    twin = make_twin(file)
    edition = imports.accept(file, editor)

    with pytest.raises(ImportRefused, match="已匯入為第12期，沒有重複匯入"):
        imports.accept(twin, editor)

    twin.refresh_from_db()
    assert (twin.state, twin.edition) == (ImportState.DUPLICATE, edition)
    assert Edition.objects.count() == 1


def test_no_two_editions_are_known_by_one_text():
    make_draft(source_hash="a" * 64)

    with pytest.raises(IntegrityError):
        make_draft(source_hash="a" * 64)


def test_editions_written_at_the_desk_have_no_text_to_be_known_by():
    make_draft()

    make_draft()

    assert Edition.objects.filter(source_hash="").count() == 2


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_who_accept_the_same_text_at_once_one_is_refused(editor):
    file = make_read(editor)
    files = [file, make_twin(file)]
    start = Barrier(2)

    def accept(file: ImportedFile) -> str:
        start.wait()
        try:
            return str(imports.accept(file, editor))
        except ImportRefused as refused:
            return str(refused)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(accept, files))

    assert Edition.objects.count() == 1
    assert sum("沒有重複匯入" in outcome for outcome in told) == 1
    states = set(ImportedFile.objects.values_list("state", flat=True))
    assert states == {ImportState.ACCEPTED, ImportState.DUPLICATE}


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_commands_that_load_the_same_text_at_once_one_writes_it(editor):
    legacy = imports.read_result(make_read(editor))
    start = Barrier(2)

    def load(_: int) -> str:
        start.wait()
        try:
            return load_edition(legacy).status
        except LoadedMeanwhile:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        outcomes = set(pool.map(load, range(2)))

    assert Edition.objects.count() == 1
    assert outcomes in ({"created", "unchanged"}, {"created", "refused"})


def test_a_number_in_use_is_refused_and_the_file_stays(editor):
    make_draft(number=12)
    file = make_read(editor, name="第12期.txt")

    with pytest.raises(ImportRefused, match="已有第12期"):
        imports.accept(file, editor)

    file.refresh_from_db()
    assert file.state == ImportState.READ
    assert Edition.objects.count() == 1


def test_of_a_batch_all_without_doubt_are_accepted_and_no_other(editor):
    doubtful = "內部參考\n" + typeset([POWER])
    files = hand_in(editor, upload(typeset([TALENT])), upload(doubtful), upload(b"%PDF-", "壞.pdf"))
    for file in files:
        read(file)

    editions, refusals = imports.accept_undoubted(files[0].batch, editor)

    states = [file.state for file in files[0].batch.files.all()]
    assert (len(editions), refusals) == (1, [])
    assert states == [ImportState.ACCEPTED, ImportState.READ, ImportState.REFUSED]


def test_a_corrected_source_is_read_again_and_still_known(editor):
    file = make_read(editor, TALENT)
    first = imports.read_result(file).source_hash

    imports.read_again(file, file.source.replace("人才清單更新之後", "人才清單之後"))

    file.refresh_from_db()
    result = imports.read_result(file)
    assert result.entries[0].headline == "人才清單之後"
    assert result.source_hash == first


def test_a_source_without_an_entry_changes_nothing(editor):
    file = make_read(editor)
    source = file.source

    with pytest.raises(UnreadableDocument):
        imports.read_again(file, "各位同事：")

    file.refresh_from_db()
    assert file.source == source


def test_a_corrected_import_is_a_duplicate_when_its_file_comes_again(editor):
    file = make_read(editor, TALENT)
    imports.read_again(file, file.source.replace("人才清單更新之後", "人才清單之後"))
    file.refresh_from_db()
    edition = imports.accept(file, editor)
    [again] = hand_in(editor, upload(typeset([TALENT]) + "\n"))

    assert (read(again).state, again.edition) == (ImportState.DUPLICATE, edition)


def test_discarding_leaves_neither_source_nor_result(editor):
    file = make_read(editor)

    imports.discard(file)

    file.refresh_from_db()
    assert (file.state, file.source, file.result) == (ImportState.DISCARDED, "", None)


def test_what_nobody_knows_of_is_dropped_after_a_day(editor):
    hand_in(editor, upload(typeset([TALENT])))
    default_storage.save(f"{imports.FOLDER}/orphan", ContentFile(b"x"))

    imports.sweep(timezone.now())
    assert len(stored()) == 2
    imports.sweep(timezone.now() + timedelta(days=2))

    assert len(stored()) == 1
    assert "orphan" not in stored()


def test_a_batch_is_forgotten_after_some_months_but_not_its_editions(editor):
    imports.accept(make_read(editor), editor)

    imports.sweep(timezone.now() + imports.KEPT + timedelta(days=1))

    assert (ImportBatch.objects.count(), Edition.objects.count()) == (0, 1)
