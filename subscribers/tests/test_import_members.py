"""manage.py import_members: the same import from a shell."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from subscribers import imports
from subscribers.models import ImportStep, Member, MemberImport, MemberState

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def alone(settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setattr(imports, "_call_out", lambda import_id: None)


@pytest.fixture
def path(tmp_path) -> Path:
    path = tmp_path / "名單.csv"
    path.write_text("電郵,稱呼\nchan@example.com,陳大文\nlee@,李\n", encoding="utf-8")
    return path


def test_without_accepting_it_only_reports(path, capsys):
    call_command("import_members", str(path), consent="年會")

    told = capsys.readouterr().out
    assert "待決定：2 行，新會員 1 位，不匯入 1 行。" in told
    assert "第 3 行：「lee@」" in told
    assert "沒有寫入任何會員" in told
    assert not Member.objects.exists()


def test_accepted_it_writes(path, capsys):
    call_command("import_members", str(path), consent="年會", accept=True, active=True)

    member = Member.objects.get()
    assert (member.state, member.consent_source) == (MemberState.ACTIVE, "年會")
    assert "已匯入：2 行" in capsys.readouterr().out
    assert MemberImport.objects.get().step == ImportStep.DONE


@pytest.mark.parametrize(
    ("options", "told"),
    [({"date": "10月3日"}, "無效"), ({"date": "2999-01-01"}, "今天以後")],
)
def test_a_date_that_can_not_be_is_refused(path, options, told):
    with pytest.raises(CommandError, match=told):
        call_command("import_members", str(path), consent="年會", **options)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CommandError, match="未能開啟"):
        call_command("import_members", str(tmp_path / "none.csv"), consent="年會")


def test_what_is_no_list_is_refused_with_the_reason(path):
    path.write_text("姓名\n陳大文\n", encoding="utf-8")

    with pytest.raises(CommandError, match="沒有「電郵」"):
        call_command("import_members", str(path), consent="年會")
