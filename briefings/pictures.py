"""Pictures: what an editor hands in is looked at, drawn anew and stored under its own contents.

Nothing of the file itself is kept, so neither is what it may carry beside the image: EXIF with
the place it was taken, scripts, a second file glued to its end.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from io import BytesIO

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.files.storage import default_storage
from django.db import transaction
from PIL import Image, ImageCms, ImageFile, ImageOps
from reversion.models import Version

from briefings.files import store_whole
from briefings.html import find_pictures
from briefings.models import Autosave, Entry, Picture, Publication

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 40_000_000  # more than any telephone takes; decoded, some 160 MB
# What a page shows on the sharpest screens; higher than it is wide only as far as it fits one.
LARGEST = (1600, 2400)
KINDS = ("JPEG", "PNG", "WEBP", "GIF")
JPEG_QUALITY = 85
TOO_MANY_PIXELS = "圖片的尺寸太大，上限是四千萬像素。請先縮小。"


class PictureRefused(Exception):
    """The file is no picture that can be shown; says why, to the editor."""


@dataclass(frozen=True)
class Drawing:
    """An image as it will be stored."""

    content: bytes
    ending: str
    width: int
    height: int

    @cached_property
    def name(self) -> str:
        return f"{sha256(self.content).hexdigest()}.{self.ending}"


def draw_anew(content: bytes) -> Drawing:
    """The same file gives the same drawing. Raises PictureRefused.

    Decides by what can be decoded; what the file is called says nothing. Of an animation the
    first picture is taken.
    """
    if not content:
        raise PictureRefused("檔案是空的，沒有圖片。")
    if len(content) > MOST_BYTES:
        raise PictureRefused(f"圖片太大，上限是 {MOST_BYTES // 1024 // 1024} MB。請先縮小。")
    try:
        with Image.open(BytesIO(content), formats=KINDS) as image:
            kind = image.format
            _check_size(image)
            # WeasyPrint, once imported, has Pillow fill up with grey what a file lacks.
            ImageFile.LOAD_TRUNCATED_IMAGES = False
            # A JPEG can be decoded at a half or a quarter of its size.
            image.draft(None, (max(LARGEST), max(LARGEST)))
            upright = _make_resizable(ImageOps.exif_transpose(image))
            upright.thumbnail(LARGEST, Image.Resampling.LANCZOS)
            return _encode(_show_in_srgb(upright), is_photograph=kind == "JPEG")
    except PictureRefused:
        raise
    except Image.DecompressionBombError as error:
        raise PictureRefused(TOO_MANY_PIXELS) from error
    except Exception as error:  # decoders raise whatever comes to them
        raise PictureRefused(_explain(content)) from error


def _check_size(image: Image.Image) -> None:
    """Before anything but its head was read: a bomb tells here what it would take."""
    if image.width * image.height > MOST_PIXELS:
        raise PictureRefused(TOO_MANY_PIXELS)


def _explain(content: bytes) -> str:
    head = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in head or head.startswith(b"<?xml"):
        return "SVG 圖檔可以夾帶程式，不能使用。請另存為 PNG 再上載。"
    if content[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif"):
        return "不支援 HEIC 和 AVIF。請另存為 JPEG 再上載。"
    if head.startswith((b"\xff\xd8\xff", b"\x89png", b"gif8")) or head[8:12] == b"webp":
        return "圖檔已損壞或不完整，無法讀取。請重新匯出或下載後再試。"
    return "這個檔案不是圖片。可以使用 JPEG、PNG、WebP 和 GIF。"


def _make_resizable(image: Image.Image) -> Image.Image:
    """In a mode whose pixels can be averaged, as those of a palette or of one bit can't."""
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode.startswith("I"):  # 16 bits of grey, which convert() would cut off at 255
        return image.convert("I").point(lambda value: value / 256).convert("L")
    return image if image.mode in ("RGB", "CMYK", "L") else image.convert("RGB")


def _show_in_srgb(image: Image.Image) -> Image.Image:
    """As RGB for screens, by the colour profile it has, and with transparency if there is any."""
    profile = image.info.get("icc_profile")
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    opaque = image.convert("RGB") if alpha else image
    shown = (_convert_by_profile(opaque, profile) if profile else None) or opaque.convert("RGB")
    if alpha and alpha.getextrema() != (255, 255):
        shown.putalpha(alpha)
    return shown


def _convert_by_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    """None if the profile is broken or is for another kind of image: then as if it had none."""
    try:
        return ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _encode(image: Image.Image, *, is_photograph: bool) -> Drawing:
    """Photographs as JPEG; drawings as PNG, unless as JPEG they take less than half."""
    as_png = b"" if is_photograph else _save(image, "PNG", optimize=True)
    as_jpeg = b""
    if image.mode == "RGB":
        as_jpeg = _save(image, "JPEG", quality=JPEG_QUALITY, optimize=True, progressive=True)
    is_jpeg = bool(as_jpeg) and (is_photograph or len(as_jpeg) * 2 < len(as_png))
    content, ending = (as_jpeg, "jpg") if is_jpeg else (as_png, "png")
    return Drawing(content, ending, image.width, image.height)


def _save(image: Image.Image, kind: str, **options: object) -> bytes:
    clean = Image.new(image.mode, image.size)  # has nothing but the pixels
    clean.paste(image)
    file = BytesIO()
    clean.save(file, kind, **options)
    return file.getvalue()


def keep_picture(
    drawing: Drawing,
    *,
    alternative: str = "",
    caption: str = "",
    uploaded_by: AbstractBaseUser | AnonymousUser | None = None,
) -> Picture:
    """The picture of this drawing; handed in before, it is the same one, with its own words."""
    file = file_of(drawing.name)
    with transaction.atomic():
        picture, is_new = Picture.objects.get_or_create(
            name=drawing.name,
            defaults={
                "file": file,
                "width": drawing.width,
                "height": drawing.height,
                "alternative": alternative,
                "caption": caption,
                "uploaded_by_id": uploaded_by.pk if uploaded_by else None,
            },
        )
        if is_new or not default_storage.exists(file):
            store_whole(file, drawing.content)  # fails, and the row goes too
    return picture


def file_of(name: str) -> str:
    """Where `default_storage` has the picture of this name."""
    return f"pictures/{name}"


def discard_picture(picture: Picture) -> None:
    """Gone with its file, once the row is."""
    file = file_of(picture.name)
    picture.delete()
    transaction.on_commit(lambda: default_storage.delete(file))


def find_uses(names: Iterable[str]) -> dict[str, list[Entry | Publication]]:
    """Where these pictures stand now."""
    wanted = set(names)
    uses: dict[str, list[Entry | Publication]] = defaultdict(list)
    for entry in Entry.objects.filter(body__contains="<figure>").order_by("headline"):
        for name in wanted.intersection(find_pictures(entry.body)):
            uses[name].append(entry)
    publication = Publication.load()
    texts = f"{publication.about}{publication.privacy}"
    texts += f"{publication.english_about}{publication.english_privacy}"
    shown = {publication.logo.name} if publication.logo else set()
    for name in wanted.intersection(shown.union(find_pictures(texts))):
        uses[name].append(publication)
    return uses


def is_needed(picture: Picture) -> bool:
    """Whether any text shows it: one that stands, or is not saved yet, or was replaced since.

    What was replaced can be restored, and may have been mailed: members' copies ask us for it.
    """
    if find_uses([picture.name])[picture.name]:
        return True
    return (
        Autosave.objects.filter(fields__icontains=picture.name).exists()
        or Version.objects.filter(serialized_data__contains=picture.name).exists()
    )
