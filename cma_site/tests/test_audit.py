"""What script/audit makes of what pip-audit says."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

import pytest
from django.conf import settings

WEAK = {
    "name": "jinja2",
    "version": "2.4.1",
    "vulns": [{"id": "PYSEC-2014-8", "aliases": ["CVE-2014-0012"], "fix_versions": ["2.7.2"]}],
}
SOUND = {"name": "six", "version": "1.17.0", "vulns": []}
UNASKED = {"name": "numpy", "skip_reason": "Dependency not found on PyPI and could not be audited"}


@pytest.fixture
def audit():
    loader = SourceFileLoader("audit", str(settings.BASE_DIR / "script" / "audit"))
    module = module_from_spec(spec_from_loader("audit", loader))
    loader.exec_module(module)
    return module


def run(audit, monkeypatch, *libraries) -> int:
    answer = {"dependencies": list(libraries), "fixes": []} if libraries else None
    monkeypatch.setattr(audit, "ask", lambda: answer)
    return audit.main()


def test_a_known_weakness_is_told_with_what_mends_it(audit, monkeypatch, capsys):
    assert run(audit, monkeypatch, SOUND, WEAK) == 1
    assert "jinja2 2.4.1：PYSEC-2014-8，已在 2.7.2 修正" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["PYSEC-2014-8", "CVE-2014-0012"])
def test_one_that_does_nothing_to_us_is_passed_over_by_any_of_its_numbers(
    audit, monkeypatch, number
):
    audit.IGNORED[number] = "We run no templates of strangers."

    assert run(audit, monkeypatch, SOUND, WEAK) == 0


def test_nothing_known_is_nothing_said(audit, monkeypatch, capsys):
    assert run(audit, monkeypatch, SOUND) == 0
    assert capsys.readouterr().err == ""


def test_what_was_not_told_is_not_taken_for_sound(audit, monkeypatch, capsys):
    assert run(audit, monkeypatch, SOUND, UNASKED) == 0
    assert "沒有提供 1 個套件的漏洞資料" in capsys.readouterr().err


def test_without_a_network_it_says_so_and_goes_on(audit, monkeypatch, capsys):
    assert run(audit, monkeypatch) == 0
    assert "連不上套件索引" in capsys.readouterr().err


def test_a_real_run_without_a_network_finds_nothing_out(audit, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    assert audit.ask() is None


def test_each_weakness_that_is_passed_over_has_its_reason(audit):
    assert all(audit.IGNORED.values())
