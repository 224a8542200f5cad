"""A backup, and what is restored from it into either kind of database."""

import json
import zipfile
from io import StringIO
from pathlib import Path
from threading import Thread

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from briefings.models import Edition, Entry, Theme
from briefings.tests.makers import make_published
from cma_site.backups import restoring
from cma_site.backups.archive import BadBackup, create_archive
from cma_site.backups.making import list_files, list_migrations, make_backup
from cma_site.backups.restoring import restore_backup
from cma_site.backups.rows import LEFT_OUT, one_moment, read_rows
from conftest import Stage, run_sql
from subscribers.tests.makers import make_mailing

ROWS_OF_ALL_KINDS = """
from cma_site.samples.load import load_samples
load_samples()
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from briefings.corrections import correcting
from briefings.models import Audience, Edition, Entry, ImportBatch
from briefings.publishing import publish_edition
from subscribers.opening import open_mailing
from subscribers.models import Member
User.objects.create_superuser("editor", password="a long one 283")
for edition in Edition.objects.exclude(state="published"):
    publish_edition(edition, audience=Audience.PUBLIC)
edition = Edition.objects.newest_first().first()
open_mailing(edition, by=None)
entry = edition.entries.first()
with correcting(entry, note="數字有誤。", by=None):
    Entry.objects.filter(pk=entry.pk).update(lead="更正後的引言：𠮷野家、康熙字典。")
default_storage.save("pictures/圖.bin", ContentFile(bytes(range(256)) * 9000))
print(edition.slug)
"""


@pytest.fixture
def another_stage(tmp_path):
    """Makes empty installations, on SQLite or on a new database of the test run's own kind."""
    names = []

    def make(name: str, *, on_sqlite: bool) -> Stage:
        env = {"DATABASE_URL": f"sqlite:///{tmp_path / name}.sqlite3"}
        if connection.vendor == "postgresql" and not on_sqlite:
            where = connection.settings_dict
            names.append(f"{name}_{tmp_path.name}".lower().replace("-", "_")[-60:])
            run_sql(f'CREATE DATABASE "{names[-1]}"')
            env["DATABASE_URL"] = (
                f"postgres://{where['USER']}@{where['HOST']}:{where['PORT']}/{names[-1]}"
            )
        stage = Stage(tmp_path / name, env)
        stage.manage("migrate", "--verbosity", "0")
        return stage

    yield make
    for name in names:
        run_sql(f'DROP DATABASE "{name}" WITH (FORCE)')


def read_members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name != "manifest.json"}


def print_pdf(stage: Stage, slug: str, path: Path) -> bytes:
    stage.manage("edition_pdf", slug, "--out", str(path))
    return path.read_bytes()


def sign(stage: Stage) -> str:
    return stage.python(
        "from subscribers.links import Purpose, make_url; print(make_url(Purpose.PREFERENCES, 1))"
    )


@pytest.mark.slow
def test_what_is_restored_into_the_other_database_and_back_is_the_same(
    stage, another_stage, tmp_path
):
    slug = stage.python(ROWS_OF_ALL_KINDS).splitlines()[-1]
    links, printed = sign(stage), print_pdf(stage, slug, tmp_path / "first.pdf")
    stage.manage("backup", str(tmp_path / "first.zip"))

    sqlite = another_stage("sqlite", on_sqlite=True)
    sqlite.manage("restore", str(tmp_path / "first.zip"))
    sqlite.manage("backup", str(tmp_path / "second.zip"))
    back = another_stage("back", on_sqlite=False)
    back.manage("restore", str(tmp_path / "second.zip"))
    back.manage("backup", str(tmp_path / "third.zip"))

    first = read_members(tmp_path / "first.zip")
    assert {name for name, content in first.items() if content.count(b"\n")} >= {
        "rows/briefings.Correction.jsonl",
        "rows/briefings.ThemedEntry.jsonl",
        "rows/reversion.Version.jsonl",
        "rows/subscribers.Delivery.jsonl",
        "files/pictures/圖.bin",
    }
    assert read_members(tmp_path / "second.zip") == first
    assert read_members(tmp_path / "third.zip") == first
    for n, restored in enumerate([sqlite, back]):
        assert sign(restored) == links
        assert print_pdf(restored, slug, tmp_path / f"{n}.pdf") == printed
        assert "索引與短評相符" in restored.manage("rebuild_search_index", "--check")
        made = "from briefings.models import Theme; print(Theme.objects.create(name='新').pk)"
        assert restored.python(made)


@pytest.fixture
def backup(tmp_path):
    """What every backup has, and one table of two rows."""
    path = tmp_path / "backup.zip"
    with create_archive(path) as archive:
        archive.write("rows/briefings.Entry.jsonl", [b"{}\n", b"{}\n"])
        archive.finish({"made_at": "", "migrations": list_migrations(), "rows": {}})
    return path


def rewrite(path: Path, **members: bytes | None) -> Path:
    """A copy of a backup, with members put in another's place or, for None, left out."""
    changed = path.with_name("changed.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            content = members.get(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return changed


def cut_off(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-30])
    return path


