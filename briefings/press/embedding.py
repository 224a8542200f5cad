"""Fonts in a PDF no larger than what they draw: WeasyPrint 70's embedding, done closer.

WeasyPrint names a glyph by its place in the whole font and keeps all places up to the last one
used, empty: of 33,000 that is half of a two-entry edition's size. Here the used ones stand close
together and are found by a map: a CFF font's own (`briefings.press.fonts` numbers its characters
by their places), or for TrueType one beside it. (ISO 32000-1, 9.7.4.2)

The cutting is HarfBuzz 15's, which a Python package brings. Debian 12's HarfBuzz 6 fails at a
TrueType font from some 870 used glyphs on, and WeasyPrint then embeds all of it.
"""

from typing import Any

from briefings.press.fonts import to_tag

_DROPPED_TABLES = ("BASE", "DSIG", "EBDT", "EBLC", "EBSC", "GPOS", "GSUB", "JSTF", "LTSH", "PCLT")


class FontNotCut(Exception):
    """A font could not be cut down; embedding all of it would make a PDF of many megabytes."""


def install() -> None:
    """Teach this process's WeasyPrint."""
    import pydyf
    import uharfbuzz as hb
    from weasyprint.pdf import fonts

    build_dictionary = fonts._build_vector_font_dictionary

    def subset(font: Any, to_unicode: dict[int, str], hinting: bool) -> None:  # noqa: FBT001
        if not to_unicode:
            return
        cut = hb.SubsetInput()
        cut.glyph_set.update(to_unicode)
        cut.drop_table_tag_set.update(map(to_tag, _DROPPED_TABLES))
        cut.flags = hb.SubsetFlags.DESUBROUTINIZE | hb.SubsetFlags.PASSTHROUGH_UNRECOGNIZED
        if not hinting:
            cut.flags |= hb.SubsetFlags.NO_HINTING
        try:
            plan = hb.SubsetPlan(hb.Face(hb.Blob(font.file_content), font.index), cut)
            font.file_content, font.index = plan.execute().blob.data, 0
        except RuntimeError as error:
            raise FontNotCut(font.family) from error
        if font.type == "ttf":
            font.glyph_places = dict(plan.old_to_new_glyph_mapping)

    def build_vector_font_dictionary(  # noqa: PLR0913, PLR0917  (WeasyPrint's signature)
        font_dictionary: Any,
        pdf: Any,
        font: Any,
        widths: Any,
        compress: Any,
        reference: bytes,
        pdf_version: Any,
    ) -> None:
        build_dictionary(font_dictionary, pdf, font, widths, compress, reference, pdf_version)
        program = pdf.objects[int(reference.split()[0])]
        if program.extra.get("Subtype") == "/OpenType":
            whole = hb.Face(hb.Blob(program.stream[0]))
            program.stream = [bytes(whole.reference_table("CFF ").data)]
            program.extra["Subtype"] = "/CIDFontType0C"
        elif hasattr(font, "glyph_places"):
            program.places = write_places(pdf, font.glyph_places, compress)
        # One program serves all sizes of a font, each of which is described by itself.
        if hasattr(program, "places"):
            find_last(pdf, "CIDToGIDMap")["CIDToGIDMap"] = program.places

    def write_places(pdf: Any, places: dict[int, int], compress: Any) -> Any:
        table = bytearray(2 * (max(places) + 1))
        for old, new in places.items():
            table[2 * old : 2 * old + 2] = new.to_bytes(2, "big")
        stream = pydyf.Stream([bytes(table)], compress=compress)
        pdf.add_object(stream)
        return stream.reference

    def find_last(pdf: Any, key: str) -> Any:
        dictionaries = (o for o in reversed(pdf.objects) if isinstance(o, pydyf.Dictionary))
        return next(dictionary for dictionary in dictionaries if key in dictionary)

    fonts.Font.subset = subset
    fonts._build_vector_font_dictionary = build_vector_font_dictionary
