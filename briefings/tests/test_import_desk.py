"""Old editions from upload to draft, by the pages of the desk and without JavaScript."""

from dataclasses import replace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from briefings import imports
from briefings.html import LONGEST
from briefings.models import Edition, Entry, ImportBatch, ImportedFile, ImportState
from briefings.tests.importer.specimens import HARBOUR, POWER, TALENT
from briefings.tests.importer.typesetting import typeset
from briefings.tests.importer.word_files import make_styled
from briefings.tests.makers import make_staff, make_writer

pytestmark = pytest.mark.django_db

UPLOAD = "/admin/briefings/importbatch/add/"
DOUBTFUL = "內部參考\n" + typeset([HARBOUR, POWER])


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def editor():
    return make_staff(
        *("view_importbatch", "add_importbatch", "view_edition", "add_edition", "change_edition")
    )


@pytest.fixture
def client(client, editor):
    client.force_login(editor)
    return client


def upload(content, name="舊期.txt"):
    return SimpleUploadedFile(name, content if isinstance(content, bytes) else content.encode())


def make_batch(editor, *uploads):
    batch = imports.hand_in(uploads, editor)
    for file in batch.files.all():
        imports.read_file(file.pk, timezone.now())
    return batch


def make_file(editor, content=DOUBTFUL, name="舊期.txt"):
    return make_batch(editor, upload(content, name)).files.get()


def page_of(batch):
    return reverse("admin:briefings_importbatch_change", args=[batch.pk])


def review_of(file):
    return reverse("admin:import_review", args=[file.pk])


def fill_in(client, file, **changed):
    """What the review's form sends if an editor changes only this."""
    context = client.get(review_of(file)).context
    data = {"basis": context["basis"], "number": "", "date": "", "act": "save"}
    for form in (context["formset"].management_form, *context["formset"].forms):
        data |= {field.html_name: field.value() or "" for field in form}
    return data | {name.replace("__", "-"): value for name, value in changed.items()}


def messages_of(answer):
    return [str(message) for message in answer.context["messages"]]


def test_several_files_make_a_batch_and_its_page_tells_each(client):
    answer = client.post(
        UPLOAD,
        {"uploads": [upload(typeset([TALENT]), "一.txt"), upload(b"x", "二.doc")]},
        follow=True,
    )

    batch = ImportBatch.objects.get()
    assert answer.redirect_chain[-1][0] == page_of(batch)
    assert [file.name for file in answer.context["files"]] == ["一.txt", "二.doc"]
    assert "已讀 1／2 個檔案：1個未能讀取。" in answer.text


def test_nothing_chosen_is_said_and_makes_nothing(client):
    answer = client.post(UPLOAD)

    assert "請選擇要匯入的檔案。" in answer.text
    assert not ImportBatch.objects.exists()


def test_too_many_at_once_are_refused_and_none_is_kept(client):
    answer = client.post(UPLOAD, {"uploads": [upload(b"x", f"{n}.txt") for n in range(51)]})

    assert "每次最多 50 個檔案" in answer.text
    assert not ImportBatch.objects.exists()


def test_the_progress_counts_what_is_read(client, editor):
    batch = imports.hand_in([upload(typeset([TALENT])), upload(typeset([POWER]))], editor)
    address = reverse("admin:import_progress", args=[batch.pk])
    imports.read_file(batch.files.first().pk, timezone.now())

    news = client.get(address).json()

    assert (news["done"], news["total"]) == (1, 2)
    assert news["summary"] == "已讀 1／2 個檔案：1個待核對。"


def test_asking_for_the_progress_wakes_what_a_dead_worker_left(client, editor):
    batch = imports.hand_in([upload(typeset([TALENT]))], editor)
    died = timezone.now() - imports.LEASE * 2
    ImportedFile.objects.update(state=ImportState.READING, claimed_at=died)

    client.get(reverse("admin:import_progress", args=[batch.pk]))

    assert ImportedFile.objects.get().state == ImportState.WAITING


def test_the_progress_is_shown_while_the_broker_is_away(client, editor, monkeypatch):
    batch = imports.hand_in([upload(typeset([TALENT]))], editor)
    ImportBatch.objects.update(handed_in_at=timezone.now() - imports.PATIENCE * 2)

    def refuse(_file_id):
        raise OperationalError("no broker")

    monkeypatch.setattr(imports, "_call_out", refuse)

    answer = client.get(reverse("admin:import_progress", args=[batch.pk]))

    assert answer.status_code == 200


