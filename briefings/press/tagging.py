"""Footnotes told as such to those who hear a PDF: WeasyPrint 70 draws them and names them nothing.

A mark is a Reference, what it refers to a Note with an identifier of its own and a number as its
label. (ISO 14289-1, 7.9; ISO 32000-1, 14.8.4.4)
"""

from collections.abc import Iterator
from typing import Any

NOTE_TAGS = {"small": "Note", "small::footnote-call": "Reference", "small::footnote-marker": "Lbl"}


def install() -> None:
    """Teach this process's WeasyPrint."""
    import pydyf
    from weasyprint.pdf import tags

    name_plainly, build_plainly = tags._get_pdf_tag, tags._build_box_tree

    def name(tag: str | None) -> str:
        return NOTE_TAGS.get(tag or "") or name_plainly(tag)

    def build(*args: Any) -> Iterator[Any]:
        for element in build_plainly(*args):
            if element["S"] == "/Note":
                element["ID"] = pydyf.String(f"note-{element.number}")
            yield element

    tags._get_pdf_tag, tags._build_box_tree = name, build
