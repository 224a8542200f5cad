"""The real edition, as it is and in every state a careless save could leave it in."""

import re
from itertools import cycle, product

import pytest

from briefings.importer.parser import parse_manuscript
from briefings.importer.readers import manuscript_from_bytes


@pytest.fixture(scope="module")
def seed_text(seed):
    return seed.read_bytes().decode()


@pytest.fixture(scope="module")
def truth(seed_text):
    return read(seed_text.encode())


def read(data):
    return parse_manuscript(manuscript_from_bytes(data, name="舊期.txt"))


def keep(text):
    return text


def strip_line_ends(text):
    return "\n".join(line.rstrip() for line in text.split("\n"))


def strip_both_ends(text):
    return "\n".join(line.strip() for line in text.split("\n"))


def drop_blank_lines(text):
    return "\n".join(line for line in text.split("\n") if line)


def strip_and_drop(text):
    return drop_blank_lines(strip_line_ends(text))


def widen_numbers(text):
    return re.sub(r"(?m)^([12])\. ", lambda m: chr(ord(m[1]) + 0xFEE0) + "．", text)


def use_enumeration_comma(text):
    return re.sub(r"(?m)^([12])\. ", r"\1、", text)


def turn_pages_with_form_feeds(text):
    return re.sub(r"(?<=\S)\n (?=\S)", "\n\f", text)


LAYOUTS = [keep, strip_line_ends, strip_both_ends, drop_blank_lines, strip_and_drop]
DETAILS = [keep, widen_numbers, use_enumeration_comma, turn_pages_with_form_feeds]
ENCODINGS = {
    "utf-8": lambda text: text.encode(),
    "utf-8 with BOM": lambda text: text.encode("utf-8-sig"),
    "utf-16-le with BOM": lambda text: ("\ufeff" + text).encode("utf-16-le"),
    "utf-16-be with BOM": lambda text: ("\ufeff" + text).encode("utf-16-be"),
    "utf-16-le": lambda text: text.encode("utf-16-le"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
    "big5 without bullets": lambda text: text.replace("\uf09f ", "").encode("big5hkscs"),
    "big5 with a mark": lambda text: text.encode("big5hkscs", errors="replace"),
}


def test_it_has_two_entries_of_six_and_nine_paragraphs(truth):
    assert [len(entry.paragraphs) for entry in truth.entries] == [6, 9]
    assert truth.doubts == ()


def test_every_character_is_in_one_place_and_in_order(truth, seed_text):
    parts = []
    for number, entry in enumerate(truth.entries, start=1):
        parts += [f"{number}. {entry.headline}", entry.lead, "短評", *entry.paragraphs]
    contents = [f"\uf09f{entry.headline}" for entry in truth.entries]
    footer = [*truth.imprint.lines, f"mailto:{truth.imprint.link}"]

    whole = "".join([*contents, *parts, *footer])

    assert "".join(whole.split()) == "".join(seed_text.split())


def test_the_lead_is_what_stands_between_heading_and_label(truth, seed_text):
    between = re.findall(r"(?s)\n[12]\. [^\n]+\n(.*?)\n短評", seed_text)

    assert ["".join(entry.lead.split()) for entry in truth.entries] == [
        "".join(text.split()) for text in between
    ]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_way_of_saving_changes_what_is_read(encoding, seed_text, truth):
    line_ends = cycle(["\n", "\r\n", "\r"])
    variations = [
        read(ENCODINGS[encoding](detail(layout(seed_text)).replace("\n", next(line_ends))))
        for layout, detail in product(LAYOUTS, DETAILS)
    ]

    texts = [[(e.headline, e.lead, e.paragraphs) for e in v.entries] for v in variations]
    assert texts == [[(e.headline, e.lead, e.paragraphs) for e in truth.entries]] * len(variations)
    assert [v.doubts for v in variations] == [()] * len(variations)
    assert {v.source_hash for v in variations} == {truth.source_hash}
