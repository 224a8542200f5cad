"""What the press does to WeasyPrint beside typesetting: sooner and smaller, and nothing else."""

import os
import pickle
import subprocess
import sys
from io import BytesIO

import pdfplumber
import pytest
from django.conf import settings

from briefings.pdf import compose_document
from briefings.press.client import ROOT
from briefings.press.fonts import prepare_fonts

SENTENCE = (
    "新質生產力是擺脫傳統經濟增長方式——「高科技」、「高效能」的33.5%增長，見 Production Curve。"
)
BODY = f"""<article><h2 data-title="題" data-bookmark="題">標題</h2>
<div class="lead"><p>{SENTENCE * 3}</p></div><div class="body">{f"<p>{SENTENCE * 8}</p>" * 6}
<ol start="3"><li>{SENTENCE * 2}</li></ol><blockquote><p><u>{SENTENCE * 2}</u></p></blockquote>
<p><a href="https://example.org/">https://example.org/a-long/address?of=many&amp;parts=too</a></p>
<table><caption>表</caption><tr><th>一</th><td>H<sub>2</sub>O Kai <em>文</em></td></tr></table>
</div></article>"""
PRINT = """
import pickle, sys
from briefings.press import child, drawing, shortcuts
for module in (drawing, shortcuts):
    if module.__name__.rpartition(".")[2] in sys.argv[1:]:
        module.install = lambda: None
html, css = pickle.load(sys.stdin.buffer)
child.warm_up()
sys.stdout.buffer.write(child.print_job(child.Job(css, html, {}, {"variant": "pdf/ua-1"})))
"""


def print_without(*modules: str) -> bytes:
    document = compose_document(f'<html lang="zh-HK"><title>題</title><body>{BODY}</body></html>')
    fonts = prepare_fonts(settings.FONTS_DIR) / "fonts.conf"
    return subprocess.run(
        [sys.executable, "-c", PRINT, *modules],
        input=pickle.dumps((document.html, document.css)),
        env={**os.environ, "FONTCONFIG_FILE": str(fonts)},
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout


@pytest.fixture(scope="module")
def printed() -> bytes:
    return print_without()


def list_characters(pdf: bytes) -> list[dict]:
    with pdfplumber.open(BytesIO(pdf)) as document:
        return [
            {"page": page.page_number} | character
            for page in document.pages
            for character in page.chars
        ]


def test_shortcuts_change_no_byte(printed):
    assert print_without("shortcuts") == printed


def test_lines_written_shorter_have_the_same_characters_in_the_same_places(printed):
    plainly = list_characters(print_without("drawing"))
    shorter = list_characters(printed)

    assert [c["text"] for c in shorter] == [c["text"] for c in plainly]
    for ours, theirs in zip(shorter, plainly, strict=True):
        assert ours["page"] == theirs["page"]
        assert ours["top"] == pytest.approx(theirs["top"], abs=0.01)
        assert ours["x0"] == pytest.approx(theirs["x0"], abs=0.7)  # WeasyPrint's rounding adds up
