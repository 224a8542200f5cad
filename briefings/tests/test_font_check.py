"""A machine that can't print Chinese says so, and prints nothing rather than boxes."""

from datetime import date

import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from briefings import pdf
from briefings.pdf import PDFRefused, find_missing_parts
from briefings.press.client import name_press
from briefings.press.fonts import find_sources, name_fonts
from briefings.tests.makers import make_draft, store_edition_pdf


@pytest.fixture
def fonts(monkeypatch, tmp_path):
    """The only folder this machine has fonts in; empty."""
    folder = tmp_path / "fonts"
    folder.mkdir()
    config = tmp_path / "fonts.conf"
    config.write_text(
        f"<fontconfig><dir>{folder}</dir><cachedir>{tmp_path}/cache</cachedir></fontconfig>"
    )
    monkeypatch.setenv("FONTCONFIG_FILE", str(config))
    forget_fonts()
    yield folder
    forget_fonts()


def forget_fonts():
    for known in (find_missing_parts, find_sources, name_fonts, name_press):
        known.cache_clear()


def make_latin_font(path, family):
    font = FontBuilder(1000)
    font.setupGlyphOrder([".notdef", "A"])
    font.setupCharacterMap({ord("A"): "A"})
    font.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "A": TTGlyphPen(None).glyph()})
    font.setupHorizontalMetrics({".notdef": (500, 0), "A": (500, 0)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": family, "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    font.save(path)


def run_printing_check():
    return checks.run_checks(tags=["pdf"], include_deployment_checks=True)


def test_a_furnished_machine_has_nothing_to_report():
    find_missing_parts.cache_clear()

    assert run_printing_check() == []


def test_a_missing_font_is_an_error_that_names_the_cure(fonts):
    [error] = run_printing_check()

    assert isinstance(error, checks.Error)
    assert error.id == "briefings.E001"
    assert "中文字型 Noto Serif CJK HK、中文字型 Noto Sans CJK HK" in error.msg
    assert "sudo apt-get install" in error.hint
    assert "fonts-noto-cjk" in error.hint


def test_a_font_that_has_only_the_name_does_not_count(fonts):
    make_latin_font(fonts / "fake.ttf", "Noto Serif CJK HK")

    assert "中文字型 Noto Serif CJK HK" in find_missing_parts()


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setattr(pdf, "LIBRARIES", ("no-such-pango",))
    find_missing_parts.cache_clear()

    missing = find_missing_parts()

    find_missing_parts.cache_clear()
    assert missing == ("程式庫 no-such-pango",)


def test_other_commands_are_warned_and_not_stopped(fonts):
    warnings = [message for message in checks.run_checks() if message.id == "briefings.W001"]

    call_command("check")

    assert [type(warning) for warning in warnings] == [checks.Warning]


def test_the_command_that_prints_is_stopped_before_it_starts(fonts, tmp_path):
    with pytest.raises(SystemCheckError, match=r"briefings\.E001"):
        call_command("edition_pdf", "any", out=tmp_path / "x.pdf", skip_checks=False)


def test_the_command_prints_no_boxes_with_its_checks_skipped_either(db, fonts, tmp_path):
    make_draft(date=date(2026, 11, 20))

    with pytest.raises(CommandError, match="缺少中文字型 Noto Serif CJK HK"):
        call_command("edition_pdf", "2026-11-20", out=tmp_path / "x.pdf")

    assert not (tmp_path / "x.pdf").exists()


def test_nothing_is_stored_without_the_font(db, fonts, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"

    with pytest.raises(PDFRefused, match="fonts-noto-cjk"):
        store_edition_pdf(make_draft())

    assert not (tmp_path / "media").exists()
