"""Image files, fair and foul, as editors and others hand them in."""

import struct
import zlib
from io import BytesIO

from PIL import Image, ImageDraw
from PIL.TiffImagePlugin import IFDRational

GPS = 0x8825


def make_image(
    kind: str = "PNG", size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: object
) -> bytes:
    """Left half red, right half blue: which way is up can be told."""
    image = Image.new("RGB", size, "blue")
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 2 - 1, size[1]), fill="red")
    file = BytesIO()
    image.convert(mode).save(file, kind, **options)
    return file.getvalue()


def make_photograph(size: tuple[int, int] = (60, 40), orientation: int = 1) -> bytes:
    """A JPEG that says where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Telephone"
    exif[GPS] = {1: "N", 2: (IFDRational(22), IFDRational(17), IFDRational(4))}
    return make_image("JPEG", size, exif=exif.tobytes(), quality=95)


def make_bomb(width: int = 50_000, height: int = 50_000) -> bytes:
    """A PNG of some hundred bytes that claims to be, unpacked, 7.5 GB."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 100_000)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


SVG = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">'
    b"<script>alert(document.cookie)</script><rect width='10' height='10'/></svg>"
)
