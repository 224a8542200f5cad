r"""What the index holds and a query asks for: the one tokenizer of both.

A text is runs of Han characters, and words: runs of other letters and digits (5g, 2023, café).
A Han run gives one token per character: it and the next one, the last alone. A word is one token.

    工業互聯網、5G    工业 业互 互联 联网 网 5g

Adjacent characters are then adjacent tokens, so that a phrase finds exactly what stands together,
whatever words a dictionary would see. What follows from it:

*   White space, line breaks and invisible characters between Han characters, as PDFs and mail
    leave them, are not there. Punctuation between them is: 工業、發展 is not found by 工業發展.
*   Between a Han character and a word, neither counts: `5G工業`, `5G 工業` and `5G、工業` are the
    same, and a query for any of them finds all three.
*   Which punctuation it is never matters.
*   A word is found whole: 2023年 by 2023, not by 202.
"""

import re

from briefings.search.fold import fold

# Characters of writing that puts no space between words: Han, 々〆〇, kana, Bopomofo.
_HAN = (
    r"\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf"
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
)
HAN = f"[{_HAN}]"
WORD_CHARACTER = rf"(?:(?!{HAN})[^\W_])"
# White space, controls, soft hyphens, direction marks, variation selectors.
INVISIBLE = (
    r"[\s\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff"
    r"\U000e0100-\U000e01ef]"
)

_RUN = re.compile(rf"{HAN}(?:{INVISIBLE}*{HAN})*|{WORD_CHARACTER}+")
_INVISIBLES = re.compile(f"{INVISIBLE}+")
_HAN_START = re.compile(HAN)


def split_runs(text: str) -> list[str]:
    """The Han runs and words of `text`, folded, without what is invisible or punctuation."""
    return [_INVISIBLES.sub("", run) for run in _RUN.findall(fold(text))]


def split_runs_as_written(text: str) -> list[str]:
    """The same runs, but Han characters in the script and the variant they have in `text`."""
    folded = fold(text)
    return [
        "".join(_keep_han(folded[i], text[i]) for i in range(*run.span()))
        for run in _RUN.finditer(folded)
    ]


def _keep_han(folded: str, raw: str) -> str:
    if _INVISIBLES.match(folded):
        return ""
    return raw if is_han(folded) else folded


def is_han(run: str) -> bool:
    return _HAN_START.match(run) is not None


def tokenize_run(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run))] if is_han(run) else [run]


def tokenize(text: str) -> list[str]:
    """Tokens in order of position. They hold letters and digits only: nothing to escape."""
    return [token for run in split_runs(text) for token in tokenize_run(run)]
