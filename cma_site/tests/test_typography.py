"""What a typographer would look at, measured on paper."""

import random
import re
from io import BytesIO
from itertools import pairwise

import pdfplumber
import pytest
from django.conf import settings

from briefings.press.typesetting import untypeset
from briefings.tests.press.reading import EM, MARGIN, print_html, read_lines, write_css
from cma_site.samples.load import read_editions

NEVER_FIRST = "，。、；：？！）」』》〉】〕…—·%％"
NEVER_LAST = "（「『《〈【〔"
HALF_A_POINT = 0.5


def write_samples() -> str:
    bodies = [entry["body"] for edition in read_editions() for entry in edition["entries"]]
    return "".join(re.findall(r"<p>.*?</p>", "".join(bodies)))


def write_punctuated(count: int) -> str:
    """Paragraphs with more marks than anybody writes, by a fixed seed."""
    chance = random.Random(2026)
    words = ("「甲乙」", "（丙）", "《丁戊》", "己庚辛", "5G", "33.5%", "子丑寅卯", "『辰』", "巳")
    marks = ("，", "。", "、", "；", "：", "！", "……", "——", "", "")
    return "".join(
        f"<p>{''.join(chance.choice(words) + chance.choice(marks) for _ in range(80))}</p>"
        for _ in range(count)
    )


def test_no_line_begins_or_ends_with_what_it_must_not_over_five_thousand_lines():
    html = write_samples() + write_punctuated(60)

    lines = [
        line
        for ems in (9, 11, 16, 23, 31, 40)
        for line in read_lines(print_html(html, write_css(ems)))
    ]

    faults = [
        line.text for line in lines if line.text[0] in NEVER_FIRST or line.text[-1] in NEVER_LAST
    ]
    assert len(lines) > 5000
    assert faults == []


@pytest.mark.parametrize("ems", [24, 33, 40])
def test_every_full_line_is_flush_at_both_edges(ems):
    html = write_samples()

    lines = read_lines(print_html(html, write_css(ems)))

    paragraphs = [re.sub("<.*?>", "", p) for p in re.findall(r"<p>(.*?)</p>", html)]
    ends = "\n".join(paragraphs) + "\n"
    full = [line for line in lines if f"{line.text}\n" not in ends]
    ragged = [
        line for line in full if abs(line.right) > HALF_A_POINT or abs(line.left) > HALF_A_POINT
    ]
    assert len(full) > 300
    assert ragged == []


def test_emphasis_and_links_leave_a_line_flush():
    sentence = (
        "政府於<b>2026年</b>公布<a href='https://example.org/'>AI政策</a>，<em>業界</em>歡迎。"
    )

    lines = read_lines(print_html(f"<p>{sentence * 12}</p>", write_css(30)))

    assert len(lines) > 5
    assert all(abs(line.right) <= HALF_A_POINT for line in lines[:-1])


@pytest.mark.parametrize(
    "sentence",
    [
        "見(A)、B/C; D-E: F.G 與(2026)號[H]，",
        "甲——乙……丙——2026——丁，",
        "見https://example.org/a/b?c=1&amp;d=2之說，",
    ],
)
def test_marks_of_every_kind_leave_a_line_flush(sentence):
    lines = read_lines(print_html(f"<p>{sentence * 12}</p>", write_css(30)))

    assert len(lines) > 4
    assert [line for line in lines[:-1] if abs(line.right) > HALF_A_POINT] == []


def test_the_last_line_of_a_paragraph_is_not_stretched():
    *_, last = read_lines(print_html(f"<p>{'一二三四五六七八九十' * 4}</p>", write_css(33)))

    assert last.text == "四五六七八九十"
    assert last.right == pytest.approx(26 * EM, abs=HALF_A_POINT)


def read_chars(html: str) -> list[dict]:
    with pdfplumber.open(BytesIO(print_html(html, write_css(30, "p { text-align: left }")))) as pdf:
        return pdf.pages[0].chars


