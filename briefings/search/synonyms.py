"""Wordings that mean the same, so that a search for one finds the others as well."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from briefings.search.query import MAX_QUERY_LENGTH, Phrase, Query, Term
from briefings.search.tokens import is_han, split_runs

Runs = tuple[str, ...]

MAX_OTHERS = 12  # wordings looked for beside a typed one; each costs a look into the index
# Within a longer term two Han characters are too often parts of other words: 北都 in 河北都城.
_LEAST_WITHIN = 3


@dataclass(frozen=True)
class Wording:
    text: str  # as it is written
    runs: Runs


class Synonyms:
    """Groups of wordings; two groups with a wording in common are one group.

    Those of `untold` are looked for like the others, but nobody is told.
    """

    def __init__(
        self, groups: Iterable[Iterable[str]], untold: Collection[str] = frozenset()
    ) -> None:
        self._untold = untold
        self._groups: dict[Runs, tuple[Wording, ...]] = {}
        for group in groups:
            self._add([Wording(text, runs) for text in group if (runs := tuple(split_runs(text)))])
        self._longest_first = sorted(self._groups, key=lambda runs: (-len("".join(runs)), runs))
        self._most_runs = max(map(len, self._groups), default=0)

    def _add(self, wordings: list[Wording]) -> None:
        joined = {wording.runs: wording for wording in wordings}
        for wording in wordings:
            joined |= {known.runs: known for known in self._groups.get(wording.runs, ())}
        self._groups |= dict.fromkeys(joined, tuple(joined.values()))

    def expand(self, query: Query) -> Query:
        """With the other wordings of what was typed: of a whole term, of terms side by side
        (northern metropolis), or else of the longest wording within a term (MPF改革). What is
        quoted stays as it is, and so does what must not be found.
        """
        others: list[dict[Phrase, str]] = [{} for _ in query.terms]
        for start, end, runs in self._find_whole(query.terms):
            for i in range(start, end):
                others[i] |= self._list_others(runs, typed=query.terms[i].typed.runs)
        for i, term in enumerate(query.terms):
            if not others[i] and not term.is_exact:
                others[i] = self._find_within(term.typed.runs)
        either = [self.expand(Query(term.either)) for term in query.terms]
        found = zip(query.terms, others, either, strict=True)
        also = self._tell(others) | {text: None for other in either for text in other.also}
        return replace(
            query,
            terms=tuple(
                replace(term, others=tuple(phrases), either=other.terms)
                for term, phrases, other in found
            ),
            also=tuple(also),
        )

    def _tell(self, others: Iterable[dict[Phrase, str]]) -> dict[str, None]:
        texts = (text for found in others for text in found.values())
        return dict.fromkeys(text for text in texts if text not in self._untold)

    def _find_whole(self, terms: Sequence[Term]) -> Iterable[tuple[int, int, Runs]]:
        """Terms start to end that together are a wording; of overlapping ones the longest."""
        start = 0
        while start < len(terms):
            for end in range(min(len(terms), start + self._most_runs), start, -1):
                together = terms[start:end]
                if end - start > 1 and any(term.either for term in together):
                    continue
                runs = tuple(run for term in together for run in term.typed.runs)
                if runs in self._groups and not any(term.is_exact for term in together):
                    yield start, end, runs
                    start = end - 1
                    break
            start += 1

    def _list_others(self, runs: Runs, *, typed: Runs) -> dict[Phrase, str]:
        """Without those that hold what was typed: whatever they find is found already."""
        others = [
            wording
            for wording in self._groups[runs]
            if wording.runs != runs and _find_place(typed, wording.runs) is None
        ]
        return {Phrase(wording.runs): wording.text for wording in others[:MAX_OTHERS]}

    def _find_within(self, typed: Runs) -> dict[Phrase, str]:
        whole = "".join(typed)
        for runs in self._longest_first:
            text = "".join(runs)
            if text not in whole:  # asked first for being cheap, of wordings by the thousand
                continue
            is_long_enough = not is_han(runs[0]) or len(text) >= _LEAST_WITHIN
            if is_long_enough and (place := _find_place(runs, typed)) is not None:
                others = self._list_others(runs, typed=runs)
                replaced = {
                    _replace(typed, place, runs, other.runs): text for other, text in others.items()
                }
                return {
                    phrase: text
                    for phrase, text in replaced.items()
                    if len("".join(phrase.runs)) <= MAX_QUERY_LENGTH
                }
        return {}


def _find_place(wording: Runs, runs: Runs) -> tuple[int, int] | None:
    """Where the wording stands in `runs`: the run it begins in, and the character of that run."""
    last = len(wording) - 1
    for i in range(len(runs) - last):
        begin = runs[i].find(wording[0]) if last == 0 else len(runs[i]) - len(wording[0])
        if all(
            _stands(part, runs[i + j], begins=j > 0, ends=j < last)
            for j, part in enumerate(wording)
        ):
            return i, begin
    return None


def _stands(part: str, run: str, *, begins: bool, ends: bool) -> bool:
    """Whether the part of a wording stands in the run: a word as the whole of it, Han characters
    as any of it, but at its beginning or end where the wording goes on beyond."""
    if not is_han(part):
        return part == run
    if begins and ends:
        return part == run
    if begins:
        return run.startswith(part)
    return run.endswith(part) if ends else part in run


def _replace(runs: Runs, place: tuple[int, int], wording: Runs, other: Runs) -> Phrase:
    i, begin = place
    j = i + len(wording) - 1
    before = runs[i][:begin]
    after = runs[i][begin + len(wording[0]) :] if i == j else runs[j][len(wording[-1]) :]
    left, right = runs[:i], runs[j + 1 :]
    # Two runs of Han characters have punctuation between them. Beside a word there need be none,
    # so that Han characters in its place go on where the next ones begin: MPF改革, 强积金改革.
    if before or not is_han(wording[0]):
        left = _attach((*left, before) if before else left, other)
    else:
        left += other
    if after or not is_han(wording[-1]):
        return Phrase(_attach(left, (after, *right) if after else right))
    return Phrase(left + right)


def _attach(left: Runs, right: Runs) -> Runs:
    """Side by side with nothing between: Han characters then make one run."""
    if left and right and is_han(left[-1]) and is_han(right[0]):
        return (*left[:-1], left[-1] + right[0], *right[1:])
    return left + right
