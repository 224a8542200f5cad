"""The same pages sooner: work that WeasyPrint 70 does for each line or element, done once.

Each shortcut gives what the long way gives, to the byte; what it saves of 50 entries' CPU stands
beside it. Tried and not worth it: giving Pango less text to find a line's end in, keeping
sizes without per cents with their style (each under 3 %).
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")

_FONTS_KEPT = 6  # ours are five
_ROOM = 560_000  # bytes, which Python rounds up to a mebibyte: the rest is for what is called
_FEATURES = (
    "font_kerning",
    "font_variant_ligatures",
    "font_variant_position",
    "font_variant_caps",
    "font_variant_numeric",
    "font_variant_alternates",
    "font_variant_east_asian",
    "font_feature_settings",
)


def with_room(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function, called on a long piece of the stack that Python keeps its calls on: 9 %.

    The pieces have 16 kB unless a call needs more. Layout goes deep, and wherever a piece ends
    each call to and fro asked the system for another and gave it back, 20,000 times in a document
    of 50 entries.
    """
    if not isinstance(function, FunctionType):
        raise TypeError("only of a function the stack is known")
    code = function.__code__.replace(co_stacksize=_ROOM // 8)
    return FunctionType(code, function.__globals__, function.__name__, function.__defaults__)


def install() -> None:
    """Teach this process's WeasyPrint; asks for the version that was read for it."""
    from weasyprint import __version__

    if __version__ != "70.0":
        raise RuntimeError(f"written for WeasyPrint 70.0, this is {__version__}")
    _list_pages_once()
    _share_contexts()
    _read_fonts_once()
    _compute_less()
    _measure_lines_once()
    _keep_struts()


def _list_pages_once() -> None:
    """Each tagged element asked for a list of all pages: the square of their number.

    Of 200 entries 11 % of the CPU.
    """
    import pydyf

    list_references = pydyf.PDF.page_references.fget

    def page_references(pdf: Any) -> Any:
        known = getattr(pdf, "known_references", ())
        if 3 * len(known) != len(pdf.pages["Kids"]):
            known = pdf.known_references = list_references(pdf)
        return known

    pydyf.PDF.page_references = property(page_references)


def _share_contexts() -> None:
    """Pango is told of fonts and language once a style, not two or three times a line: 8 %."""
    from weasyprint.text.constants import LST_TO_ISO, PANGO_DIRECTION
    from weasyprint.text.ffi import ffi, gobject, pango, unicode_to_char_p
    from weasyprint.text.fonts import font_features, get_font_description
    from weasyprint.text.line_break import Layout

    set_up_plainly = Layout.setup

    def describe(style: Any) -> tuple[Any, Any, Any, Any]:
        context = ffi.gc(
            pango.pango_font_map_create_context(style.font_config.font_map), gobject.g_object_unref
        )
        pango.pango_context_set_round_glyph_positions(context, False)  # noqa: FBT003
        pango.pango_context_set_base_dir(context, PANGO_DIRECTION[style["direction"]])
        override = style["font_language_override"]
        name = style["lang"] if override == "normal" else LST_TO_ISO.get(override.lower(), override)
        if name:
            pointer, _ = unicode_to_char_p(name)
            language = pango.pango_language_from_string(pointer)
            pango.pango_context_set_language(context, language)
        else:
            language = pango.pango_language_get_default()
        features = font_features(*(style[name] for name in _FEATURES))
        attribute = None
        if features:
            key = ",".join(f"{name} {value}" for name, value in features.items()).encode()
            known = style.font_config.font_features
            if key not in known:
                known[key] = pango.pango_attr_font_features_new(key)
            attribute = known[key]
        return context, language, get_font_description(style), attribute

    def setup(layout: Any, style: Any) -> None:
        if style["text_decoration_line"] != "none":
            set_up_plainly(layout, style)
            return
        size = style["font_size"]
        if getattr(style, "described_at", None) != size:
            style.described_at, style.described = size, describe(style)
        context, layout.language, font, attribute = style.described
        layout.style, layout.first_line_direction = style, 0
        layout.layout = ffi.gc(pango.pango_layout_new(context), gobject.g_object_unref)
        pango.pango_layout_set_auto_dir(layout.layout, False)  # noqa: FBT003
        pango.pango_layout_set_font_description(layout.layout, font)
        layout.ascent = layout.underline_position = layout.strikethrough_position = None
        if attribute:
            attributes = pango.pango_attr_list_new()
            pango.pango_attr_list_insert(attributes, attribute)
            pango.pango_layout_set_attributes(layout.layout, attributes)

    Layout.setup = setup


def _read_fonts_once() -> None:
    """Of each font all bytes were copied for each document, to be cut down.

    Of 2 entries 20 %.
    """
    from weasyprint.pdf import fonts
    from weasyprint.text.ffi import ffi, harfbuzz

    read_plainly = fonts.get_hb_object_data
    known: dict[int, tuple[Any, Any]] = {}

    def get_hb_object_data(hb_object: Any, ot_color: Any = None, glyph: Any = None) -> Any:
        if ot_color:
            return read_plainly(hb_object, ot_color, glyph)
        address = int(ffi.cast("uintptr_t", hb_object))
        if address not in known:
            if len(known) >= _FONTS_KEPT:
                known.clear()
            # While we hold the face no other can have its address.
            held = ffi.gc(harfbuzz.hb_face_reference(hb_object), harfbuzz.hb_face_destroy)
            known[address] = held, read_plainly(hb_object)
        return known[address][1]

    fonts.get_hb_object_data = get_hb_object_data


def _compute_less() -> None:
    """Most properties of most elements are their parent's, or what they are initially: 4 %."""
    from weasyprint.css import ComputedStyle
    from weasyprint.css.computed_values import PHYSICAL_FUNCTIONS
    from weasyprint.css.functions import check_math
    from weasyprint.css.properties import INHERITED, INITIAL_NOT_COMPUTED, INITIAL_VALUES

    compute_plainly = ComputedStyle.__missing__
    logical = {
        function(block="ttb", inline=inline)
        for function in PHYSICAL_FUNCTIONS.values()
        for inline in ("ltr", "rtl")
    }
    simple = {
        name
        for name in INITIAL_VALUES
        if name not in ("display", "float", "page", "position")
        and not name.startswith(("text_decoration_", "__"))
        and (name in INHERITED or name not in INITIAL_NOT_COMPUTED)
        and not check_math(INITIAL_VALUES[name])
    }
    directed = simple & set(PHYSICAL_FUNCTIONS)

    def compute(style: Any, name: str) -> Any:
        cascaded = style.cascaded
        if name not in simple or name in cascaded:
            return compute_plainly(style, name)
        if name in directed and not logical.isdisjoint(cascaded):
            return compute_plainly(style, name)
        if name in INHERITED:
            parent = style.parent_style
            if parent is None:
                return compute_plainly(style, name)
            value = parent[name]
            if check_math(value):
                return compute_plainly(style, name)
        else:
            value = INITIAL_VALUES[name]
        style[name] = value
        return value

    ComputedStyle.__missing__ = compute


def _measure_lines_once() -> None:
    """A line that Pango found is laid out a second time for its width, which it has found too: 8 %.

    Not so where spaces at its end fall away, where Pango hyphenates, and where a line has nothing
    but digits and signs: their font goes by the text that follows.
    """
    from weasyprint.text import line_break
    from weasyprint.text.ffi import FROM_UNITS, pango

    measure_plainly = line_break.first_line_metrics

    def first_line_metrics(  # noqa: PLR0913, PLR0917  (WeasyPrint's signature)
        first_line: Any,
        text: str,
        layout: Any,
        resume_at: int | None,
        space_collapse: bool,  # noqa: FBT001
        style: Any,
        hyphenated: bool = False,  # noqa: FBT001, FBT002
        hyphenation_character: str | None = None,
    ) -> Any:
        if resume_at and not hyphenated:
            length = first_line.length
            line = layout.text.encode()[:length].decode()
            is_set_as_found = (
                any(map(str.isalpha, line))
                and not line[-1].isspace()
                and style["overflow_wrap"] in ("anywhere", "break-word")
            )
            if is_set_as_found:
                layout.text = line
                width, height = line_break.line_size(first_line, style)
                baseline = pango.pango_layout_get_baseline(layout.layout) * FROM_UNITS
                layout.deactivate()
                return layout, length, resume_at, width, height, baseline
        return measure_plainly(
            first_line,
            text,
            layout,
            resume_at,
            space_collapse,
            style,
            hyphenated,
            hyphenation_character,
        )

    line_break.first_line_metrics = first_line_metrics


def _keep_struts() -> None:
    """The height of a line was looked up by fourteen properties written out, for each box: 3 %."""
    from weasyprint.layout import inline
    from weasyprint.text import line_break

    find_plainly = line_break.strut

    def strut(style: Any) -> Any:
        asked = style["font_size"], style["line_height"]
        if getattr(style, "strut_asked", None) != asked:
            style.strut_asked, style.strut = asked, find_plainly(style)
        return style.strut

    inline.strut = strut
