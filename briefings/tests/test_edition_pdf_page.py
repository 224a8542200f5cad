from datetime import date
from urllib.parse import unquote

import pytest

from briefings.tests.makers import make_published

pytestmark = pytest.mark.django_db
PATH = "/editions/2026-11-20.pdf"


@pytest.fixture
def edition(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return make_published(number=12, date=date(2026, 11, 20))


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


def test_a_changed_edition_has_another_pdf(edition, client):
    first = client.get(PATH)
    entry = edition.entries.get()
    entry.body = "<p>改了。</p>"
    entry.save()

    again = client.get(PATH, headers={"If-None-Match": first["ETag"]})

    assert again.status_code == 200


def test_a_machine_that_cannot_print_says_so_and_points_to_the_page(edition, client, monkeypatch):
    monkeypatch.setattr("briefings.pdf.find_missing_parts", lambda: ("中文字型",))

    response = client.get(PATH)

    page = response.content.decode()
    assert response.status_code == 503
    assert "PDF 暫時未能提供" in page
    assert 'href="/editions/2026-11-20/"' in page


def test_nobody_keeps_a_pdf_that_may_be_withdrawn(edition, client):
    response = client.get(PATH)

    assert response["Cache-Control"] == "no-cache"
