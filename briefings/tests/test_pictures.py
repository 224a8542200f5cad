import json
from io import BytesIO
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageCms

from briefings import pictures
from briefings.models import Autosave, Picture, Publication
from briefings.pictures import PictureRefused, draw_anew, find_uses, is_needed, keep_picture
from briefings.tests.images import SVG, make_bomb, make_image, make_photograph
from briefings.tests.makers import make_entry, make_figure, make_picture

UPLOAD = "/admin/briefings/picture/upload/"


@pytest.fixture
def media(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def admin_user(db):
    """Without a password, for hashing one takes longer than most of these tests."""
    return User.objects.create_superuser("admin")


def hand_in(client, content: bytes, name: str = "圖.png", **fields):
    file = SimpleUploadedFile(name, content, "image/png")
    return client.post(UPLOAD, {"file": file, "alternative": "一張圖"} | fields)


def open_drawing(content: bytes) -> Image.Image:
    return Image.open(BytesIO(draw_anew(content).content))


# ------------------------------------------------------------------------------------- drawing
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_every_kind_is_drawn_anew(kind):
    drawing = draw_anew(make_image(kind))

    assert (drawing.width, drawing.height) == (60, 40)
    assert drawing.ending in ("jpg", "png")
    assert drawing.name.endswith(f".{drawing.ending}")


def test_the_same_file_gives_the_same_drawing():
    assert draw_anew(make_photograph()) == draw_anew(make_photograph())


def test_what_a_photograph_told_of_its_place_is_gone():
    drawn = open_drawing(make_photograph())

    assert dict(drawn.getexif()) == {}
    assert not drawn.info.keys() & {"exif", "comment", "icc_profile"}


def test_a_photograph_taken_sideways_stands_upright():
    drawn = open_drawing(make_photograph(orientation=6))  # turn by 90° clockwise to see it

    assert drawn.size == (40, 60)
    assert drawn.getpixel((20, 5))[0] > 200  # the red half, once on the left, is above
    assert drawn.getpixel((20, 55))[2] > 200


def test_a_large_picture_is_made_as_wide_as_a_page_shows_it():
    assert open_drawing(make_image("JPEG", (4000, 1000))).size == (1600, 400)


def test_transparency_stays():
    file = BytesIO()
    Image.new("RGBA", (10, 10), (255, 0, 0, 0)).save(file, "PNG")

    assert open_drawing(file.getvalue()).getpixel((5, 5))[3] == 0


def test_a_palette_with_transparency_is_no_obstacle():
    image = Image.new("P", (10, 10), 0)
    image.putpalette([255, 0, 0] + [0] * 765)
    file = BytesIO()
    image.save(file, "GIF", transparency=0)

    assert open_drawing(file.getvalue()).mode == "RGBA"


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "CMYK"])
def test_print_and_scanner_modes_are_shown_too(mode):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    file = BytesIO()
    Image.new(mode, (10, 10)).save(file, kind)

    assert open_drawing(file.getvalue()).size == (10, 10)


def test_a_colour_profile_is_worked_into_the_colours():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))  # not one for RGB: ignored
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))

    for given in (profile, srgb):
        drawn = open_drawing(make_image("PNG", icc_profile=given.tobytes()))

        assert "icc_profile" not in drawn.info
        assert drawn.convert("RGB").getpixel((5, 5)) == (255, 0, 0)


def test_a_photograph_saved_as_png_becomes_a_jpeg():
    noise = Image.effect_noise((200, 200), 80).convert("RGB")
    file = BytesIO()
    noise.save(file, "PNG")

    assert draw_anew(file.getvalue()).ending == "jpg"


def test_a_drawing_stays_a_png():
    assert draw_anew(make_image("PNG")).ending == "png"


def test_of_an_animation_the_first_picture_is_taken():
    frames = [Image.new("RGB", (10, 10), colour) for colour in ("red", "blue")]
    file = BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])

    drawn = open_drawing(file.getvalue())

    assert getattr(drawn, "n_frames", 1) == 1
    assert drawn.convert("RGB").getpixel((5, 5)) == (255, 0, 0)


