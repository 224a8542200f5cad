from datetime import date
from urllib.parse import unquote

import pytest

from briefings.models import Printout, PrintoutState
from briefings.pdf import PDFRefused
from briefings.tasks import build_edition_pdf
from briefings.tests.makers import make_published, store_edition_pdf

pytestmark = pytest.mark.django_db
PATH = "/editions/2026-11-20.pdf"


@pytest.fixture
def edition(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    edition = make_published(number=12, date=date(2026, 11, 20))
    store_edition_pdf(edition)
    return edition


def test_the_pdf_is_shown_in_the_browser_under_a_chinese_name(edition, client):
    response = client.get(PATH)

    assert b"".join(response).startswith(b"%PDF-")
    assert response["Content-Type"] == "application/pdf"
    assert unquote(response["Content-Disposition"]) == (
        "inline; filename*=utf-8''政策短評第12期（2026-11-20）.pdf"
    )


def test_an_unchanged_pdf_is_not_sent_again(edition, client):
    first = client.get(PATH)

    by_tag = client.get(PATH, headers={"If-None-Match": first["ETag"]})
    by_date = client.get(PATH, headers={"If-Modified-Since": first["Last-Modified"]})

    assert (by_tag.status_code, by_date.status_code) == (304, 304)


def change(edition):
    entry = edition.entries.get()
    entry.body = "<p>改了。</p>"
    entry.save()


def test_a_changed_edition_has_another_pdf(edition, client):
    first = client.get(PATH)
    change(edition)
    store_edition_pdf(edition)

    again = client.get(PATH, headers={"If-None-Match": first["ETag"]})

    assert again.status_code == 200


def test_who_asks_for_one_not_yet_built_is_told_to_wait_and_it_is_built(
    edition, client, monkeypatch, django_capture_on_commit_callbacks
):
    asked = []
    monkeypatch.setattr(build_edition_pdf, "apply_async", lambda *a, **k: asked.append(edition.pk))
    change(edition)

    with django_capture_on_commit_callbacks(execute=True):
        answers = [client.get(PATH) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert "PDF 正在製作" in answers[0].content.decode()
    assert answers[0]["Refresh"] == answers[0]["Retry-After"] == "3"
    build_edition_pdf(edition.pk)
    assert client.get(PATH)["Content-Type"] == "application/pdf"


def test_a_machine_that_cannot_print_says_so_and_points_to_the_page(edition, client, monkeypatch):
    monkeypatch.setattr("briefings.pdf.find_missing_parts", lambda: ("中文字型",))

    response = client.get(PATH)

    page = response.content.decode()
    assert response.status_code == 503
    assert "PDF 暫時未能提供" in page
    assert 'href="/editions/2026-11-20/"' in page


def test_readers_of_what_cannot_be_laid_out_are_sent_to_the_page(edition, client, monkeypatch):
    def refuse(*args, **options):
        raise PDFRefused("內容未能排版。")

    monkeypatch.setattr("briefings.printing.print_document", refuse)
    change(edition)
    build_edition_pdf(edition.pk)

    response = client.get(PATH)

    assert response.status_code == 503
    assert "內容未能排版" not in response.content.decode()
    assert Printout.objects.get(state=PrintoutState.REFUSED).reason == "內容未能排版。"


def test_editors_are_told_why_a_published_edition_has_no_pdf(edition, admin_client, monkeypatch):
    def refuse(*args, **options):
        raise PDFRefused("內容未能排版。")

    monkeypatch.setattr("briefings.printing.print_document", refuse)
    change(edition)
    build_edition_pdf(edition.pk)

    page = admin_client.get(f"/admin/briefings/edition/{edition.pk}/change/").content.decode()

    assert "內容未能排版。讀者暫時不能下載 PDF" in page


def test_nobody_keeps_a_pdf_that_may_be_withdrawn(edition, client):
    response = client.get(PATH)

    assert response["Cache-Control"] == "no-cache"
