"""The one allow-list that every piece of stored HTML has passed.

What it lets through is what page, mail and PDF can all show. Styles and classes are not among it:
the look is the stylesheet's. Of images it lets through our own pictures in their figures, and no
others: a remote image would tell who reads. Of spans it lets through notes, `<span role="note">` at
the place they are about, which `briefings.notes` numbers and each medium shows in its own way.
"""

import re
from html import escape, unescape

import nh3

# Characters, mark-up included; an entry of 3,000 takes some 15,000. The cleaner's time grows with
# the square of a run of `&`: of 300,000 it takes 0.7 seconds, 900,000 took 54.
LONGEST = 300_000
LONGEST_NOTE = 600  # characters of its text: half a page of small print, where a page must hold it

_BLOCK_END = re.compile(
    r"</(?:p|h[2-4]|li|blockquote|caption|tr|table|ul|ol|figcaption|figure)>|<br\s*/?>|<hr\s*/?>"
)
_CELL_END = re.compile(r"</t[dh]>")
_TAG = re.compile(r"<[^>]*>")
_EMPTY_PARAGRAPH = re.compile(r"<p>(?:\s|&nbsp;|<br>)*</p>\s*")

# A cell that claims to span 65,000 columns keeps the PDF busy for a minute.
_LARGEST = {"colspan": 20, "rowspan": 50, "start": 9999, "width": 4000, "height": 4000}
# An address must name its scheme: relative to what, page, mail and PDF would each see otherwise.
# Brackets in its host are what urlsplit(), and WeasyPrint with it, gives up on.
_ADDRESS = re.compile(r"(?:https?://[^\s\[\]<>\"/?#]+|mailto:)[^\s<>\"]*", re.IGNORECASE)

# A picture as `briefings.pictures` names it.
PICTURE_NAME = r"[0-9a-f]{64}\.(?:jpg|png)"
_PICTURE_PATH = re.compile(rf"/pictures/{PICTURE_NAME}")
_PICTURE_SOURCE = re.compile(rf' src="(/pictures/({PICTURE_NAME}))"')

# Tags and attributes as the cleaner writes them: quoted, with `<`, `>` and `"` escaped.
_FIGURE = re.compile(
    r"<figure>\s*+<img((?: [a-z]+=\"[^\"]*+\")*+)>\s*+"
    r"(?:<figcaption>((?:[^<]|</?(?:strong|b|em|i|u|s|sub|sup|a|br)(?: [^<>]*+)?>)*+)"
    r"</figcaption>)?+"
    r"\s*+</figure>"
)
_FIGURE_TAG = re.compile(r"</?(?:figure|figcaption|img)(?: [^<>]*+)?>")
_IMAGE = re.compile(r"<img((?: [a-z]+=\"[^\"]*+\")*+)>")
_IMAGE_ATTRIBUTES = ("src", "alt", "role", "width", "height")
_ATTRIBUTE = re.compile(r' ([a-z]+)="([^"]*+)"')

# As `clean_html` leaves it: words and what may be in them, no blocks.
_NOTE_TAGS = r"</?(?:strong|b|em|i|sub|sup|a)(?: [^<>]*+)?>"
NOTE = re.compile(rf'<span role="note">((?:[^<]|{_NOTE_TAGS})*+)</span>')
_LOOSE_NOTE = re.compile(rf'<span role="note">((?:[^<]|{_NOTE_TAGS}|</?[us]>|<br>)*+)</span>')
_SPAN = re.compile(r"</?span(?: [^<>]*+)?>")
_CAPTION = re.compile(r"<(caption|figcaption)>.*?</\1>", re.DOTALL)
_LINK = re.compile(r"<a(?: [^<>]*+)?>.*?</a>", re.DOTALL)

# Layout recurses: at 150 levels WeasyPrint gives up, at 100,000 the parser takes minutes.
_MOST_LEVELS = 30
_OPENING_OR_CLOSING = re.compile(r"<(/?)([a-zA-Z][^\s/<>]*+)[^<>]*+>")
# Tags that stand alone, or that the next of their kind closes.
_NOT_NESTING = {
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"),
    *("caption", "dd", "dt", "li", "option", "p", "tbody", "td", "th", "thead", "tr"),
}


