"""What readers type, drawn by a fixed seed from the archive's own words."""

import itertools
import random
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from bench.corpus import PLANTED, SEED, Vocabulary

_HAN_RUN = re.compile("[\u4e00-\u9fff]+")
LATIN = ("GDP", "ESG", "COVID-19", "InnoHK", '"supply chain"', '"Belt and Road"')
VARIANTS = ("裡面", "羣眾", "行爲", "台灣", "衛生", "着重")
PLAIN = ("发展", "经济发展", "新质生产力", "粤港澳大湾区", "数字经济")
HISTORIES = ("人工智能", "新質生產力", "經濟發展", "發展")


class Asked(NamedTuple):
    kind: str
    text: str


def choose_queries(texts: Sequence[str], vocabulary: Vocabulary) -> list[Asked]:
    """Some 95, from a sample of the texts they will be asked of."""
    chance = random.Random(SEED)
    words = frozenset(vocabulary.texts)
    pairs, characters = _count(texts, 2), _count(texts, 1)
    known = Counter({pair: found for pair, found in pairs.items() if pair in words})

    def between(found: Counter[str], least: float, most: float, wanted: int) -> list[str]:
        """That stand in this share of the texts."""
        share = range(round(least * len(texts)), round(most * len(texts)) + 1)
        fitting = sorted(text for text, count in found.items() if count in share)
        return chance.sample(fitting, min(wanted, len(fitting)))

    def planted(length: int, wanted: int) -> list[str]:
        phrases = [each.phrase for each in PLANTED if _HAN_RUN.fullmatch(each.phrase)]
        fitting = [phrase for phrase in phrases if len(phrase) == length]
        return chance.sample(fitting, min(wanted, len(fitting)))

    def with_rare(length: int, wanted: int) -> list[str]:
        """Some of them were not planted, and stand in few texts or a single one."""
        chosen = planted(length, wanted - 2)
        return chosen + [_cut(chance, texts, length) for _ in range(wanted - len(chosen))]

    middling = between(known, 0.005, 0.02, 10)
    chosen = {
        "han2_common": between(known, 0.3, 1, 10),
        "han2_mid": middling,
        "han2_rare": chance.sample(sorted(p for p, count in pairs.items() if count == 1), 10),
        "han3": with_rare(3, 8),
        "han4": with_rare(4, 10),
        "han6": with_rare(6, 9),
        "mixed": [
            *(each.phrase for each in PLANTED if not _HAN_RUN.fullmatch(each.phrase)),
            *("2023年", "第5屆"),
        ],
        "latin": LATIN,
        "and2": [f"{a} {b}" for a, b in zip(planted(4, 7), between(known, 0.1, 1, 7), strict=True)],
        "han1": between(characters, 0.05, 0.6, 3),
        "simplified": PLAIN,
        "variant": VARIANTS,
        "zero": [f"{a[::-1]}{b[::-1]}" for a, b in itertools.pairwise(middling[:4])],
    }
    return [Asked(kind, text) for kind, texts_of_kind in chosen.items() for text in texts_of_kind]


def _count(texts: Sequence[str], length: int) -> Counter[str]:
    """For each so many Han characters in a row the texts that have them."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update(
            {
                run[i : i + length]
                for run in _HAN_RUN.findall(text)
                for i in range(len(run) - length + 1)
            }
        )
    return found


def _cut(chance: random.Random, texts: Sequence[str], length: int) -> str:
    """Han characters as they happen to stand somewhere."""
    runs: list[str] = []
    while not runs:
        runs = [run for run in _HAN_RUN.findall(chance.choice(texts)) if len(run) >= length]
    run = chance.choice(runs)
    start = chance.randint(0, len(run) - length)
    return str(run[start : start + length])
