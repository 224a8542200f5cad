"""What is written of the publication at the desk holds at once, everywhere."""

from html import unescape
from io import BytesIO

import pdfplumber
import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from briefings.models import Edition, Imprint, Picture, Publication
from briefings.printing import find_pdf, make_order
from briefings.tests.makers import make_published, store_edition_pdf

pytestmark = pytest.mark.django_db

DESK = "/admin/briefings/publication/1/change/"


@pytest.fixture
def admin_user(db):
    return User.objects.create_superuser("admin")


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def form(**fields) -> dict:
    return {
        "name": "政策短評",
        "organisation": "香港中華廠商聯合會",
        "department": "政策研究部",
        "sender_email": "research@cma.org.hk",
    } | fields


@pytest.fixture
def save(admin_client):
    """Posts the form with these fields, and returns the page that follows."""
    Publication.objects.get_or_create(pk=1)
    return lambda **fields: read(admin_client.post(DESK, form(**fields), follow=True))


def read(response) -> str:
    return unescape(response.content.decode())


def make_picture(name="logo.png") -> SimpleUploadedFile:
    file = BytesIO()
    Image.new("RGBA", (300, 100), "#14405f80").save(file, "PNG")
    return SimpleUploadedFile(name, file.getvalue())


# -------------------------------------------------------------------------------------- at once


@pytest.mark.parametrize(
    "path", ["/", "/editions/", "/feeds/atom/", "/feeds/rss/", "/feeds/json/", "/admin/login/"]
)
def test_a_new_name_stands_everywhere_at_once(path, save, client):
    save(name="研究速遞")

    assert "研究速遞" in read(client.get(path))


def test_the_english_name_is_marked_as_english(save, client):
    save(english_name="Policy Commentary")

    assert '<span class="english-name" lang="en">Policy Commentary</span>' in read(client.get("/"))


@pytest.mark.parametrize(("path", "field"), [("/about/", "about"), ("/privacy/", "privacy")])
def test_a_page_with_an_english_text_leads_to_it(path, field, save, client):
    save(**{field: "<p>中文。</p>", f"english_{field}": "<p>In English.</p>"})

    page = read(client.get(path))

    assert '<a href="#english" lang="en">' in page
    assert '<section id="english" class="english" lang="en"' in page
    assert "<p>In English.</p>" in page


@pytest.mark.parametrize("path", ["/about/", "/privacy/"])
def test_a_page_without_an_english_text_offers_none(path, client):
    assert "#english" not in read(client.get(path))


def test_a_new_name_is_printed_on_old_editions_too(save):
    """The PDF is named after what is in it, so the next reader gets a new one."""
    edition = make_published()
    store_edition_pdf(edition)

    save(name="研究速遞")

    assert find_pdf(make_order(edition)) is None


# ------------------------------------------------------------------------------------- the logo


def test_a_logo_is_drawn_anew_and_shown(save, client):
    save(logo_file=make_picture())

    logo = Publication.load().logo
    assert (logo.width, logo.height) == (300, 100)
    assert logo.alternative == "香港中華廠商聯合會標誌"
    assert f'<img class="logo" src="/pictures/{logo.name}" alt="" width="300"' in read(
        client.get("/")
    )


def test_a_logo_is_printed(save):
    save(logo_file=make_picture())

    with default_storage.open(store_edition_pdf(make_published())) as file:
        logo = pdfplumber.open(file).pages[0].images[0]
    assert round(logo["width"] / logo["height"]) == 3


def test_saving_without_a_file_keeps_the_logo(save):
    save(logo_file=make_picture())

    save(name="研究速遞")

    assert Publication.load().logo is not None


def test_a_logo_is_taken_away(save, client):
    save(logo_file=make_picture())

    save(without_logo="on")

    assert Publication.load().logo is None
    assert 'class="logo"' not in read(client.get("/"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<svg onload='alert(1)'/>", "SVG 圖檔可以夾帶程式"),
        (b"", "檔案是空的"),
        (b"MZ\x90", "這個檔案不是圖片"),
    ],
)
def test_what_is_no_picture_is_refused_and_nothing_is_lost(content, words, save):
    page = save(name="研究速遞", logo_file=SimpleUploadedFile("logo.png", content))

    assert words in page
    assert 'value="研究速遞"' in page
    assert not Picture.objects.exists()


# --------------------------------------------------------------------------------- names, mail


@pytest.mark.parametrize("field", ["name", "sender_name", "organisation", "tagline", "address"])
@pytest.mark.parametrize(
    "value", ["短評\r\nBcc: all@example.com", "短評\u2028", "=?utf-8?q?a=0Ab?=", "短\u202e評"]
)
def test_a_name_is_one_line_of_text(field, value, save):
    page = save(**{field: value})

    assert "只可以是一行文字，不可有換行或控制字元。" in page
    assert Publication.load().name == "政策短評"


@pytest.mark.parametrize("field", ["sender_email", "reply_to"])
def test_an_address_that_is_none_is_refused(field, save):
    page = save(**{field: "research@"})

    assert "請輸入有效的電子郵件" in page or "有效的" in page


def test_spaces_around_a_name_are_dropped(save):
    save(name="  研究速遞　")

    assert Publication.load().name == "研究速遞"


def test_a_name_of_spaces_is_none(save):
    assert "請填寫刊名。" in save(name="　 ")


def test_the_sender_is_shown_as_members_will_see_it(save):
    page = save(sender_name="廠商會研究部", reply_to="answers@cma.org.hk")

    assert "廠商會研究部 <research@cma.org.hk>；回覆會寄到 answers@cma.org.hk。" in page


def test_without_a_senders_name_the_publication_sends():
    assert Publication(name="研究速遞").sender == "研究速遞"
    assert Publication(name="研究速遞", sender_name="研究部").sender == "研究部"


# ------------------------------------------------------------------------------------- imprints


def test_an_imprint_tells_its_uses_and_shows_both_wordings(admin_client):
    imprint = Imprint.default()
    Edition.objects.create(imprint=imprint)
    Edition.objects.create(imprint=imprint)

    page = read(admin_client.get(f"/admin/briefings/imprint/{imprint.pk}/change/"))

    assert "2期" in page
    shown = page.split('class="imprint-shown"')
    assert imprint.internal_notice in shown[1]
    assert imprint.public_notice in shown[2]