class HTMLTooLong(ValueError):
    """The message is Chinese, for the editor."""

    def __init__(self, length: int) -> None:
        super().__init__(f"內容太長：連格式最多 {LONGEST:,} 個字元，現有 {length:,} 個。")


_ROLES = {"img": "presentation", "span": "note"}


def _keep_attribute(tag: str, name: str, value: str) -> str | None:
    if name == "href":
        return value if _ADDRESS.fullmatch(value.strip()) else None
    if name == "src":
        return value if _PICTURE_PATH.fullmatch(value) else None
    if name == "role":  # of an image: that it only decorates, so that nobody misses a text for it
        return value if value == _ROLES.get(tag) else None
    largest = _LARGEST.get(name)
    if largest is None:
        return value
    is_number = value.isascii() and value.isdigit() and len(value) <= len(str(largest))
    return value if is_number and int(value) <= largest else None


_cleaner = nh3.Cleaner(
    tags={
        *("p", "br", "h2", "h3", "h4", "blockquote", "ul", "ol", "li", "hr"),
        *("strong", "b", "em", "i", "u", "s", "sub", "sup", "a"),
        *("table", "caption", "thead", "tbody", "tr", "th", "td"),
        *("figure", "img", "figcaption", "span"),
    },
    attributes={
        "a": {"href", "title"},
        "ol": {"start"},
        "th": {"colspan", "rowspan", "scope"},
        "td": {"colspan", "rowspan"},
        "img": {"src", "alt", "width", "height", "role"},
        "span": {"role"},
    },
    attribute_filter=_keep_attribute,
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer",
    strip_comments=True,
)


def clean_html(value: str) -> str:
    """`value` with only what the allow-list knows; the text of a dropped tag stays.

    Cleaning twice gives the same as once. Trailing empty paragraphs, which rich text editors
    leave behind, are dropped, so that an empty editor gives the empty string. NUL characters,
    which PostgreSQL can't store, are dropped too, and tags nested deeper than a page could show.
    Raises HTMLTooLong for what is longer than `LONGEST`, or becomes so by its signs being escaped.
    """
    _refuse_excess(value)
    html = _cleaner.clean(_flatten(value.replace("\0", "")))
    _refuse_excess(html)  # or it could not be cleaned again
    # Where a tag is taken away, a browser may read what is left in another way; and what stood in
    # a table where it can't, a list item say, finds its place only when it is read again.
    while (settled := _cleaner.clean(_settle_figures(_settle_notes(html)))) != html:
        html = settled
        _refuse_excess(html)
    return _drop_empty_end(html)


def _refuse_excess(html: str) -> None:
    if len(html) > LONGEST:
        raise HTMLTooLong(len(html))


def _settle_notes(html: str) -> str:
    """Each note as one span of words, outside links and captions; of all other spans, the text.

    A note is shown as a link, which can't stand in another: it comes after the one that it is in.
    """
    if "<span" not in html:
        return html
    html = _CAPTION.sub(lambda caption: _SPAN.sub("", caption[0]), _flatten_spans(html))
    pieces, end = [], 0
    for note in _LOOSE_NOTE.finditer(html):
        pieces += [_SPAN.sub("", html[end : note.start()]), _write_note(note[1])]
        end = note.end()
    html = "".join([*pieces, _SPAN.sub("", html[end:])])
    return _LINK.sub(_move_notes_behind, html)


def _move_notes_behind(link: re.Match[str]) -> str:
    without = NOTE.sub("", link[0])
    is_empty = not _TAG.sub("", without).strip()
    return ("" if is_empty else without) + "".join(_list_notes(link[0]))


def _flatten_spans(html: str) -> str:
    """The outermost notes with their closing tags, and no other spans."""
    within: list[bool] = []  # whether each span around this place is a note that is kept

    def keep(tag: re.Match[str]) -> str:
        if tag[0] == "</span>":
            is_kept = bool(within) and within.pop()
        else:
            is_kept = tag[0] == '<span role="note">' and not any(within)
            within.append(is_kept)
        return tag[0] if is_kept else ""

    return _SPAN.sub(keep, html)


