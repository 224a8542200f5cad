"""The archive as plain files: whole, the site's own words, and nothing closed."""

import json
import re
import subprocess
from datetime import date
from html import unescape
from io import StringIO
from pathlib import Path
from urllib.parse import unquote, urlsplit

import jsonschema_rs
import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command
from django.utils import timezone
from pypdf import PdfReader

from briefings.corrections import correcting
from briefings.models import Audience, Edition, Entry, Source, Theme
from briefings.plain_files import folder as folders
from briefings.plain_files.exporting import ArchiveChanges, export_archive
from briefings.plain_files.folder import SUMS
from briefings.plain_files.places import Places, name_folder
from briefings.publishing import withdraw_edition, withdraw_entry
from briefings.tests.makers import (
    make_draft,
    make_figure,
    make_picture,
    make_published,
    make_scheduled,
)

pytestmark = pytest.mark.django_db

LINK = re.compile(r'(?:href|src)="([^"]*)"')
ARTICLE = re.compile(r'<article class="entry".*?</article>', re.DOTALL)
IMPRINT = re.compile(r'<footer class="imprint".*?</footer>', re.DOTALL)


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def archive():
    """Two public editions full of things, and one for members."""
    theme = Theme.objects.create(name="北部都會區", description="新發展區。")
    first = make_published(
        {"headline": "首篇", "themes": [theme], "body": "<p>首篇的正文。</p>"},
        {"headline": "撤回的一篇"},
        number=90,
        date=date(2026, 9, 1),
    )
    withdraw_entry(first.entries.get(headline="撤回的一篇"), note="資料有誤")
    cited = first.entries.get(headline="首篇")
    body = (
        f'<p>見<a href="{project.SITE_URL}{cited.get_absolute_url()}#p1">首篇</a>，'
        f'及<a href="{project.SITE_URL}/e/{cited.pk}/v1">舊版</a>，'
        f'和<a href="{project.SITE_URL}/search/?q=%E7%A8%85">搜尋</a>'
        f'<span role="note">見<a href="https://example.org/?a=1&amp;b=2">原文</a>。</span>。</p>'
        f"{make_figure(make_picture(), caption='圖一')}<table><tr><td>一</td></tr></table>"
    )
    second = make_published(
        {"headline": "次篇", "themes": [theme], "body": body}, number=91, date=date(2026, 10, 1)
    )
    entry = second.entries.get()
    Source.objects.create(entry=entry, title="施政報告", url="https://example.org/policy")
    with correcting(entry, note="更正數字", by=None):
        row = Entry.objects.get(pk=entry.pk)
        row.lead = "更正了的導言。"
        row.save()
    closed = Theme.objects.create(name="會員才知的主題")
    make_published(
        {"headline": "會員才知的標題", "themes": [closed]},
        audience=Audience.MEMBERS,
        number=92,
        date=date(2026, 11, 1),
    )
    return second


def export(folder: Path, *options: str) -> dict[str, bytes]:
    """All files by name."""
    call_command("export_archive", folder, *options, stdout=StringIO())
    return read_all(folder)