def test_marks_beside_each_other_take_less_room():
    def width(text: str) -> float:
        chars = read_chars(f"<p>{text}末</p>")
        return round((chars[-1]["x0"] - chars[0]["x0"]) / EM, 2)

    assert width("甲」「乙") == width("甲」乙") + 0.5
    assert width("甲「乙」丙") == 5
    assert width("（「甲") == 2.5


def test_chinese_and_numbers_are_a_sixth_of_an_em_apart():
    chars = [char for char in read_chars("<p>於9月</p>") if char["text"].strip()]

    gaps = [(b["x0"] - a["x1"]) / EM for a, b in pairwise(chars)]

    assert all(0.12 < gap < 0.25 for gap in gaps)


def test_dashes_and_dots_come_in_unbroken_pairs():
    lines = read_lines(print_html(write_punctuated(30), write_css(13)))

    assert not any(len(run) % 2 for line in lines for run in re.findall("—+|…+", line.text))


def test_a_long_word_is_hyphenated_by_the_rules_of_english():
    lines = read_lines(
        print_html("<p>所謂reindustrialisation與decarbonisation之間</p>", write_css(9))
    )

    assert [line.text for line in lines if line.text.endswith("‐")]
    assert "".join(line.text for line in lines).replace("‐", "") == (
        "所謂reindustrialisation與decarbonisation之間"
    )


def test_a_long_address_breaks_at_its_joints():
    address = (
        "https://www.example.gov.hk/tc/policy/documents/2026/annual_report.html?lang=zh&amp;v=2"
    )

    lines = read_lines(print_html(f"<p>見{address}</p>", write_css(16)))

    assert len(lines) > 2
    assert all(line.text[-1] in "/.=_?&-" for line in lines[1:-1])
    assert all(line.right > -HALF_A_POINT for line in lines)


def test_no_heading_stands_alone_at_a_pages_foot():
    css = write_css(30, "h2 { break-after: avoid } p { orphans: 2; widows: 2 }")
    for filler in range(30, 50):
        html = f"{'<p>填</p>' * filler}<h2>標題</h2><p>{'正文' * 60}</p>"
        with pdfplumber.open(BytesIO(print_html(html, css))) as pdf:
            texts = [page.extract_text().split("\n")[-1] for page in pdf.pages]
        assert "標題" not in texts


# ---------------------------------------------------------------------------------------- notes
def read_footnote_css() -> str:
    """The rules for notes of the edition's own stylesheet."""
    css = (settings.BASE_DIR / "templates/briefings/pdf/edition.css").read_text()
    return css[css.index("/* -- notes:") : css.index("/* -- imprint --")]


def read_edges(pdf: bytes) -> list[tuple[float, float, bool]]:
    """Of each line of text with its raised marks: how far its ends are from the edges, and whether
    a mark is what it begins with.
    """
    edges = []
    with pdfplumber.open(BytesIO(pdf)) as document:
        for page in document.pages:
            chars = [char for char in page.chars if untypeset(char["text"]).strip()]
            text = [char for char in chars if round(char["size"]) == EM]
            marks = [char for char in chars if round(char["size"], 1) == 7]
            for bottom in sorted({round(char["bottom"], 1) for char in text}):
                line = [char for char in text if round(char["bottom"], 1) == bottom]
                line += [char for char in marks if 0 < bottom - char["bottom"] < EM]
                first = min(line, key=lambda char: char["x0"])
                right = page.width - MARGIN - max(char["x1"] for char in line)
                edges.append((first["x0"] - MARGIN, right, first in marks))
    return edges


@pytest.mark.parametrize(
    "sentence", ["業界（包括中小企@）反應不一。", "新計劃@，業界有", "GDP@上升3.5%@；"]
)
def test_a_line_with_the_mark_of_a_note_is_flush_and_never_begins_with_it(sentence):
    note = '<small class="note">見2026年政府統計處《Annual Digest》。</small>'
    html = f"<article><p>{sentence.replace('@', note) * 40}</p></article>"

    *edges, _ = read_edges(print_html(html, write_css(31, read_footnote_css())))

    assert len(edges) > 8
    assert [line for line in edges if max(abs(line[0]), abs(line[1])) > HALF_A_POINT] == []
    assert not any(begins_with_mark for _, _, begins_with_mark in edges)
