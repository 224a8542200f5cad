"""A page in Simplified characters.

Pure. Converted at phrase level by OpenCC from what Hong Kong writes (乾淨 gives 干净, 乾坤 stays):
the text, and the attributes that are shown or read out. Never addresses, code, what a reader typed
into a field, or what is marked as being in another language or not to be translated. The characters
only: words stay those of Hong Kong.
"""

from functools import cache

from opencc import OpenCC

from briefings.markup import EMPTY_TAGS, Tag, split_markup

LANGUAGE = "zh-Hans"

_SPOKEN = frozenset(("alt", "aria-description", "aria-label", "placeholder", "title"))
_SPOKEN_META = frozenset(
    ("description", "og:title", "og:description", "og:site_name", "og:image:alt", "twitter:title")
)
_UNTOUCHED = frozenset(("code", "kbd", "pre", "samp"))
# Tags that a word may run through: 頭<mark>髮</mark>.
_INLINE = frozenset(
    (
        *("a", "abbr", "b", "cite", "del", "em", "i", "ins", "mark", "s", "small", "span"),
        *("strong", "sub", "sup", "time", "u", "wbr"),
    )
)


@cache
def _converter() -> OpenCC:
    return OpenCC("hk2s")  # loads its dictionaries in some 30 ms


def simplify(text: str) -> str:
    return str(_converter().convert(text))


def simplify_page(html: str) -> str:
    """A rendered page; its cost is that of cutting it up, a few milliseconds for 50 kB."""
    pieces: list[str] = []
    words: list[int] = []  # where in `pieces` the texts stand that belong together
    kept: list[str] = []  # the open element that is left alone, and those of its name within it
    for piece in split_markup(html):
        if isinstance(piece, str):
            if not kept:
                words.append(len(pieces))
            pieces.append(piece)
            continue
        if piece.name not in _INLINE:
            _simplify_together(pieces, words)
            words.clear()
        pieces.append(piece.source if kept or piece.is_closing else _simplify_tag(piece))
        _follow(piece, kept)
    _simplify_together(pieces, words)
    return "".join(pieces)


def _follow(tag: Tag, kept: list[str]) -> None:
    if kept:
        if tag.name == kept[-1]:
            kept.pop() if tag.is_closing else kept.append(tag.name)
    elif not tag.is_closing and tag.name not in EMPTY_TAGS and _is_left_alone(tag):
        kept.append(tag.name)


def _is_left_alone(tag: Tag) -> bool:
    given = tag.attributes
    is_foreign = tag.name != "html" and "lang" in given
    return is_foreign or tag.name in _UNTOUCHED or given.get("translate") == "no"


def _simplify_together(pieces: list[str], places: list[int]) -> None:
    """As one text, so that a word is known though a tag runs through it."""
    texts = [pieces[place] for place in places]
    converted = simplify("".join(texts))
    if len(converted) != sum(map(len, texts)):  # then nobody knows which piece grew
        for place in places:
            pieces[place] = simplify(pieces[place])
        return
    end = 0
    for place, text in zip(places, texts, strict=True):
        pieces[place] = converted[end : end + len(text)]
        end += len(text)


def _simplify_tag(tag: Tag) -> str:
    if tag.name == "html":
        return tag.change(lambda name, value: LANGUAGE if name == "lang" else value)
    if tag.name == "meta":
        given = tag.attributes
        about = given.get("name") or given.get("property")
        if about == "og:locale":
            return tag.change(lambda name, value: "zh_CN" if name == "content" else value)
        if about not in _SPOKEN_META:
            return tag.source
        return tag.change(lambda name, value: simplify(value) if name == "content" else value)
    if '="' not in tag.source or _is_left_alone(tag):
        return tag.source
    return tag.change(lambda name, value: simplify(value) if name in _SPOKEN else value)
