"""Lines of a printed page, and the paragraphs they once were."""

from datetime import date

import pytest

from briefings.contexts import describe_edition
from briefings.importer.parser import parse_manuscript
from briefings.importer.readers import manuscript_from_bytes
from briefings.pdf import render_edition_pdf
from briefings.tests.importer.pdf_files import print_html, print_old_edition
from briefings.tests.importer.specimens import HARBOUR, THREE
from briefings.tests.makers import make_draft


def read(data):
    return parse_manuscript(manuscript_from_bytes(data, name="舊期.pdf"))


def squeeze(text):
    return "".join(text.split())


def contents_of(entries):
    return [
        (squeeze(entry.headline), squeeze(entry.lead), [squeeze(text) for text in entry.paragraphs])
        for entry in entries
    ]


def to_html(piece):
    return "".join(f"<p>{text}</p>" for text in piece.paragraphs)


@pytest.fixture
def printed(db):
    """Our own printing of the specimens."""
    entries = ({"headline": p.headline, "lead": p.lead, "body": to_html(p)} for p in THREE)
    edition = make_draft(*entries, number=8, date=date(2026, 11, 20))
    return render_edition_pdf(describe_edition(edition))


def test_what_we_printed_is_read_back_whole(printed):
    edition = read(printed)

    assert contents_of(edition.entries) == contents_of(THREE)
    assert (edition.number, edition.date) == (8, date(2026, 11, 20))
    assert edition.doubts == ()


def test_an_old_edition_is_read_paragraph_by_paragraph():
    edition = read(print_old_edition(THREE, masthead="政策通訊第八期　2023年11月15日"))

    assert contents_of(edition.entries) == contents_of(THREE)
    assert edition.doubts == ()


def test_running_heads_and_page_numbers_are_no_text():
    source = manuscript_from_bytes(print_old_edition(THREE), name="舊期.pdf").source

    assert "二〇二三年冬" not in source
    assert "- 1 -" not in source


def test_paragraphs_go_on_over_a_page_turn():
    long = [HARBOUR.paragraphs[0] * 12, *HARBOUR.paragraphs]
    piece = type(HARBOUR)(HARBOUR.headline, HARBOUR.lead, tuple(long))

    edition = read(print_old_edition([piece]))

    assert [squeeze(text) for text in edition.entries[0].paragraphs] == list(map(squeeze, long))


def test_the_themes_that_we_print_are_reported_not_taken_for_text():
    edition = read(
        print_html(
            "<h2>1. 標題</h2><p>導言。</p><div class=label>短評</div><p>正文。</p>"
            "<p>政策主題：創新科技</p>"
        )
    )

    assert edition.entries[0].paragraphs == ("正文。",)
    assert any("政策主題" in doubt.message for doubt in edition.doubts)