def read_manifest(path: Path) -> dict:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("manifest.json"))


@pytest.mark.django_db
def test_a_database_with_anything_in_it_is_left_alone(backup):
    make_published()

    with pytest.raises(BadBackup, match="資料庫已有資料"):
        restore_backup(backup)

    assert Edition.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: rewrite(path, **{"rows/briefings.Entry.jsonl": b"{}\n"}), "已損壞"),
        (lambda path: rewrite(path, **{"rows/briefings.Entry.jsonl": None}), "缺少"),
        (lambda path: rewrite(path, **{"manifest.json": None}), "不是完整的備份檔"),
        (lambda path: rewrite(path, **{"manifest.json": b"{"}), "不是完整的備份檔"),
        (lambda path: rewrite(path, **{"manifest.json": b'{"version": 9}'}), "格式不同"),
        (cut_off, "備份檔損壞"),
        (lambda path: path.write_bytes(b"PK") and path, "備份檔損壞"),
    ],
    ids=["changed", "missing", "unfinished", "no JSON", "of another version", "cut off", "no zip"],
)
def test_a_damaged_backup_is_refused_before_anything_is_touched(backup, damage, said):
    with pytest.raises(BadBackup, match=said):
        restore_backup(damage(backup))


@pytest.mark.django_db
def test_a_backup_of_other_tables_is_refused(backup):
    manifest = read_manifest(backup)
    manifest["migrations"].append("briefings.9999_later")
    changed = rewrite(backup, **{"manifest.json": json.dumps(manifest).encode()})

    with pytest.raises(BadBackup, match=r"結構與備份時不同.*briefings.9999_later"):
        restore_backup(changed)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_killed_half_way_it_leaves_no_row_and_can_be_run_again(tmp_path, monkeypatch):
    make_mailing(members=2)
    backup = tmp_path / "backup.zip"
    make_backup(backup, timezone.now())
    call_command("flush", interactive=False, inhibit_post_migrate=True, verbosity=0)

    def die(model, lines):
        if model is Entry:
            raise SystemExit
        return write_rows(model, lines)

    write_rows = restoring.write_rows
    monkeypatch.setattr(restoring, "write_rows", die)
    with pytest.raises(SystemExit):
        restore_backup(backup)
    assert not Edition.objects.exists()

    monkeypatch.setattr(restoring, "write_rows", write_rows)
    restored = restore_backup(backup)

    assert restored.rows == sum(read_manifest(backup)["rows"].values())
    assert Edition.objects.count() == 1


def test_a_backup_that_dies_leaves_no_file(tmp_path):
    def die():
        yield b"1\n"
        raise SystemExit

    with pytest.raises(SystemExit), create_archive(tmp_path / "backup.zip") as archive:
        archive.write("rows/x.jsonl", die())

    assert not list(tmp_path.iterdir())


@pytest.mark.django_db
def test_it_is_for_its_owners_eyes_only(backup):
    assert backup.stat().st_mode & 0o777 == 0o600


@pytest.mark.django_db
def test_an_older_backup_is_not_written_over(backup):
    with pytest.raises(CommandError, match="已存在"):
        call_command("backup", str(backup), stdout=StringIO())


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_it_is_of_one_moment_and_holds_up_nobody():
    make_published()

    def write() -> None:
        Theme.objects.create(name="新的")
        connection.close()

    with one_moment():
        before = list(read_rows(Entry))
        writer = Thread(target=write)
        writer.start()
        writer.join(20)
        assert not writer.is_alive()
        assert not [line for line in read_rows(Theme) if "新的" in line]
        assert list(read_rows(Entry)) == before
    assert Theme.objects.filter(name="新的").exists()


@pytest.mark.django_db
def test_what_is_left_out_exists_and_is_named_in_no_row_that_is_kept():
    """A row that leads to what isn't there could not be restored."""
    left_out = {apps.get_model(label) for label in LEFT_OUT}
    for model in apps.get_models(include_auto_created=True):
        if model not in left_out:
            for field in model._meta.concrete_fields:
                assert field.related_model not in left_out, f"{model._meta.label}.{field.name}"


def test_files_are_found_in_every_folder(tmp_path, settings):
    from django.core.files.storage import FileSystemStorage

    for name in ("a.bin", "b/c.bin", "b/d/e.bin"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert list(list_files(FileSystemStorage(tmp_path))) == ["a.bin", "b/c.bin", "b/d/e.bin"]
    assert list(list_files(FileSystemStorage(tmp_path / "never"))) == []


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_file_that_is_cleared_away_meanwhile_is_left_out(tmp_path, monkeypatch):
    from cma_site.backups import making

    monkeypatch.setattr(making, "list_files", lambda storage: ["cards/cleared-away.png"])

    make_backup(tmp_path / "backup.zip", timezone.now())

    assert not [name for name in read_members(tmp_path / "backup.zip") if "files/" in name]
