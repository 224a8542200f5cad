"""The press under hostile documents, and under the hands of those who end it."""

import os
import resource
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings
from pypdf import PdfReader

from briefings.press.child import RETIRES_AT
from briefings.press.client import (
    PDF_A,
    Press,
    PressBusy,
    PressRefused,
    PrintedDocument,
    name_press,
)
from briefings.press.fonts import prepare_fonts, read_characters


def make_document(body: str, **options) -> PrintedDocument:
    html = f'<!doctype html><html lang="zh-HK"><title>試</title><body>{body}</body></html>'
    return PrintedDocument(html, "html { font-family: 'CMA Serif HK' }", **options)


PLAIN = make_document("<p>正文</p>")


@pytest.fixture
def press():
    press = Press(Path(settings.FONTS_DIR))
    yield press
    press.close()


def pid_of(press: Press) -> int:
    assert press._child
    return press._child.process.pid


def print_on(press: Press, document: PrintedDocument = PLAIN, seconds: float = 60) -> bytes:
    return press.print(document, seconds=seconds, patience=60)


def test_another_process_gives_the_same_bytes(press):
    first = print_on(press)
    print_on(press, make_document("<h1>別的</h1>"))
    warm = print_on(press)
    press.close()

    assert print_on(press) == warm == first


def test_one_child_serves_many_documents(press):
    print_on(press)
    child = pid_of(press)

    print_on(press)

    assert pid_of(press) == child


def test_a_child_of_a_large_process_is_not_taken_for_large(press):
    ballast = b"\1" * (RETIRES_AT * 1024)
    print_on(press)
    child = pid_of(press)
    del ballast

    print_on(press)

    assert pid_of(press) == child


def test_a_child_that_was_killed_is_replaced(press):
    first = print_on(press)
    os.kill(pid_of(press), signal.SIGKILL)

    assert print_on(press) == first


def test_a_child_killed_in_the_middle_is_replaced_and_the_document_printed(press):
    document = make_document("<p>長文。</p>" * 400)
    killed: list[int] = []

    def kill_once(pages: int) -> None:
        if not killed:
            killed.append(pages)
            os.kill(pid_of(press), signal.SIGKILL)

    pdf = press.print(document, seconds=60, patience=60, on_pages=kill_once)

    assert killed
    assert pdf == print_on(press, document)


def test_what_takes_too_long_is_ended_and_the_next_is_printed(press):
    document = make_document(f"<p>{'無窮無盡的一段文字。' * 30000}</p>")
    print_on(press)
    child = pid_of(press)

    with pytest.raises(PressRefused, match="超過2秒"):
        print_on(press, document, seconds=2)

    assert not Path(f"/proc/{child}").exists()
    assert print_on(press).startswith(b"%PDF")


def test_a_table_without_end_takes_nothing_else_with_it(press):
    table = "<table><tr>" + "<td colspan=1000 rowspan=60000>格</td>" * 40 + "</tr></table>"

    with pytest.raises(PressRefused):
        print_on(press, make_document(table * 20), seconds=5)

    assert print_on(press).startswith(b"%PDF")


def test_the_child_gets_no_more_memory_than_its_share():
    code = "from briefings.press.child import *; confine(); bytearray(MOST_MEMORY)"

    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert "MemoryError" in result.stderr


def test_other_code_of_the_press_makes_other_names(tmp_path, monkeypatch):
    before = name_press()
    (tmp_path / "justification.py").write_text("# another")
    monkeypatch.setattr("briefings.press.client.HERE", tmp_path)
    name_press.cache_clear()

    after = name_press()

    name_press.cache_clear()
    assert after != before
    assert "pango-1.0 1." in after


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("<p>甲🦄乙</p>", "「🦄」（U+1F984）"),
        ("<p>甲\ue000乙</p>", "（U+E000）"),
        ("<p>가</p>", "「가」（U+AC00）"),
    ],
)
def test_a_character_that_no_font_has_is_refused_by_name(press, body, named):
    with pytest.raises(PressRefused) as refusal:
        print_on(press, make_document(body))

    assert named in str(refusal.value)