def test_what_is_glued_to_a_picture_is_not_kept():
    drawing = draw_anew(make_image("PNG") + b"<script>alert(1)</script>PK\x03\x04")

    assert b"script" not in drawing.content


# ------------------------------------------------------------------------------------ refusing
HOSTILE = {
    "nothing": (b"", "檔案是空的"),
    "a bomb": (make_bomb(), "尺寸太大"),
    "a smaller bomb": (make_bomb(8_000, 6_000), "尺寸太大"),
    "SVG": (SVG, "SVG"),
    "a page": (b"<!doctype html><script>alert(1)</script>", "不是圖片"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "不是圖片"),
    "half a PNG": (make_image("PNG", (400, 400))[:200], "損壞或不完整"),
    "half a JPEG": (make_image("JPEG", (400, 400))[:900], "損壞或不完整"),
    "a PNG's head": (b"\x89PNG\r\n\x1a\n", "損壞或不完整"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
    "BMP": (b"BM" + b"\0" * 60, "不是圖片"),
    "too much": (b"\x89PNG\r\n\x1a\n" + b"\0" * pictures.MOST_BYTES, "上限是 10 MB"),
}


@pytest.mark.parametrize("name", ["圖.png", "photo.jpg", "evil.svg", "no ending"])
@pytest.mark.parametrize("what", HOSTILE)
def test_a_bad_file_is_refused_in_plain_words_and_nothing_stored(what, name, admin_client, media):
    content, reason = HOSTILE[what]

    response = hand_in(admin_client, content, name)

    assert response.status_code == 400
    assert reason in response.json()["error"]
    assert not Picture.objects.exists()
    assert not media.exists()


def test_a_wrong_ending_does_not_matter(admin_client, media):
    response = hand_in(admin_client, make_image("JPEG"), "report.txt")

    assert response.status_code == 200
    assert Picture.objects.get().name.endswith(".jpg")


def test_half_a_picture_is_refused_after_printing_too(monkeypatch):
    monkeypatch.setattr("PIL.ImageFile.LOAD_TRUNCATED_IMAGES", True)  # as WeasyPrint leaves it

    with pytest.raises(PictureRefused, match="不完整"):
        draw_anew(make_image("JPEG", (400, 400))[:900])


def test_a_bomb_is_never_unpacked(monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("unpacked"))

    with pytest.raises(PictureRefused):
        draw_anew(make_bomb(9_000, 9_000))


# ------------------------------------------------------------------------------------- keeping
def test_a_picture_handed_in_twice_is_kept_once(admin_client, media):
    first = hand_in(admin_client, make_image(), alternative="甲").json()
    second = hand_in(admin_client, make_image(), alternative="乙").json()

    assert first == second
    assert Picture.objects.get().alternative == "甲"
    assert len(list((media / "pictures").iterdir())) == 1


def test_a_picture_whose_file_was_lost_gets_it_back(db, media):
    picture = make_picture()
    default_storage.delete(picture.file.name)

    keep_picture(draw_anew(make_image()))

    assert default_storage.exists(picture.file.name)


def test_no_row_is_left_if_the_file_cannot_be_written(db, media, monkeypatch):
    def fail(name, content):
        raise OSError("disk full")

    monkeypatch.setattr(pictures, "store_whole", fail)

    with pytest.raises(OSError, match="disk full"):
        make_picture()

    assert not Picture.objects.exists()


def test_a_picture_needs_words_for_those_who_cannot_see_it(admin_client, media):
    response = hand_in(admin_client, make_image(), alternative="")

    assert "替代文字" in response.json()["error"]
    assert not Picture.objects.exists()


def test_a_decoration_needs_no_words(admin_client, media):
    assert (
        hand_in(admin_client, make_image(), alternative="", is_decorative="on").status_code == 200
    )


@pytest.mark.parametrize(("codename", "status"), [(None, 403), ("add_picture", 200)])
def test_only_who_may_add_pictures_hands_them_in(codename, status, db, client, media):
    writer = User.objects.create_user("chan", is_staff=True)
    writer.user_permissions.set(Permission.objects.filter(codename=codename))
    client.force_login(writer)

    assert hand_in(client, make_image()).status_code == status


# ------------------------------------------------------------------------------------- serving
def test_a_picture_is_served_to_be_kept_and_run_nowhere(db, client, media):
    response = client.get(make_picture().get_absolute_url())

    assert b"".join(response.streaming_content).startswith(b"\x89PNG")
    assert response["Content-Type"] == "image/png"
    assert "immutable" in response["Cache-Control"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_a_picture_that_the_browser_has_is_not_sent_again(db, client, media):
    address = make_picture().get_absolute_url()
    etag = client.get(address)["ETag"]

    assert client.get(address, HTTP_IF_NONE_MATCH=etag).status_code == 304


@pytest.mark.parametrize("name", [f"{'a' * 64}.png", "../secret-key", f"{'a' * 64}.svg", "x.png"])
def test_nothing_else_is_served(name, db, client, media):
    assert client.get(f"/pictures/{name}").status_code == 404


# ----------------------------------------------------------------------------------- the library
def test_the_library_finds_pictures_by_their_words(admin_client, media):
    make_picture(alternative="人口圖")
    make_picture(make_image("JPEG"), alternative="別的")

    found = admin_client.get("/admin/briefings/picture/library/", {"q": "人口"}).json()["pictures"]

    assert [picture["alternative"] for picture in found] == ["人口圖"]


def test_a_picture_is_handed_in_at_the_library_too(admin_client, media):
    form = {"file": SimpleUploadedFile("x", make_image()), "alternative": "圖", "caption": "說明"}

    admin_client.post("/admin/briefings/picture/add/", form)

    assert Picture.objects.get().caption == "說明"
    assert Picture.objects.get().uploaded_by.username == "admin"


def test_the_library_refuses_in_the_form(admin_client, media):
    form = {"file": SimpleUploadedFile("x.png", SVG), "alternative": "圖"}

    response = admin_client.post("/admin/briefings/picture/add/", form)

    assert "SVG" in response.context["adminform"].form.errors["file"][0]


def test_the_library_tells_where_a_picture_stands(admin_client, media):
    picture = make_picture()
    make_entry(headline="有圖的短評", body=make_figure(picture))

    page = admin_client.get("/admin/briefings/picture/").content.decode()

    assert "有圖的短評" in page


def test_a_picture_in_use_is_not_deleted(admin_client, media):
    picture = make_picture()
    make_entry(body=make_figure(picture))

    response = admin_client.post(f"/admin/briefings/picture/{picture.pk}/delete/", {"post": "yes"})

    assert response.status_code == 403
    assert default_storage.exists(picture.file.name)


def test_an_unused_picture_goes_with_its_file(
    admin_client, media, django_capture_on_commit_callbacks
):
    picture = make_picture()

    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(f"/admin/briefings/picture/{picture.pk}/delete/", {"post": "yes"})

    assert not Picture.objects.exists()
    assert not default_storage.exists(picture.file.name)


def test_a_picture_in_unsaved_text_is_needed(db, media, admin_user):
    picture = make_picture()
    fields = {"body": make_figure(picture)}
    Autosave.objects.create(user=admin_user, fields=fields, saved_at="2026-11-23T00:00Z")

    assert is_needed(picture)


def test_the_publications_logo_and_texts_are_uses(db, media):
    logo, drawn = make_picture(), make_picture(make_image("JPEG"))
    Publication(logo=logo, about=make_figure(drawn)).save()

    uses = find_uses([logo.name, drawn.name])

    assert all(uses[picture.name] for picture in (logo, drawn))


def test_a_figure_survives_being_saved(db, media):
    body = make_figure(make_picture(), caption="圖一")

    assert json.loads(json.dumps(make_entry(body=body).body)) == body
