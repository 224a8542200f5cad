"""What the press does to WeasyPrint beside typesetting: sooner and smaller, and nothing else."""

import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import suppress
from io import BytesIO

import pdfplumber
import pytest
from django.conf import settings

from briefings.pdf import compose_document
from briefings.press.child import print_job
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
# Of some of these a line begins with what has no script of its own, and ends behind it.
SIGNS = "".join(
    f"<blockquote><p>{'字' * n}<strong>{signs}年中文字</strong>{SENTENCE}</p></blockquote>"
    for n in range(30, 40)
    for signs in ("2024‐", "100™")
)
BODY_WITH_SIGNS = f'{BODY}<article><div class="body">{SIGNS}</div></article>'
PICTURE = (
    '<p><img alt="圖" src="data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADU'
    'lEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="></p>'
)
PRINT = """
import pickle, sys
from briefings.press import child, drawing, painting, shortcuts
html, css, change = pickle.load(sys.stdin.buffer)
painting.FEWEST = 2
taken_over, take_over = [], painting._take_over
painting._take_over = lambda *arguments: taken_over.append(1) or take_over(*arguments)
exec(change)
child.warm_up()
try:
    pdf = child.print_job(child.Job(css, html, {}, {"variant": "pdf/ua-1"}))
except child.Refused as refusal:
    pdf = str(refusal).encode()
pickle.dump((pdf, len(taken_over)), sys.stdout.buffer)
"""
WITHOUT = "{}.install = lambda: None"
KILLED = """
import os, signal
painting._deflate = lambda stream: os.kill(os.getpid(), signal.SIGKILL)
"""
NOT_BORN = """
def refuse(): raise BlockingIOError
painting.os.fork = refuse
"""
SLOW = """
import os, signal, time
def deflate(stream):
    open({told!r}, "w").write(str(os.getpid()))
    {then}
    time.sleep(600)
painting._deflate = deflate
"""


def run_press(change: str, body: str, *, check: bool = False) -> subprocess.CompletedProcess[bytes]:
    document = compose_document(f'<html lang="zh-HK"><title>題</title><body>{body}</body></html>')
    fonts = prepare_fonts(settings.FONTS_DIR) / "fonts.conf"
    return subprocess.run(
        [sys.executable, "-c", PRINT],
        check=check,
        input=pickle.dumps((document.html, document.css, change)),
        env={**os.environ, "FONTCONFIG_FILE": str(fonts)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )


def print_changed(change: str = "", body: str = BODY) -> tuple[bytes, int]:
    """The PDF, and how many of its pages the press's copy painted."""
    return pickle.loads(run_press(change, body, check=True).stdout)


@pytest.fixture(scope="module")
def printed() -> bytes:
    return print_changed()[0]


def list_characters(pdf: bytes) -> list[dict]:
    with pdfplumber.open(BytesIO(pdf)) as document:
        return [
            {"page": page.page_number} | character
            for page in document.pages
            for character in page.chars
        ]


def test_layout_has_room_on_the_stack():
    assert print_job.__code__.co_stacksize > 50_000


def test_shortcuts_change_no_byte():
    printed, _ = print_changed(body=BODY_WITH_SIGNS)

    assert print_changed(WITHOUT.format("shortcuts"), BODY_WITH_SIGNS)[0] == printed


def test_lines_written_shorter_have_the_same_characters_in_the_same_places(printed):
    plainly = list_characters(print_changed(WITHOUT.format("drawing"))[0])
    shorter = list_characters(printed)

    assert [c["text"] for c in shorter] == [c["text"] for c in plainly]
    for ours, theirs in zip(shorter, plainly, strict=True):
        assert ours["page"] == theirs["page"]
        assert ours["top"] == pytest.approx(theirs["top"], abs=0.01)
        assert ours["x0"] == pytest.approx(theirs["x0"], abs=0.7)  # WeasyPrint's rounding adds up


@pytest.mark.parametrize(
    ("more", "taken_over"),
    [("", 2), (f"<article>{PICTURE}</article>", 1), ("<article><p>字</p></article>", 2)],
    ids=["text alone", "a picture at the end", "one page more"],
)
def test_pages_painted_by_a_copy_are_the_same_to_the_byte(more, taken_over):
    body = BODY * 2 + more

    with_copy, by_copy = print_changed(body=body)

    alone, by_nobody = print_changed(WITHOUT.format("painting"), body)
    assert with_copy == alone
    assert (by_copy, by_nobody) == (taken_over, 0)


@pytest.mark.parametrize("change", [KILLED, NOT_BORN], ids=["killed", "never born"])
def test_a_copy_that_is_not_there_leaves_its_pages_to_us(change):
    whole, by_copy = print_changed(body=BODY * 2)
    pdf, by_nobody = print_changed(change, BODY * 2)

    assert pdf == whole
    assert by_copy
    assert by_nobody == 0


def test_whoever_waits_for_a_press_sees_it_end_though_its_copy_lives(tmp_path):
    told = tmp_path / "copy"
    began = time.monotonic()

    died = run_press(SLOW.format(told=str(told), then="os.kill(os.getppid(), 9)"), BODY * 2)

    assert died.returncode == -signal.SIGKILL
    assert time.monotonic() - began < 60
    os.kill(int(told.read_text()), signal.SIGKILL)  # it was there


def test_a_copy_has_no_more_time_than_its_press(tmp_path):
    told = tmp_path / "copy"
    change = SLOW.format(told=str(told), then="") + "signal.alarm(8)"

    died = run_press(change, BODY * 2)

    assert died.returncode == -signal.SIGALRM
    assert is_gone_within(int(told.read_text()), seconds=10)


def is_gone_within(process: int, *, seconds: float) -> bool:
    until = time.monotonic() + seconds
    with suppress(ProcessLookupError):
        while time.monotonic() < until:
            os.kill(process, 0)
            time.sleep(0.1)
        return False
    return True


def test_a_character_without_a_glyph_is_told_also_of_a_page_that_a_copy_painted():
    refused, _ = print_changed(body=f"{BODY * 2}<p>\U0001faf7</p>")

    assert "U+1FAF7" in refused.decode()