@pytest.mark.parametrize(
    "rare",
    [
        "𠝹𨋢𨂾𡁻𠺢嚿㗎啲嘢咗乜嚟",  # HKSCS, as Cantonese is written
        "龘靐齉爩鱻麤",
        "甲\u200d乙\ufeff丙\u2060丁\ufe0f",  # what has no shape
        "é ü ñ ø Ω α → ≥ ½ ① ㈱ ℃ ™ •",
        "e\u0301 ｱ カ",
    ],
)
def test_rare_characters_are_printed(press, rare):
    assert print_on(press, make_document(f"<p>{rare}</p>")).startswith(b"%PDF")


def test_the_fonts_hold_all_of_hong_kongs_supplementary_set():
    characters = read_characters(prepare_fonts(Path(settings.FONTS_DIR)))
    printable = frozenset().union(*characters.values())
    pairs = (bytes([a, b]) for a in range(0x87, 0xFF) for b in range(0x40, 0xFF))

    missing = []
    for pair in pairs:
        try:
            text = pair.decode("big5hkscs")
        except UnicodeDecodeError:
            continue
        missing += [c for c in text if ord(c) not in printable and not 0xE000 <= ord(c) < 0xF900]

    assert len(missing) < 12, missing


@pytest.mark.slow
def test_who_prints_with_them_need_write_nothing(tmp_path):
    fonts = prepare_fonts(tmp_path)

    def look() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}

    made = look()
    environment = {"PATH": os.environ["PATH"], "FONTCONFIG_FILE": str(fonts / "fonts.conf")}
    listed = subprocess.run(
        ["fc-list", ":", "family"], env=environment, capture_output=True, text=True, check=True
    )

    assert "CMA Serif HK" in listed.stdout
    assert look() == made
    assert fonts.stat().st_mtime_ns % 1_000_000_000 == 0


def test_a_documents_own_fonts_are_gone_for_the_next(press):
    before = print_on(press)
    foreign = "<style>@font-face { font-family: 'CMA Serif HK'; src: local('CMA Sans HK') }</style>"
    print_on(press, make_document(f"{foreign}<p>甲</p>"))

    assert print_on(press) == before


def test_several_threads_wait_their_turn(press):
    documents = [make_document(f"<p>第{n}份</p>") for n in range(4)]
    alone = [print_on(press, document) for document in documents]

    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda document: print_on(press, document), documents))

    assert together == alone


def test_pages_are_told_while_they_are_laid_out(press):
    told: list[int] = []

    press.print(make_document("<p>字</p>" * 400), seconds=60, patience=60, on_pages=told.append)

    assert told == list(range(1, len(told) + 1))
    assert len(told) > 3


def test_a_child_that_reads_nothing_is_ended_too(press):
    print_on(press)
    os.kill(pid_of(press), signal.SIGSTOP)

    with pytest.raises(PressRefused, match="超過2秒"):
        print_on(press, make_document("<p>長文。</p>" * 40000), seconds=2)


def test_nobody_waits_for_ever_for_another_document(press):
    print_on(press)
    with press._take_turn(1), pytest.raises(PressBusy):
        press.print(PLAIN, seconds=60, patience=0.1)


def test_it_prints_where_very_many_files_are_open(press, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, limits[1]), limits[1]))
    with ExitStack() as open_files:
        for _ in range(1100):
            open_files.enter_context(Path("/dev/null").open())
        assert print_on(press).startswith(b"%PDF")
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_the_child_knows_none_of_our_secrets(press, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hush-hush-7351")
    print_on(press)

    environment = Path(f"/proc/{pid_of(press)}/environ").read_bytes()

    assert b"hush-hush" not in environment
    assert b"DATABASE_URL" not in environment


def test_the_child_goes_with_whoever_started_it(press):
    print_on(press)
    press._child.to.close()

    assert press._child.process.wait(timeout=10) == 0


def test_on_request_it_is_for_archives(press):
    pdf = print_on(press, make_document("<p>存檔</p>", variant=PDF_A))

    root = PdfReader(BytesIO(pdf)).root_object
    metadata = root["/Metadata"].get_data().decode()
    assert 'part="3"' in metadata or "<pdfaid:part>3" in metadata
    assert "/OutputIntents" in root