def test_a_doubt_stands_in_the_source_and_in_the_result(client, editor):
    answer = client.get(review_of(make_file(editor)))

    assert answer.text.count("沒有匯入：「內部參考」") == 3
    assert 'href="#source-doubt-1"' in answer.text
    assert 'id="source-doubt-1"' in answer.text
    assert 'id="result-doubt-1"' in answer.text


def test_lines_of_the_source_have_their_numbers(client, editor):
    answer = client.get(review_of(make_file(editor)))

    first, second = answer.context["lines"][:2]
    assert (first.number, first.html) == (1, "內部參考")
    assert HARBOUR.headline in second.html


def test_what_an_editor_corrects_is_what_is_accepted(client, editor):
    file = make_file(editor)
    body = "<p>改過的正文。</p><ul><li>甲</li></ul><script>alert(1)</script>"
    data = fill_in(
        client,
        file,
        number="12",
        date="2023-11-15",
        piece__0__headline="改過的標題",
        piece__0__body=body,
        act="accept",
    )

    answer = client.post(review_of(file), data, follow=True)

    edition = Edition.objects.get()
    entry = edition.entries.first()
    assert str(edition) == "第12期 2023-11-15"
    assert (entry.headline, entry.lead) == ("改過的標題", HARBOUR.lead)
    assert entry.body == "<p>改過的正文。</p>\n<ul><li>甲</li></ul>"
    assert entry.created_by == editor
    link = f'<a href="/admin/briefings/edition/{edition.pk}/change/">第12期 2023-11-15</a>'
    assert messages_of(answer) == [f"「舊期.txt」已成為草稿：{link}。"]


def test_accepting_what_was_not_touched_changes_no_character(client, editor):
    file = make_file(editor)
    found = imports.read_result(file).entries

    client.post(review_of(file), fill_in(client, file, act="accept"))

    read = [entry.body for entry in found]
    assert [entry.body for entry in Entry.objects.order_by("position")] == read


def test_a_wrong_field_is_said_and_nothing_is_lost(client, editor):
    file = make_file(editor)
    data = fill_in(client, file, piece__0__headline="", piece__1__lead="打了一半的導言")

    answer = client.post(review_of(file), data)

    assert "請改正下面的錯誤" in answer.text
    assert "打了一半的導言" in answer.text


def test_a_number_in_use_is_said_and_the_corrections_are_kept(client, editor):
    Edition.objects.create(number=12)
    file = make_file(editor)
    data = fill_in(client, file, number="12", act="accept", piece__0__lead="新的導言。")

    answer = client.post(review_of(file), data, follow=True)

    assert ["已有第12期" in message for message in messages_of(answer)] == [True]
    file.refresh_from_db()
    assert imports.read_result(file).entries[0].lead == "新的導言。"


@pytest.mark.parametrize(
    ("act", "count"),
    [("join-1", 1), ("drop-0", 1), ("split-1-1", 3), ("join-x", 2), ("split-9", 2)],
)
def test_entries_are_joined_split_and_left_out(client, editor, act, count):
    file = make_file(editor)

    client.post(review_of(file), fill_in(client, file, act=act))

    file.refresh_from_db()
    assert len(imports.read_result(file).entries) == count


def test_a_form_opened_before_another_editor_saved_is_stopped(client, editor):
    file = make_file(editor)
    stale = fill_in(client, file, piece__0__headline="後來的")
    client.post(review_of(file), fill_in(client, file, piece__0__headline="先儲存的"))

    answer = client.post(review_of(file), stale, follow=True)

    assert any("另一人剛改過" in message for message in messages_of(answer))
    file.refresh_from_db()
    assert imports.read_result(file).entries[0].headline == "先儲存的"


def test_a_corrected_source_is_read_again(client, editor):
    file = make_file(editor)
    address = reverse("admin:import_again", args=[file.pk])

    client.post(address, {"source": file.source.replace("內部參考\n", "").replace("\n", "\r\n")})

    file.refresh_from_db()
    assert imports.read_result(file).doubts == ()


