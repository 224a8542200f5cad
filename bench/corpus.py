"""Generated entries that read like an archive of Chinese policy commentary to a search index.

Words come as often as in jieba's dictionary, some more often in entries of one theme and in a
single entry; planted phrases come from a month on, at a known rate. It is word salad: real prose
has fewer different pairs of characters. The same number of entries is always the same text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import jieba
import numpy as np
from numpy.typing import NDArray
from opencc import OpenCC

SEED = 2026
FIRST_DAY, LAST_DAY = date(2005, 1, 3), date(2026, 10, 30)
PER_EDITION = 20
AT_ONCE = 2000  # entries made together; a multiple of an edition
MEAN_WORDS = 770  # which make some 1,400 characters
LINE = 38  # characters of a line in a PDF
THEMES = (
    *("宏觀經濟", "產業政策", "創新科技", "區域合作", "國際貿易", "金融市場"),
    *("房屋土地", "社會福利", "勞工就業", "教育人才", "環境能源", "醫療健康"),
)
AUTHORS = tuple(
    surname + given
    for surname, given in zip(
        "陳李張黃何林吳鄭梁劉葉馮鄧曾許彭蔡羅蘇謝",
        [
            "志明",
            "慧敏",
            "國強",
            "嘉欣",
            "詠詩",
            "家豪",
            "偉文",
            "麗珍",
            "俊傑",
            "美玲",
            "子健",
            "淑儀",
            "永康",
            "婉婷",
            "浩然",
            "寶珠",
            "文傑",
            "曉彤",
            "耀東",
            "雅琳",
        ],
        strict=True,
    )
)


class Planted(NamedTuple):
    phrase: str
    since: str  # month
    rate: float  # of all entries since then; of those of its theme twice as many
    theme: int  # in THEMES


PLANTED = (
    Planted("碳中和", "2020-09", 0.08, 10),
    Planted("雙循環", "2020-05", 0.10, 0),
    Planted("大數據", "2013-03", 0.15, 2),
    Planted("區塊鏈", "2016-10", 0.06, 5),
    Planted("強積金", "2005-01", 0.05, 8),
    Planted("元宇宙", "2021-10", 0.03, 2),
    Planted("一帶一路", "2013-10", 0.28, 4),
    Planted("人工智能", "2016-03", 0.26, 2),
    Planted("共同富裕", "2021-08", 0.07, 7),
    Planted("數字經濟", "2017-03", 0.16, 2),
    Planted("低空經濟", "2024-03", 0.14, 1),
    Planted("專精特新", "2021-07", 0.05, 1),
    Planted("最低工資", "2010-07", 0.04, 8),
    Planted("量化寬鬆", "2009-03", 0.06, 5),
    Planted("銀髮經濟", "2024-01", 0.04, 7),
    Planted("經濟發展", "2005-01", 0.42, 0),
    Planted("中國製造", "2005-01", 0.11, 1),
    Planted("臺灣海峽", "2005-01", 0.01, 4),
    Planted("新質生產力", "2023-09", 0.22, 1),
    Planted("北部都會區", "2021-10", 0.12, 6),
    Planted("新型工業化", "2022-10", 0.11, 1),
    Planted("統一大市場", "2022-04", 0.04, 0),
    Planted("粵港澳大灣區", "2017-03", 0.32, 3),
    Planted("人民幣國際化", "2009-07", 0.06, 5),
    Planted("高質量新發展", "2017-10", 0.20, 0),
    Planted("中美貿易摩擦", "2018-03", 0.12, 4),
    Planted("首次置業計劃", "2014-01", 0.02, 6),
    Planted("公共衞生體系", "2006-01", 0.05, 11),
    Planted("跨境數據流動", "2021-06", 0.05, 2),
    Planted("職業技術教育", "2005-06", 0.06, 9),
    Planted("長者健康評估", "2012-01", 0.03, 11),
    Planted("供給側結構性改革", "2015-11", 0.08, 0),
    Planted("5G網絡", "2018-06", 0.09, 2),
    Planted("AI治理", "2022-12", 0.07, 2),
    Planted("Web3產業", "2022-06", 0.03, 5),
    Planted("STEM教育", "2016-01", 0.06, 9),
    Planted("ESG披露", "2019-05", 0.06, 10),
    Planted("O2O服務", "2014-05", 0.02, 4),
)
WORDS_IN_LATIN = (
    *("GDP", "CEPA", "RCEP", "WTO", "ESG", "FDI", "PMI", "IPO", "R&D", "AI", "5G", "6G", "IMF"),
    *("ChatGPT", "COVID-19", "InnoHK", "STEM", "B2B", "Industry 4.0", "supply chain", "Brexit"),
    *("Belt and Road", "carbon neutrality", "Northern Metropolis", "free trade", "Web3"),
)
NUMBERS = (
    *(f"{year}年" for year in range(1997, 2027)),
    *(f"{month}月{day}日" for month in range(1, 13) for day in (1, 8, 15, 22, 28)),
    *(f"第{number}屆" for number in (*"一二三四五六七八九十", *range(1, 21))),
    *(f"{whole}.{tenths}%" for whole in range(1, 12) for tenths in (1, 5, 8)),
    *(f"{amount}億元" for amount in (3, 12, 50, 100, 250, 800, 1200)),
)
MARKS = {"，": 0.075, "。": 0.035, "、": 0.02, "「": 0.006, "」": 0.006, "；": 0.005, "：": 0.003}
IN_LATIN, IN_NUMBERS = 0.006, 0.012  # of all that is drawn
# What one writer prints in the one way, and another in the other.
_VARIANTS = str.maketrans("裏裡羣群為爲臺台衞衛着著", "裡裏群羣爲為台臺衛衞著着")
_FULL_WIDTH = {ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"}
_HAN_WORD = re.compile("[\u4e00-\u9fff]+")

Numbers = NDArray[np.int64]


class Draft(NamedTuple):
    """An entry as it is to be stored."""

    day: date
    headline: str
    lead: str
    body: str  # HTML
    themes: tuple[int, ...]  # in THEMES, the main one first
    authors: tuple[int, ...]  # in AUTHORS


@dataclass(frozen=True)
class Vocabulary:
    """All that is drawn. Words of the dictionary come first, then what is planted, then marks."""

    texts: NDArray[Any]
    up_to: NDArray[np.float64]  # the chance of this text or one before it
    subjects: Numbers  # words of middling frequency, which themes are made of
    of_themes: Numbers  # for each theme, its words
    planted: Numbers
    first_mark: int

    def draw(self, chance: np.random.Generator, shape: tuple[int, ...]) -> Numbers:
        return np.searchsorted(self.up_to, chance.random(shape)).astype(np.int64)


def load_vocabulary() -> Vocabulary:
    words, frequencies = _read_dictionary()
    latin = [form for word in WORDS_IN_LATIN for form in (word, f" {word} ")]
    planted = [each.phrase for each in PLANTED]
    texts = [*words, *planted, *latin, *NUMBERS, *MARKS]
    chances = np.concatenate(
        [
            frequencies / frequencies.sum() * (1 - IN_LATIN - IN_NUMBERS - sum(MARKS.values())),
            np.zeros(len(planted)),  # they are put in by their rates
            np.full(len(latin), IN_LATIN / len(latin)),
            np.full(len(NUMBERS), IN_NUMBERS / len(NUMBERS)),
            list(MARKS.values()),
        ]
    )
    is_long = np.array([len(word) > 1 for word in words])
    subjects = np.flatnonzero(is_long & (frequencies > 200) & (frequencies < 8000))
    chance = np.random.default_rng(SEED)
    return Vocabulary(
        texts=np.array(texts, dtype=object),
        up_to=np.cumsum(chances / chances.sum()),
        subjects=subjects,
        of_themes=np.array([chance.choice(subjects, 400, replace=False) for _ in THEMES]),
        planted=np.arange(len(words), len(words) + len(planted)),
        first_mark=len(texts) - len(MARKS),
    )


def _read_dictionary() -> tuple[list[str], NDArray[np.float64]]:
    """jieba's words as Hong Kong writes them, and how often each was counted."""
    lines = Path(jieba.__file__).with_name("dict.txt").read_text("utf-8").splitlines()
    rows = (line.split(" ") for line in lines)
    known = [(row[0], int(row[1])) for row in rows if _HAN_WORD.fullmatch(row[0])]
    frequent = [(word, count) for word, count in known if count >= 3]
    words = OpenCC("s2hk").convert("\n".join(word for word, _ in frequent)).split("\n")
    return words, np.array([count for _, count in frequent], dtype=np.float64)


