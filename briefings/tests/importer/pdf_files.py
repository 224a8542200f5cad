"""PDFs as an office printer driver makes them, and some that nobody makes in good faith."""

import zlib
from collections.abc import Sequence
from html import escape
from io import BytesIO

from pypdf import PdfWriter

from briefings.tests.importer.typesetting import FOOTER, Piece

STYLE = """
@page {
  size: A4; margin: 25mm 22mm;
  @top-center { content: "政策通訊　二〇二三年冬" }
  @bottom-center { content: "- " counter(page) " -" }
}
body { font: 12pt/1.6 "Noto Serif CJK HK"; margin: 0 }
h2, .label { font-size: 12pt; margin: 1em 0 }
p { margin: 0; text-align: justify; text-indent: 2em }
.lead, .masthead, .contents { text-indent: 0 }
"""


def print_html(body: str) -> bytes:
    from weasyprint import CSS, HTML

    return HTML(string=f"<html lang=zh-HK><body>{body}").write_pdf(stylesheets=[CSS(string=STYLE)])


def print_old_edition(pieces: Sequence[Piece], *, masthead: str = "") -> bytes:
    """The seed's layout on paper: contents, numbered headlines, one size of type throughout."""
    parts = [f'<p class="masthead">{masthead}</p>'] if masthead else []
    parts += [f'<p class="contents">• {escape(piece.headline)}</p>' for piece in pieces]
    for number, piece in enumerate(pieces, start=1):
        parts += [
            f"<h2>{number}. {escape(piece.headline)}</h2>",
            f'<p class="lead">{escape(piece.lead)}</p>',
            '<div class="label">短評</div>',
            *(f"<p>{escape(text)}</p>" for text in piece.paragraphs),
        ]
    parts += ["<br>", *(f'<p class="lead">{escape(text)}</p>' for text in FOOTER[:2])]
    return print_html("".join(parts))


def make_blank(pages: int) -> bytes:
    """Pages without a word, as a scanner's would be."""
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(595, 842)
    return _write(writer)


def lock(pdf: bytes, *, password: str, owner: str = "owner") -> bytes:
    writer = PdfWriter(clone_from=BytesIO(pdf))
    writer.encrypt(password, owner_password=owner, algorithm="AES-256")
    return _write(writer)


def make_stream_bomb() -> bytes:
    """One page, whose drawing orders are a gigabyte once unpacked."""
    packer = zlib.compressobj(1)
    orders = b"BT /F1 1 Tf (a) Tj ET " * 50_000
    stream = b"".join([*(packer.compress(orders) for _ in range(1000)), packer.flush()])
    font = b"<< /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font " + font + b" >> >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(stream) + stream + b"\nendstream",
    ]
    pdf, places = b"%PDF-1.5\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(pdf))
        pdf += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % len(pdf)
    return pdf + b"xref\n0 5\n0000000000 65535 f \n" + table + end


def _write(writer: PdfWriter) -> bytes:
    file = BytesIO()
    writer.write(file)
    return file.getvalue()