def _write_note(content: str) -> str:
    """The note; without words nothing, and of one that is too long the words."""
    content = re.sub("</?[us]>", "", content.replace("<br>", " "))
    length = len(unescape(_TAG.sub("", content)).strip())
    if length > LONGEST_NOTE:
        return content
    return f'<span role="note">{content}</span>' if length else ""


def _list_notes(html: str) -> list[str]:
    return [note[0] for note in NOTE.finditer(html)]


def _settle_figures(html: str) -> str:
    """Each figure as one picture of ours and perhaps a caption; what is left of others, as text."""
    pieces, end = [], 0
    for figure in _FIGURE.finditer(html):
        if picture := _write_picture(figure[1]):
            caption = " ".join(unescape(_TAG.sub("", figure[2] or "")).split())
            shown = f"<figcaption>{escape(caption, quote=False)}</figcaption>" if caption else ""
            pieces += [
                _FIGURE_TAG.sub("", html[end : figure.start()]),
                f"<figure>{picture}{shown}</figure>",
            ]
            end = figure.end()
    return "".join([*pieces, _FIGURE_TAG.sub("", html[end:])])


def _write_picture(attributes: str) -> str:
    """An image with our address and always an alternative text; empty if it isn't our picture."""
    given = dict(_ATTRIBUTE.findall(attributes))
    if "src" not in given:
        return ""
    given.setdefault("alt", "")
    if given["alt"]:
        given.pop("role", None)
    return _write_image({name: given[name] for name in _IMAGE_ATTRIBUTES if name in given})


def _write_image(attributes: dict[str, str]) -> str:
    return "<img" + "".join(f' {name}="{value}"' for name, value in attributes.items()) + ">"


def find_pictures(html: str) -> list[str]:
    """The names of the pictures in it, in their order."""
    return [name for _, name in _PICTURE_SOURCE.findall(html)]


def carry_pictures(
    html: str, site_url: str = "", *, widest: int | None = None, highest: int | None = None
) -> str:
    """HTML as `clean_html` leaves it, to be read away from the site: its pictures' addresses whole.

    An image that isn't ours, which only raw SQL could have put there, is left out.

    Larger ones are made to fit, by their own attributes: Outlook knows no max-width, and WeasyPrint
    distorts what is held in by both a width and a height.
    """

    def place(image: re.Match[str]) -> str:
        given = dict(_ATTRIBUTE.findall(image[1]))
        if not find_pictures(image[0]):
            return ""
        given["src"] = site_url + given["src"]
        width, height = int(given.get("width", 0)), int(given.get("height", 0))
        if width and height:
            scale = min(1, (widest or width) / width, (highest or height) / height)
            given["width"], given["height"] = str(round(width * scale)), str(round(height * scale))
        return _write_image(given)

    return _IMAGE.sub(place, html)


def _flatten(html: str) -> str:
    """Without the tags, opening and closing, that stand deeper than `_MOST_LEVELS`."""
    level = 0

    def keep(tag: re.Match[str]) -> str:
        nonlocal level
        is_closing, name = tag[1], tag[2].lower()
        if name in _NOT_NESTING:
            return tag[0]
        if is_closing:
            level = max(0, level - 1)
            return tag[0] if level < _MOST_LEVELS else ""
        level += 1
        return tag[0] if level <= _MOST_LEVELS else ""

    return _OPENING_OR_CLOSING.sub(keep, html)


def _drop_empty_end(html: str) -> str:
    """Walks back from the end, in linear time; one pattern for it all would take quadratic."""
    end = len(html)
    while (start := html.rfind("<p>", 0, end)) != -1:
        if not _EMPTY_PARAGRAPH.fullmatch(html, start, end):
            break
        end = start
    return html if end == len(html) else html[:end].rstrip()


def split_blocks(value: str) -> list[str]:
    """The text of each paragraph, heading, list item or table row, without mark-up or empties.

    Notes come after the block that they stand in, so that its sentences stay whole.
    """
    marked = _CELL_END.sub(" ", _BLOCK_END.sub("\n", value.replace("\n", " ")))
    lines = (
        unescape(_TAG.sub("", piece)).strip()
        for line in marked.split("\n")
        for piece in (NOTE.sub("", line), *NOTE.findall(line))
    )
    return [line for line in lines if line]


def to_text(value: str) -> str:
    """Plain text, one block a line: for the index."""
    return "\n".join(split_blocks(value))
