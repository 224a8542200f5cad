"""What a search ought to find, by reading every text from end to end.

It shares the folding with our search, and nothing else: neither tokens nor the reading of queries.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from briefings.search.fold import fold

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_BETWEEN_HAN = re.compile(rf"(?<=[{_HAN}])[\s\u00ad\u200b-\u200f\u2060\ufeff]+(?=[{_HAN}])")
_TERM = re.compile(r'"([^"]+)"|(\S+)')
_RUN = re.compile(rf"[{_HAN}]+|[a-z0-9]+")
_APART = "\n|\n"  # what stands on both sides of it doesn't stand together


class _Wanted(NamedTuple):
    """A term: Han characters as they stand, anything else as a rule."""

    text: str
    rule: re.Pattern[str] | None

    def stands_in(self, fields: Sequence[str], joined: str) -> bool:
        if self.rule is None:
            return self.text in joined
        return any(self.rule.search(field) for field in fields)


def find_all(queries: Sequence[str], texts: Iterable[tuple[int, Sequence[str]]]) -> list[set[int]]:
    """For each query the ids of the texts that have all its terms. Reads each text once.

    A word stands alone; beside it white space and punctuation don't count: 5G工業 is 5G、工業.
    """
    wanted = [_read_query(query) for query in queries]
    found: list[set[int]] = [set() for _ in queries]
    for key, passages in texts:
        fields = [_BETWEEN_HAN.sub("", fold(passage)) for passage in passages]
        joined = _APART.join(fields)
        for terms, keys in zip(wanted, found, strict=True):
            if all(term.stands_in(fields, joined) for term in terms):
                keys.add(key)
    return found


def _read_query(query: str) -> list[_Wanted]:
    return [_read_term(quoted or bare) for quoted, bare in _TERM.findall(fold(query))]


def _read_term(text: str) -> _Wanted:
    if re.fullmatch(f"[{_HAN}]+", text):
        return _Wanted(text, None)
    between = f"[^a-z0-9{_HAN}]*"
    runs = (
        rf"(?<![a-z0-9]){run}(?![a-z0-9])" if run.isascii() else run for run in _RUN.findall(text)
    )
    return _Wanted(text, re.compile(between.join(runs)))
