import pytest

from briefings.tests.makers import make_published, store_edition_pdf

pytestmark = pytest.mark.django_db
GZIP = {"Accept-Encoding": "gzip"}


@pytest.mark.parametrize("address", ["/", "/zh-hans/", "/feeds/atom/", "/feeds/json/", "/api/v1/"])
def test_text_is_compressed(client, address):
    make_published({"body": f"<p>{'正文。' * 100}</p>"})  # of less, there may be nothing to gain

    answer = client.get(address, headers=GZIP)

    assert answer["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer["Vary"]


def test_a_pdf_keeps_its_length(client, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    edition = make_published()
    store_edition_pdf(edition)

    answer = client.get("/editions/2026-11-20.pdf", headers=GZIP)

    assert "Content-Encoding" not in answer
    assert int(answer["Content-Length"]) == len(b"".join(answer.streaming_content))


def test_what_was_sent_compressed_is_known_as_unchanged(client):
    etag = client.get("/api/v1/", headers=GZIP)["ETag"]

    again = client.get("/api/v1/", headers=GZIP | {"If-None-Match": etag})

    assert again.status_code == 304