def test_a_source_without_entries_is_given_back_with_the_reason(client, editor):
    file = make_file(editor)

    answer = client.post(reverse("admin:import_again", args=[file.pk]), {"source": "甚麼都沒有"})

    assert "找不到任何一篇短評" in answer.text
    assert "甚麼都沒有" in answer.text


def test_a_paragraph_of_a_word_file_is_made_a_headline_in_its_source(client, editor):
    file = make_file(editor, make_styled([TALENT, POWER], extras=["list"]), "舊期.docx")
    source = file.source.replace("<h2>淺談", "<p>淺談", 1)
    address = reverse("admin:import_again", args=[file.pk])

    client.post(
        address, {"source": source.replace("買得到，用得着？</h2>", "買得到，用得着？</p>")}
    )
    file.refresh_from_db()
    joined = len(imports.read_result(file).entries)
    client.post(address, {"source": file.source.replace("<p>淺談", "<h2>淺談", 1)})

    file.refresh_from_db()
    assert (joined, len(imports.read_result(file).entries)) == (1, 2)


def test_discarding_leaves_the_name_only(client, editor):
    file = make_file(editor)

    client.post(reverse("admin:import_discard", args=[file.pk]))

    file.refresh_from_db()
    assert (file.state, file.source) == (ImportState.DISCARDED, "")


def test_all_without_doubt_are_accepted_at_once(client, editor):
    batch = make_batch(editor, upload(typeset([TALENT])), upload(DOUBTFUL))

    answer = client.post(reverse("admin:import_accept_all", args=[batch.pk]), follow=True)

    assert messages_of(answer) == ["已接受1個檔案，各成為一期草稿。"]
    assert Edition.objects.count() == 1


def test_a_duplicate_leads_to_its_edition(client, editor):
    edition = imports.accept(make_file(editor, typeset([TALENT])), editor)
    batch = make_batch(editor, upload(typeset([TALENT])))

    assert f"/admin/briefings/edition/{edition.pk}/change/" in client.get(page_of(batch)).text


def test_a_settled_file_is_reviewed_no_more(client, editor):
    file = make_file(editor)
    imports.discard(file)

    assert client.get(review_of(file)).url == page_of(file.batch)


def test_the_list_of_editions_leads_here(client):
    assert UPLOAD in client.get("/admin/briefings/edition/").text


def test_script_in_a_source_is_shown_not_run(client, editor):
    file = make_file(editor, typeset([TALENT]).replace("清單的", "<script>alert(1)</script>清單的"))

    answer = client.get(review_of(file))

    assert "<script>alert(1)" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_may_not_import_sees_and_does_nothing(client, editor, method):
    file = make_file(editor)
    client.force_login(make_writer())
    addresses = [
        UPLOAD,
        "/admin/briefings/importbatch/",
        page_of(file.batch),
        review_of(file),
        reverse("admin:import_progress", args=[file.batch_id]),
        reverse("admin:import_accept_all", args=[file.batch_id]),
        reverse("admin:import_again", args=[file.pk]),
        reverse("admin:import_discard", args=[file.pk]),
    ]

    statuses = {getattr(client, method)(address).status_code for address in addresses}

    assert statuses <= {403, 405}
    file.refresh_from_db()
    assert file.state == ImportState.READ


@pytest.mark.parametrize("name", ["import_accept_all", "import_again", "import_discard"])
def test_looking_does_nothing(client, editor, name):
    file = make_file(editor)
    pk = file.batch_id if name == "import_accept_all" else file.pk

    assert client.get(reverse(f"admin:{name}", args=[pk])).status_code == 405


def test_a_file_with_an_entry_that_is_too_long_is_refused_when_it_is_read(editor):
    long = replace(HARBOUR, paragraphs=[f"{'A&B' * 45_000}。"])

    file = make_file(editor, typeset([long]))

    assert file.state == ImportState.REFUSED
    assert "內容太長" in file.reason


def test_a_correction_that_makes_an_entry_too_long_is_refused_with_what_was_typed(client, editor):
    file = make_file(editor)

    long = {"piece__0__body": "字" * (LONGEST + 1), "piece__0__headline": "改過的標題"}

    page = client.post(review_of(file), fill_in(client, file, **long))

    assert "內容太長" in page.text
    assert "改過的標題" in page.text