def read_all(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def read_text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


# --------------------------------------------------------------------------------------- reading
def test_from_the_first_page_all_pages_are_reached_and_every_link_resolves(archive, tmp_path):
    files = export(tmp_path / "out")

    reached, waiting = set(), ["index.html"]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        if not name.endswith(".html"):
            continue
        page = files[name].decode()
        for link in map(unescape, LINK.findall(page)):
            parts = urlsplit(link)
            if parts.scheme:
                assert parts.scheme in ("https", "mailto") or link.startswith(project.SITE_URL)
                continue
            here = tmp_path / "out" / name
            path = (here.parent / unquote(parts.path)).resolve() if parts.path else here
            target = str(path.relative_to((tmp_path / "out").resolve()))
            assert target in files, (name, link)
            if parts.fragment:
                assert f'id="{unquote(parts.fragment)}"' in files[target].decode(), (name, link)
            if target not in reached:
                waiting.append(target)
    pages = {name for name in files if name.endswith((".html", ".pdf", ".png", ".jpg"))}
    assert reached == pages
    assert len(pages) == 1 + 1 + 1 + 2 * 2 + 1


def test_pages_load_nothing_from_elsewhere_and_run_nothing(archive, tmp_path):
    for name, content in export(tmp_path / "out").items():
        if name.endswith(".html"):
            page = content.decode()
            assert "<script" not in page
            assert "<link" not in page
            assert [src for src in re.findall(r'src="([^"]*)"', page) if ":" in src] == []
            assert "url(" not in page


def test_an_editions_page_says_what_the_sites_says(archive, tmp_path, client):
    files = export(tmp_path / "out")

    for edition in Edition.objects.visible_to(Audience.PUBLIC):
        ours = files[f"editions/{edition.slug}/index.html"].decode()
        theirs = client.get(edition.get_absolute_url()).content.decode()
        for part in (ARTICLE, IMPRINT):
            assert part.findall(ours)
            assert [*map(read_text, part.findall(ours))] == [*map(read_text, part.findall(theirs))]


def test_links_between_entries_stay_in_the_folder_and_others_lead_to_the_site(archive, tmp_path):
    page = export(tmp_path / "out")[f"editions/{archive.slug}/index.html"].decode()
    first = Edition.objects.get(number=90)

    assert page.count(f'href="../{first.slug}/index.html#entry-1"') == 2
    assert f'href="{project.SITE_URL}/search/?q=%E7%A8%85"' in page
    assert 'href="https://example.org/?a=1&amp;b=2"' in page
    assert 'src="../../pictures/' in page


def test_the_pdf_is_the_sites(archive, tmp_path):
    files = export(tmp_path / "out")

    path = tmp_path / "out" / "editions" / archive.slug / "edition.pdf"
    assert "次篇" in "".join(page.extract_text() for page in PdfReader(path).pages)
    assert len([name for name in files if name.endswith(".pdf")]) == 2


def test_the_documents_are_as_the_schema_says(archive, tmp_path):
    files = export(tmp_path / "out")

    schema = json.loads(files["schema.json"])
    edition = json.loads(files[f"editions/{archive.slug}/edition.json"])
    about = json.loads(files["archive.json"])
    for name, document in {"edition": edition, "archive": about}.items():
        jsonschema_rs.validate(schema["$defs"][name], document)
    (entry,) = edition["entries"]
    assert entry["headline"] == "次篇"
    assert entry["lead"] == ["更正了的導言。"]
    assert entry["sources"][0]["title"] == "施政報告"
    assert entry["themes"] == [{"name": "北部都會區", "file": "themes/北部都會區.html"}]
    assert [one["number"] for one in about["editions"]] == [91, 90]
    assert {one["file"] for one in about["editions"]} <= set(files)
    assert {one["file"] for one in about["themes"]} <= set(files)


def test_the_sums_are_checked_with_what_every_system_has(archive, tmp_path):
    files = export(tmp_path / "out")

    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", SUMS],
        cwd=tmp_path / "out",
        capture_output=True,
        text=True,
        check=True,
    )

    assert len(checked.stdout.splitlines()) == len(files) - 1


# ------------------------------------------------------------------------------- who may read it
def test_nothing_closed_is_in_it(archive, tmp_path):
    make_draft({"headline": "草稿的標題"})
    make_scheduled({"headline": "排程的標題"}, number=95, date=date(2026, 12, 1))
    gone = make_published({"headline": "整期撤回的標題"}, number=89, date=date(2026, 8, 1))
    withdraw_edition(gone)

    files = export(tmp_path / "out")

    everything = b"".join(files.values()).decode(errors="ignore") + "".join(files)
    for word in ("會員才知", "草稿的", "排程的", "整期撤回", "撤回的一篇", "第92期"):
        assert word not in everything


def test_it_is_byte_for_byte_the_same_as_if_what_is_closed_never_was(archive, tmp_path):
    with_closed = export(tmp_path / "out")

    Entry.objects.filter(headline="會員才知的標題").delete()
    Edition.objects.filter(number=92).delete()

    assert export(tmp_path / "other") == with_closed


def test_for_members_what_they_may_read_is_in_it_and_is_marked(archive, tmp_path):
    make_draft({"headline": "草稿的標題"})

    files = export(tmp_path / "out", "--members")

    assert "會員才知的標題" in files["index.html"].decode()
    assert "只限會員" in files["index.html"].decode()
    assert "請勿公開" in files["README.txt"].decode()
    documents = [json.loads(content) for name, content in files.items() if "edition.json" in name]
    assert {one["number"]: one["audience"] for one in documents}[92] == "members"
    assert "草稿的" not in b"".join(files.values()).decode(errors="ignore")


# --------------------------------------------------------------------------------------- writing
def test_the_same_archive_gives_the_same_bytes(archive, tmp_path):
    assert export(tmp_path / "out") == export(tmp_path / "other")


def test_a_second_run_writes_only_what_changed(archive, tmp_path, capsys):
    export(tmp_path / "out")
    inodes = {path: path.stat().st_ino for path in (tmp_path / "out").rglob("*.pdf")}
    make_published({"headline": "新的一篇"}, number=93, date=date(2026, 11, 15))

    call_command("export_archive", tmp_path / "out")

    said = capsys.readouterr().out
    files = read_all(tmp_path / "out")
    assert "已匯出 3 期" in said
    # New are the first page, archive.json and the new edition's own three.
    assert f"共 {len(files) - 1} 個檔案，其中 {len(files) - 6} 個沒有改動" in said
    assert {path: path.stat().st_ino for path in inodes} == inodes
    assert sorted(path.name for path in tmp_path.iterdir()) == ["media", "out"]


