import json
from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from briefings.models import Edition, State
from briefings.publishing import withdraw_edition
from briefings.tests.importer.pdf_files import print_old_edition
from briefings.tests.importer.specimens import HARBOUR, POWER, TALENT
from briefings.tests.importer.typesetting import typeset
from briefings.tests.importer.word_files import make_styled

pytestmark = pytest.mark.django_db


@pytest.fixture
def write(tmp_path):
    """Writes an edition's text to a file and gives its path."""

    def write_file(*pieces, name="舊期.txt"):
        path = tmp_path / name
        path.write_text(typeset(pieces or (TALENT,)), encoding="utf-8")
        return str(path)

    return write_file


def run(*args, **options):
    out = StringIO()
    call_command("import_editions", *args, stdout=out, **options)
    return out.getvalue()


def test_it_reports_what_it_made_in_chinese(write):
    report = run(write(HARBOUR), "--number=8", "--date=2023-11-15")

    assert report.splitlines() == [
        "舊期.txt：已建立，草稿，2023-11-15",
        f"  1. {HARBOUR.headline}（6 段）",
    ]


def test_it_prints_one_json_document_and_nothing_else(write):
    document = json.loads(run(write(POWER), "--date=2023-11-15", "--json"))

    (edition,) = document["editions"]
    assert (edition["slug"], edition["number"], edition["date"]) == (
        "2023-11-15",
        None,
        "2023-11-15",
    )
    assert edition["status"] == "created"
    assert edition["entries"][0]["headline"] == POWER.headline
    assert len(edition["entries"][0]["paragraphs"]) == 3
    assert ["期號" in warning for warning in edition["warnings"]] == [True]


def test_without_a_date_the_document_says_null(write):
    document = json.loads(run(write(), "--json"))

    assert document["editions"][0]["date"] is None
    assert document["editions"][0]["number"] is None


def test_a_second_run_changes_nothing(write):
    path = write()
    run(path)

    assert "沒有改動" in run(path)
    assert Edition.objects.count() == 1


def test_a_dry_run_reports_and_writes_nothing(write):
    report = run(write(), "--dry-run", "--publish", "--date=2023-11-15")

    assert "已建立" in report
    assert "試行" in report
    assert not Edition.objects.exists()


@pytest.mark.parametrize(
    ("name", "make"), [("舊期.docx", make_styled), ("舊期.pdf", print_old_edition)]
)
def test_word_and_pdf_files_are_read_as_well(tmp_path, name, make):
    path = tmp_path / name
    path.write_bytes(make([TALENT]))

    run(str(path))

    assert Edition.objects.get().entries.get().headline == TALENT.headline


def test_several_files_become_several_editions(write):
    run(write(HARBOUR, name="一.txt"), write(POWER, name="二.txt"))

    assert Edition.objects.count() == 2


def test_one_bad_file_keeps_every_file_out(write, tmp_path):
    bad = tmp_path / "壞.txt"
    bad.write_bytes(b"%PDF-1.7")

    with pytest.raises(CommandError, match=r"壞\.txt"):
        run(write(), str(bad))

    assert not Edition.objects.exists()


def test_one_edition_that_cannot_be_loaded_keeps_every_file_out(write):
    run(write(HARBOUR, name="一.txt"), "--date=2023-11-15")

    with pytest.raises(CommandError, match="沒有日期"):
        run(write(HARBOUR, name="一.txt"), write(POWER, name="二.txt"), "--publish")

    assert [edition.state for edition in Edition.objects.all()] == [State.DRAFT]


def test_it_publishes_when_there_is_a_date(write):
    run(write(), "--publish", "--date=2023-11-15")

    edition = Edition.objects.get()
    assert (edition.state, edition.date) == (State.PUBLISHED, date(2023, 11, 15))


def test_publishing_without_a_date_is_refused_and_nothing_is_written(write):
    with pytest.raises(CommandError, match="沒有日期"):
        run(write(), "--publish")

    assert not Edition.objects.exists()


def test_publishing_again_changes_nothing(write):
    path = write()
    run(path, "--publish", "--date=2023-11-15")

    assert "沒有改動，已出版" in run(path, "--publish", "--date=2023-11-15")


def test_an_edition_withdrawn_by_a_person_is_not_published_again(write):
    path = write()
    run(path, "--publish", "--date=2023-11-15")
    withdraw_edition(Edition.objects.get())

    with pytest.raises(CommandError, match="撤回"):
        run(path, "--publish")


@pytest.mark.parametrize("option", ["--date=2023-11-15", "--number=8"])
def test_a_date_or_number_is_for_one_file(write, option):
    with pytest.raises(CommandError, match="一個檔案"):
        run(write(HARBOUR, name="一.txt"), write(POWER, name="二.txt"), option)


@pytest.mark.parametrize(
    "option",
    ["--date=昨天", "--date=2023-02-30", "--number=0", "--number=八", "--number=9999999999"],
)
def test_an_impossible_date_or_number_is_refused(write, option):
    with pytest.raises(CommandError, match="無效"):
        run(write(), option)


def test_the_seed_becomes_the_edition_it_was(seed):
    document = json.loads(run(str(seed), "--json"))

    entries = document["editions"][0]["entries"]
    assert [len(entry["paragraphs"]) for entry in entries] == [6, 9]
    assert len(document["editions"][0]["warnings"]) == 2  # no number, no date
