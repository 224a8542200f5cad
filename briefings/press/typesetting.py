"""HTML as it is stored → HTML as it is set: what Chinese typesetting adds between characters.

Pure, and of the text alone (running heads' included): no tag and no word is changed. WeasyPrint 70
has neither `text-autospace` nor a way to keep —— off a line's start, so the characters that do it
are put in.
"""

import re
from html import unescape

_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_LETTER = "0-9A-Za-z\u00c0-\u024f"
_BORDER = re.compile(f"(?<=[{_HAN}])(?=[{_LETTER}])|(?<=[{_LETTER}])(?=[{_HAN}])")
_ENDS_AT_BORDER = re.compile(f"([{_HAN}])$|([{_LETTER}])$")
_STARTS_WITH = re.compile(f"^(?:([{_HAN}])|([{_LETTER}]))")

# Of Latin at least this much: a reader is told its language, and it may be hyphenated.
_WORD = "[A-Za-z\u00c0-\u024f][A-Za-z\u00c0-\u024f'\u2019-]*"
_PHRASE = re.compile(f"{_WORD}(?: (?:&amp; )?{_WORD})+|[A-Za-z\u00c0-\u024f]{{8,}}")
_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>\u2e80-\uffef]+")
_WITHIN_ADDRESS = re.compile(r"(?<=[/?=._-])(?=[^/?&=._\s-])|(?<=&amp;)")

_DASH = re.compile("(?<!^)(?<!\u2014)(?=\u2014\u2014)")
WORD_JOINER, ZERO_WIDTH_SPACE = "\u2060", "\u200b"

_TAG = re.compile(r"(<[^>]*>)")
_TAG_NAME = re.compile(r"</?([a-zA-Z0-9]+)")
_INLINE = {"a", "b", "em", "i", "s", "strong", "u", "span", "del", "ins"}
_NOTE = "small"
_UNTOUCHED = {"title", "style"}
_SHOWN = re.compile(r' data-(?:running|title)="[^"]*"')  # what running heads are made of


def typeset(html: str) -> str:
    """The same text with room between Chinese and Latin, and line breaks only where they may be.

    Where Chinese meets a letter or digit stands a space (the stylesheet makes it narrow), also
    across inline tags; before —— a word joiner, so that no line starts with it; in addresses
    zero-width spaces. Latin phrases and long words are marked as English. A note goes to the foot
    of its page, so the words before and after it are neighbours, and those within it have none.
    """
    pieces = _TAG.split(html)
    before, untouched = "", False  # the last character of the text so far, within its block
    around_note = ""  # what that was when a note began
    for place, piece in enumerate(pieces):
        if place % 2:
            name = _TAG_NAME.match(piece)
            tag = name[1].lower() if name else ""
            if tag in _UNTOUCHED:
                untouched = not piece.startswith("</")
            if tag == _NOTE:
                around_note, before = (before, "") if piece[1] != "/" else ("", around_note)
            elif tag not in _INLINE:
                before = ""
            pieces[place] = _SHOWN.sub(lambda shown: _BORDER.sub(" ", shown[0]), piece)
        elif piece and not untouched:
            pieces[place] = _typeset_text(piece, before)
            before = unescape(piece)[-1]
    return "".join(pieces)


def _typeset_text(text: str, before: str) -> str:
    spaced = _BORDER.sub(" ", text)
    pieces, end = [], 0
    for address in _ADDRESS.finditer(spaced):
        pieces += [_typeset_words(spaced[end : address.start()])]
        pieces += [_WITHIN_ADDRESS.sub(ZERO_WIDTH_SPACE, address[0])]
        end = address.end()
    pieces += [_typeset_words(spaced[end:])]
    if _meet(before, text):
        pieces.insert(0, " ")
    elif before and text.startswith("\u2014\u2014"):
        pieces.insert(0, WORD_JOINER)
    return "".join(pieces)


def _typeset_words(text: str) -> str:
    return _PHRASE.sub(r'<span lang="en">\g<0></span>', _DASH.sub(WORD_JOINER, text))


def _meet(before: str, text: str) -> bool:
    """Whether Chinese and Latin meet where one text ends and the next begins."""
    end, start = _ENDS_AT_BORDER.search(before), _STARTS_WITH.match(text)
    return bool(end and start and bool(end[1]) != bool(start[1]))


def untypeset(text: str) -> str:
    """Text as a PDF gives it back, without what was put in for breaking lines."""
    return text.replace(WORD_JOINER, "").replace(ZERO_WIDTH_SPACE, "")