def test_what_is_no_longer_public_is_gone_after_the_next_run(archive, tmp_path):
    export(tmp_path / "out")
    withdraw_edition(archive)

    files = export(tmp_path / "out")

    assert not [name for name in files if name.startswith(f"editions/{archive.slug}/")]
    assert not [name for name in files if name.startswith("pictures/")]


def test_one_that_is_broken_off_leaves_what_was_there(archive, tmp_path, monkeypatch):
    before = export(tmp_path / "out")
    make_published({"headline": "新的一篇"}, number=93, date=date(2026, 11, 15))

    def fill_disk(self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders.FolderWriter, "finish", fill_disk)
    with pytest.raises(CommandError, match="No space left"):
        export(tmp_path / "out")

    assert read_all(tmp_path / "out") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["media", "out"]


def test_what_is_corrected_meanwhile_is_in_it_as_it_then_is(archive, tmp_path):
    """Of an archive that changes under it no folder is half the one and half the other."""
    heard = 0

    def correct_midway() -> None:
        nonlocal heard
        heard += 1
        if heard == 4:  # both are printed, the first is written and the second is being
            Entry.objects.filter(headline="次篇").update(headline="改了的次篇")

    export_archive(tmp_path / "out", timezone.now(), tell=correct_midway)

    files = read_all(tmp_path / "out")
    assert heard == 8
    for name in ("index.html", f"editions/{archive.slug}/index.html", "themes/北部都會區.html"):
        assert "改了的次篇" in files[name].decode()


def test_an_archive_that_never_rests_is_not_exported(archive, tmp_path):
    def correct_always() -> None:
        Theme.objects.create(name=f"主題{Theme.objects.count()}")

    with pytest.raises(ArchiveChanges):
        export_archive(tmp_path / "out", timezone.now(), tell=correct_always)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["media"]


def test_one_that_was_killed_between_the_renamings_is_made_good(archive, tmp_path):
    before = export(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "out.before")
    (tmp_path / "out.partial").mkdir()

    assert export(tmp_path / "out") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["media", "out"]


def test_a_folder_of_something_else_is_left_alone(archive, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("dear")

    with pytest.raises(CommandError, match="不是匯出的資料夾"):
        export(tmp_path / "out")

    assert read_all(tmp_path / "out") == {"letter.txt": b"dear"}


def test_a_picture_that_is_lost_is_told_and_the_rest_written(archive, tmp_path):
    for path in (tmp_path / "media" / "pictures").iterdir():
        path.unlink()

    with pytest.raises(CommandError, match="圖片檔遺失"):
        export(tmp_path / "out")

    page = tmp_path / "out" / "editions" / archive.slug / "index.html"
    assert f'src="{project.SITE_URL}/pictures/' in page.read_text()


def test_an_empty_archive_can_be_exported(tmp_path):
    files = export(tmp_path / "out")

    assert "尚未出版任何一期" in files["index.html"].decode()


# ----------------------------------------------------------------------------------------- places
def test_a_long_name_fits_a_file_system_and_stays_another():
    first, second = name_folder("政" * 100), name_folder("政" * 99)

    assert len(first.encode()) < 140
    assert first != second
    assert name_folder("2023-10") == "2023-10"


@pytest.mark.parametrize(
    ("address", "led"),
    [
        ("/editions/91/", "../91/index.html"),
        ("https://site.example/editions/91/#entry-2", "../91/index.html#entry-2"),
        ("/entries/%E7%A8%85/", "../91/index.html#entry-2"),
        ("/e/7/v3", "../91/index.html#entry-2"),
        ("/e/8", "https://site.example/e/8"),
        ("https://site.example", "../../index.html"),
        ("https://site.example.org/x", "https://site.example.org/x"),
        ("//elsewhere.example/x", "//elsewhere.example/x"),
        ("#note-1", "#note-1"),
        ("mailto:a@example.org", "mailto:a@example.org"),
    ],
)
def test_a_link_is_led_where_the_thing_is(address, led):
    places = Places("https://site.example")
    places.place("/", "index.html")
    places.place("/editions/91/", "editions/91/index.html")
    places.place("/entries/%E7%A8%85/", "editions/91/index.html", "entry-2")
    places.place("/e/7", "editions/91/index.html", "entry-2")

    assert places.lead(address, "editions/90/index.html") == led