def write_entries(count: int, vocabulary: Vocabulary) -> Iterator[list[Draft]]:
    """The oldest first, some at once."""
    for start in range(0, count, AT_ONCE):
        yield _Batch(start, count, vocabulary).write()


class _Batch:
    """Entries that are drawn together, since numpy's cost is by the call.

    A batch is always drawn whole: the first 10,000 of 100,000 entries then have the words of
    10,000, but for what is planted, since their days are others.
    """

    def __init__(self, start: int, count: int, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.chance = np.random.default_rng([SEED, start])
        self.simplify = OpenCC("t2s").convert
        self.wanted = min(AT_ONCE, count - start)
        size = AT_ONCE
        self.days = [_find_day(place, count) for place in range(start, start + size)]
        order = self.chance.random((size, len(THEMES))).argsort(axis=1)
        self.theme_counts = self.chance.choice([1, 2, 3], size, p=[0.4, 0.4, 0.2])
        self.themes = order[:, :3]
        self.lengths = (MEAN_WORDS * self.chance.uniform(0.5, 1.5, size)).astype(int)

    def write(self) -> list[Draft]:
        words = self._draw_words()
        planted = self._plant(words)
        ways = self.chance.random(len(self.days))
        return [
            self._write_entry(row, words[row], planted[row], ways[row])
            for row in range(self.wanted)
        ]

    def _draw_words(self) -> Numbers:
        """A row for each entry, as long as the longest."""
        chance, known = self.chance, self.vocabulary
        shape = (len(self.days), int(MEAN_WORDS * 1.5))
        words = known.draw(chance, shape)
        kind = chance.random(shape)
        rows, columns = np.nonzero(kind < 0.18)
        chosen = (chance.random(len(rows)) * self.theme_counts[rows]).astype(int)
        words[rows, columns] = self._draw_of_theme(self.themes[rows, chosen])
        rows, columns = np.nonzero((kind >= 0.18) & (kind < 0.26))
        own = chance.choice(known.subjects, (shape[0], 25))
        words[rows, columns] = own[rows, chance.integers(0, 25, len(rows))]
        is_mark = words >= known.first_mark
        rows, columns = np.nonzero(is_mark[:, 1:] & is_mark[:, :-1])
        words[rows, columns + 1] = known.draw(chance, rows.shape)
        return words

    def _draw_of_theme(self, themes: Numbers) -> Numbers:
        """A word for each; of a theme's words the first come far more often than the last."""
        of_themes = self.vocabulary.of_themes
        places = (self.chance.zipf(1.15, themes.shape) - 1) % of_themes.shape[1]
        words: Numbers = of_themes[themes, places]
        return words

    def _plant(self, words: Numbers) -> list[list[str]]:
        """Puts phrases in place of words, and tells for each entry which."""
        found: list[list[str]] = [[] for _ in self.days]
        months = np.array([f"{day:%Y-%m}" for day in self.days])
        is_own = np.arange(3) < self.theme_counts[:, None]
        for number, each in zip(self.vocabulary.planted, PLANTED, strict=True):
            of_theme = ((self.themes == each.theme) & is_own).any(axis=1)
            rate = each.rate * np.where(of_theme, 2, 0.8)
            has_it = (months >= each.since) & (self.chance.random(len(months)) < rate)
            for row in np.flatnonzero(has_it):
                times = self.chance.choice([1, 1, 1, 2, 2, 3, 5])
                words[row, self.chance.integers(0, self.lengths[row], times)] = number
                found[row].append(each.phrase)
        return found

    def _write_entry(self, row: int, words: Numbers, planted: list[str], way: float) -> Draft:
        chance = self.chance
        themes = self.themes[row, : self.theme_counts[row]]
        headline = self._join(self._draw_of_theme(np.full(4, themes[0])))
        lead = self._join(self._draw_of_theme(np.full(12, themes[0])))
        lead += self._join(self.vocabulary.draw(chance, (15,)))
        if planted and chance.random() < 0.3:
            headline = f"{chance.choice(planted)}：{headline}"
        if planted and chance.random() < 0.3:
            lead = f"{chance.choice(planted)}{lead}"
        paragraphs = np.array_split(words[: self.lengths[row]], self.lengths[row] // 160 + 1)
        texts = [headline, f"{lead}。", *(f"{self._join(part)}。" for part in paragraphs)]
        headline, lead, *body = (self._rewrite(text, way) for text in texts)
        return Draft(
            day=self.days[row],
            headline=headline,
            lead=lead,
            body="".join(f"<p>{escape(text, quote=False)}</p>" for text in body),
            themes=tuple(map(int, themes)),
            authors=tuple(map(int, chance.permutation(len(AUTHORS))[: chance.integers(1, 3)])),
        )

    def _join(self, words: Numbers) -> str:
        text: str = "".join(self.vocabulary.texts[words])
        return text.strip(" ，。、；：")

    def _rewrite(self, text: str, way: float) -> str:
        """As some writers, keyboards and PDFs have it; most entries stay as they are."""
        if way < 0.03:
            return str(self.simplify(text))
        if way < 0.06:
            return text.translate(_VARIANTS)
        if way < 0.10:
            return text.translate(_FULL_WIDTH)
        if way < 0.13:
            return "\n".join(text[i : i + LINE] for i in range(0, len(text), LINE))
        return text


def _find_day(place: int, count: int) -> date:
    """Of the edition that the entry is in; editions come evenly."""
    editions = max(1, count // PER_EDITION)
    return FIRST_DAY + (LAST_DAY - FIRST_DAY) * (place // PER_EDITION) // editions
