"""What is printed is read back out: text, links, outline, fonts."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread

import pdfplumber
import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils.safestring import mark_safe
from pypdf import PdfReader

from briefings.contexts import (
    EditionContext,
    EntryContext,
    ImprintContext,
    ThemeContext,
    describe_edition,
)
from briefings.files import store_whole, write_whole
from briefings.html import clean_html, to_text
from briefings.importer.loader import load_edition
from briefings.importer.parser import parse_manuscript
from briefings.importer.readers import read_manuscript
from briefings.models import Publication, State
from briefings.pdf import (
    PDFRefused,
    print_document,
    render_edition_pdf,
)
from briefings.press.typesetting import untypeset
from briefings.tests.makers import make_draft, make_published, store_edition_pdf
from briefings.volumes import BoundEdition, VolumeContext, compose_volume

IMPRINT = ImprintContext(
    "資料由秘書處編寫，查詢請聯絡本部。", "2111 1111", "2222 2222", "desk@example.org"
)
TOP_MARGIN, BOTTOM_MARGIN = 26 / 25.4 * 72, 23 / 25.4 * 72  # of edition.css, in points


def describe(number: int = 1, headline: str = "標題", **fields) -> EntryContext:
    fields["body"] = mark_safe(fields.get("body", "<p>正文。</p>"))
    defaults = {"lead": ("導言。",), "themes": (), "path": f"/entries/{number}/"}
    return EntryContext(id=number, number=number, headline=headline, **defaults | fields)


def compose(*entries: EntryContext, **fields) -> EditionContext:
    defaults = {
        "label": "第7期",
        "date": date(2026, 11, 3),
        "slug": "2026-11-03",
        "path": "/editions/2026-11-03/",
        "publication": Publication(),
        "imprint": IMPRINT,
        "state": State.PUBLISHED,
    }
    return EditionContext(entries=entries, **defaults | fields)


def write_paragraphs(count: int, about: str) -> str:
    sentence = f"關於{about}，政府在2026年提出33.5億元的「新計劃」，業界（包括中小企）反應不一。"
    return "".join(f"<p>第{n}段。{sentence * 4}</p>" for n in range(1, count + 1))


LONG = compose(
    describe(1, "廠房：往何處去", lead=("第一段。", "第二段。"), body=write_paragraphs(14, "土地")),
    describe(
        2,
        "電力與<用電>",
        themes=(ThemeContext("能源", "/themes/能源/"), ThemeContext("工業", "/themes/工業/")),
        body="<h3>數字</h3><p>見<a href='https://example.org/a'>公報</a>與 CO<sub>2</sub>。</p>"
        "<ul><li>甲項</li><li>乙項</li></ul><blockquote><p>引文。</p></blockquote>"
        "<table><tr><th>年</th><th>度</th></tr><tr><td>2025</td><td>41,774</td></tr></table>",
    ),
    describe(3, "航運的2條路", body=write_paragraphs(9, "碼頭")),
)


@pytest.fixture(scope="module")
def printed() -> bytes:
    return render_edition_pdf(LONG)


def squeeze(text: str) -> str:
    return re.sub(r"\s", "", untypeset(text).replace("\u2010", ""))


def read_pages(pdf: bytes) -> list[str]:
    """Each page's characters in the order they were printed in, heads and feet left out."""
    with pdfplumber.open(BytesIO(pdf)) as document:
        return [
            squeeze(
                "".join(
                    char["text"]
                    for char in page.chars
                    if (page.page_number == 1 or char["top"] > TOP_MARGIN)
                    and char["bottom"] < page.height - BOTTOM_MARGIN
                )
            )
            for page in document.pages
        ]


def read_text(pdf: bytes) -> str:
    return "".join(read_pages(pdf))


def read_margins(pdf: bytes) -> list[tuple[str, str]]:
    """The head and the foot of each page."""
    with pdfplumber.open(BytesIO(pdf)) as document:
        return [
            (
                page.crop((0, 0, page.width, TOP_MARGIN)).extract_text(),
                page.crop((0, page.height - BOTTOM_MARGIN, page.width, page.height)).extract_text(),
            )
            for page in document.pages
        ]


def find_headline_pages(pdf: bytes) -> list[int]:
    """The pages on which a large vermilion entry number stands."""
    with pdfplumber.open(BytesIO(pdf)) as document:
        return [
            page.page_number
            for page in document.pages
            for char in page.chars
            if char["text"] == "." and round(char["size"]) == 17
        ]


def write_expected_text(edition: EditionContext) -> str:
    parts = []
    for entry in edition.entries:
        parts += [f"{entry.number}.{entry.headline}", *entry.lead, "短評", to_text(entry.body)]
        if entry.themes:
            parts.append("政策主題：" + "、".join(theme.name for theme in entry.themes))
    return squeeze("".join([*parts, edition.imprint.notice, edition.imprint.contact]))


def test_the_text_read_back_is_the_editions(printed):
    text = read_text(printed)

    from_first_entry = text[text.rindex("1.廠房：往何處去") :]

    assert from_first_entry.replace("•", "") == write_expected_text(LONG)


def test_the_department_edition_is_printed_whole_with_its_footer_last(db, seed):
    """From the old text file through rows to paper: 2 entries, with 6 and 9 paragraphs."""
    legacy = parse_manuscript(read_manuscript(seed))
    edition = describe_edition(load_edition(legacy).edition)

    *before, last = read_pages(render_edition_pdf(edition))

    text = "".join([*before, last])
    expected = write_expected_text(edition)
    original = [[e.headline, e.lead, *e.paragraphs] for e in legacy.entries]
    assert text.endswith(expected)
    assert [len(parts) - 2 for parts in original] == [6, 9]
    assert all(squeeze(part) in expected for parts in original for part in parts)
    assert last.endswith("電話：25428611；傳真：34211092；電郵：research@cma.org.hk")
    assert "內容僅供內部參考" not in "".join(before)


def test_the_masthead_names_house_publication_edition_and_date(printed):
    text = read_text(printed)

    assert text.startswith("香港中華廠商聯合會政策研究部政策短評第7期2026年11月3日目錄1.")


def test_the_contents_give_the_page_each_entry_begins_on(printed):
    with pdfplumber.open(BytesIO(printed)) as document:
        first_page = document.pages[0].extract_text()

    numbers = re.findall(r"^\d\..+?[ .]+(\d)$", first_page, re.MULTILINE)

    assert [int(number) for number in numbers] == find_headline_pages(printed)
    assert len(set(numbers)) > 1


def test_the_contents_lead_to_the_entries(printed):
    reader = PdfReader(BytesIO(printed))
    links = [annotation.get_object() for annotation in reader.pages[0]["/Annots"]]

    targets = {link["/Dest"] for link in links}

    pages = [
        reader.get_destination_page_number(reader.named_destinations[target]) + 1
        for target in sorted(targets)
    ]
    assert pages == find_headline_pages(printed)


def test_the_outline_holds_entries_and_their_subheadings(printed):
    outline = PdfReader(BytesIO(printed)).outline

    titles = [[n.title for n in node] if isinstance(node, list) else node.title for node in outline]

    assert titles == ["1. 廠房：往何處去", "2. 電力與<用電>", ["數字"], "3. 航運的2條路"]


def test_the_imprint_stands_at_the_end_of_the_last_page_only(printed):
    *others, last = read_pages(printed)

    assert last.endswith(squeeze(IMPRINT.notice + IMPRINT.contact))
    assert IMPRINT.email not in "".join(others)


def test_a_click_on_the_address_writes_a_mail(printed):
    link = PdfReader(BytesIO(printed)).pages[-1]["/Annots"][0].get_object()
    x0, y0, x1, y1 = map(float, link["/Rect"])

    with pdfplumber.open(BytesIO(printed)) as document:
        page = document.pages[-1]
        top, bottom = sorted((page.height - y0, page.height - y1))
        text = page.within_bbox((x0 - 0.1, top, x1 + 0.1, bottom)).extract_text()

    assert (link["/A"]["/URI"], text) == ("mailto:desk@example.org", "desk@example.org")


def test_every_page_says_whose_it_is_and_which_of_how_many(printed):
    feet = [foot for _, foot in read_margins(printed)]

    assert feet == [
        f"香港中華廠商聯合會 政策研究部 第 {n} 頁，共 {len(feet)} 頁"
        for n in range(1, len(feet) + 1)
    ]


def test_the_head_names_the_entry_that_a_page_begins_in(printed):
    heads = [head for head, _ in read_margins(printed)]

    assert heads[1] == "政策短評 第 7 期 2026 年 11 月 3 日 廠房：往何處去"
    assert heads[-1] == "政策短評 第 7 期 2026 年 11 月 3 日 航運的 2 條路"


def test_the_document_says_its_title_author_language_and_that_it_is_tagged(printed):
    reader = PdfReader(BytesIO(printed))

    assert reader.metadata.title == "政策短評　第7期"
    assert reader.metadata.author == "香港中華廠商聯合會 政策研究部"
    assert reader.root_object["/Lang"] == "zh-HK"
    assert reader.root_object["/MarkInfo"]["/Marked"]


def test_pages_are_a4(printed):
    sizes = {tuple(map(round, page.mediabox[2:])) for page in PdfReader(BytesIO(printed)).pages}

    assert sizes == {(595, 842)}


def test_only_hong_kong_faces_are_used_and_each_is_embedded_cut_down(printed):
    reader = PdfReader(BytesIO(printed))
    fonts = {
        font.get_object()["/BaseFont"]: font.get_object()["/DescendantFonts"][0].get_object()
        for page in reader.pages
        for font in page["/Resources"]["/Font"].values()
    }

    for name, font in fonts.items():
        descriptor = font["/FontDescriptor"].get_object()
        program = descriptor.get("/FontFile3") or descriptor["/FontFile2"]
        assert re.search(r"CMA-(Sans|Serif|Kai)-HK", name)
        assert len(program.get_object().get_data()) < 150_000


def list_tags(pdf: bytes) -> list[tuple[str, str]]:
    """The structure tree from front to back: each tag and its alternative text."""
    found = []

    def walk(node) -> None:
        node = node.get_object()
        if isinstance(node, list):
            for child in node:
                walk(child)
        elif isinstance(node, dict) and node.get("/S"):
            found.append((node["/S"], str(node.get("/Alt", ""))))
            if "/K" in node:
                walk(node["/K"])

    root = PdfReader(BytesIO(pdf)).root_object["/StructTreeRoot"].get_object()
    walk(root["/K"])
    return found


def test_the_structure_is_what_a_reader_is_told(printed):
    tags = [tag for tag, _ in list_tags(printed)]

    assert tags[0] == "/Document"
    assert tags.count("/Art") >= 3
    assert {"/H1", "/H2", "/H3", "/P", "/L", "/LI", "/Table", "/TR", "/TH", "/TD"} <= set(tags)
    assert {"/BlockQuote", "/Link"} <= set(tags)


def test_what_a_link_leads_to_is_told_to_whoever_cannot_see_it(printed):
    annotations = [
        annotation.get_object()
        for page in PdfReader(BytesIO(printed)).pages
        for annotation in page.get("/Annots", [])
    ]

    assert len(annotations) >= 5
    assert all(annotation.get("/Contents") for annotation in annotations)


def test_a_public_edition_carries_its_address_and_a_code_that_leads_there():
    edition = compose(describe(), is_for_web=True)
    pdf = render_edition_pdf(edition)

    assert squeeze(f"網頁版：{edition.url}") in read_text(pdf)
    assert ("/Figure", "本期網頁版的二維碼") in list_tags(pdf)


def test_a_closed_edition_carries_no_address():
    assert "網頁版" not in read_text(render_edition_pdf(compose(describe())))


def test_a_caption_does_not_stay_behind_its_table():
    table = "<table><caption>表一的標題</caption><tr><th>年</th></tr><tr><td>度數</td></tr></table>"
    for lines in range(20, 36):
        pages = read_pages(
            render_edition_pdf(compose(describe(body="<p>一行。</p>" * lines + table)))
        )
        assert [n for n, page in enumerate(pages) if "表一的標題" in page] == [
            n for n, page in enumerate(pages) if "度數" in page
        ]


def test_a_font_of_which_much_is_used_is_cut_down_too():
    """Debian 12's own HarfBuzz gives up at some 870 characters of a TrueType font."""
    characters = "".join(map(chr, range(0x4E00, 0x4E00 + 1500)))
    pdf = render_edition_pdf(compose(describe(lead=(characters,))))

    reader = PdfReader(BytesIO(pdf))
    assert len(pdf) < 1_000_000
    assert squeeze(characters) in read_text(pdf)
    assert reader.pages


def test_a_draft_says_so_in_masthead_and_heads():
    pdf = render_edition_pdf(
        compose(
            describe(body=write_paragraphs(14, "草稿")),
            label="未編號",
            date=None,
            state=State.DRAFT,
        )
    )

    assert read_text(pdf).startswith("香港中華廠商聯合會政策研究部政策短評未編號草稿日期未定")
    assert read_margins(pdf)[1][0] == "政策短評 未編號 草稿 標題"


def test_a_published_edition_is_not_called_a_draft(printed):
    assert "草稿" not in read_text(printed) + str(read_margins(printed))


def test_an_edition_without_entries_has_masthead_and_imprint_only():
    text = read_text(render_edition_pdf(compose()))

    assert text.endswith("政策短評第7期2026年11月3日" + squeeze(IMPRINT.notice + IMPRINT.contact))


def test_a_bare_entry_prints_neither_empty_lead_nor_label():
    pdf = render_edition_pdf(compose(describe(headline="未寫", lead=(), body="")))

    assert read_text(pdf).endswith("1.未寫" + squeeze(IMPRINT.notice + IMPRINT.contact))


def test_an_imprint_without_fax_leaves_no_gap():
    imprint = ImprintContext("說明。", "2111 1111", "", "desk@example.org")

    text = read_text(render_edition_pdf(compose(imprint=imprint)))

    assert text.endswith("說明。電話：21111111；電郵：desk@example.org")


def test_a_numbered_list_starts_where_it_says():
    pdf = render_edition_pdf(compose(describe(body='<ol start="9"><li>甲</li><li>乙</li></ol>')))

    assert read_text(pdf).endswith("9.10.")  # markers are drawn after the text


def test_ten_entries_and_very_long_headlines_lose_nothing():
    edition = compose(*(describe(n, f"{n}號標題" * 20) for n in range(1, 11)))

    text = read_text(render_edition_pdf(edition))

    assert text.endswith(write_expected_text(edition))


def test_the_same_edition_gives_the_same_bytes(printed):
    assert render_edition_pdf(LONG) == printed


def test_renders_in_several_threads_do_not_disturb_each_other():
    editions = [compose(describe(n, f"標題{n}")) for n in (1, 2)]
    alone = [render_edition_pdf(edition) for edition in editions]

    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(render_edition_pdf, editions))

    assert together == alone


@pytest.fixture
def spy() -> Iterator[tuple[str, list[str]]]:
    """A server's address, and what it has been asked for."""
    asked: list[str] = []

    class Spy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *args) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Spy)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def secret(tmp_path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text("hush-hush-7351")
    return path


HOSTILE = """
    <img src="{0}"><img srcset="{0} 2x"><svg><image href="{0}"/><use href="{0}#a"/></svg>
    <style>@import url({0}); @font-face {{ font-family: x; src: url({0}) }}
    p {{ background: url({0}); font-family: x; list-style-image: url({0}) }}
    p::before {{ content: url({0}) }}</style>
    <link rel="stylesheet" href="{0}"><link rel="attachment" href="{0}">
    <a rel="attachment" href="{0}">附件</a><object data="{0}"></object><embed src="{0}">
    <iframe src="{0}"></iframe><video poster="{0}"></video><base href="{0}"><p>正文</p>
"""


def test_hostile_html_that_got_past_the_model_reaches_no_server(spy):
    address, asked = spy

    pdf = render_edition_pdf(compose(describe(body=HOSTILE.format(f"{address}/x"))))

    assert "正文" in read_text(pdf)
    assert asked == []


def test_hostile_html_that_got_past_the_model_carries_no_local_file_away(secret):
    pdf = render_edition_pdf(compose(describe(body=HOSTILE.format(secret.as_uri()))))

    reader = PdfReader(BytesIO(pdf))
    streams = [
        obj.get_data()
        for obj in map(reader.get_object, range(1, len(reader.xref[0]) + 1))
        if hasattr(obj, "get_data")
    ]
    assert not reader.attachments
    assert not any(secret.read_bytes() in stream for stream in [pdf, *streams])


@pytest.fixture
def media(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


def test_a_stored_pdf_is_the_rendered_one(db, media):
    edition = make_published()

    name = store_edition_pdf(edition)

    with default_storage.open(name) as file:
        assert file.read() == render_edition_pdf(describe_edition(edition))


def test_a_pdf_is_built_only_when_it_is_not_there(db, media):
    edition = make_draft()
    name = store_edition_pdf(edition)
    (media / name).write_bytes(b"left alone")

    again = store_edition_pdf(edition)

    assert again == name
    assert (media / name).read_bytes() == b"left alone"


def test_a_changed_edition_gets_a_new_pdf(db, media):
    edition = make_draft({"headline": "舊題"})
    old = store_edition_pdf(edition)
    edition.entries.update(headline="新題")

    new = store_edition_pdf(edition)

    assert new != old
    assert "新題" in read_text((media / new).read_bytes())


def test_storing_leaves_nothing_unfinished_behind(db, media):
    name = store_edition_pdf(make_draft())

    assert list((media / "pdf").iterdir()) == [media / name]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "edition.pdf"
    path.write_bytes(b"old")

    with pytest.raises(TypeError):
        write_whole(path, "not bytes")

    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("edition.pdf", b"old")]


def test_a_storage_without_paths_takes_the_pdf_too(settings):
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    }

    store_whole("pdf/x.pdf", b"%PDF")

    assert default_storage.open("pdf/x.pdf").read() == b"%PDF"


def test_the_command_writes_a_draft(db, tmp_path, capsys):
    make_draft({"headline": "廠房往何處去"}, date=date(2026, 11, 20))

    call_command("edition_pdf", "2026-11-20", out=tmp_path / "new" / "edition.pdf")

    assert "廠房往何處去" in read_text((tmp_path / "new" / "edition.pdf").read_bytes())
    assert "edition.pdf" in capsys.readouterr().out


def test_the_command_names_slugs_near_an_unknown_one(db, tmp_path):
    make_draft(date=date(2026, 11, 20))
    make_draft(date=date(2019, 1, 1))

    with pytest.raises(CommandError, match="沒有「2026-11-02」這一期。相近的有：2026-11-20。"):
        call_command("edition_pdf", "2026-11-02", out=tmp_path / "edition.pdf")


def test_the_command_names_the_newest_when_nothing_is_near(db, tmp_path):
    make_draft(date=date(2026, 11, 20))

    with pytest.raises(CommandError, match="沒有「甲乙丙」這一期。最新的有：2026-11-20。"):
        call_command("edition_pdf", "甲乙丙", out=tmp_path / "edition.pdf")


def test_the_command_says_where_it_could_not_write(db, tmp_path):
    make_draft(date=date(2026, 11, 20))
    (tmp_path / "taken").write_text("a file, not a folder")

    with pytest.raises(CommandError, match="不能寫入"):
        call_command("edition_pdf", "2026-11-20", out=tmp_path / "taken" / "edition.pdf")


def test_what_cannot_be_laid_out_is_refused_in_words():
    """The allow-list lets nothing so deep be stored; what is stored already may be."""
    edition = compose(describe(body="<em>" * 400 + "文" + "</em>" * 400))

    with pytest.raises(PDFRefused, match="未能排版"):
        render_edition_pdf(edition)


def test_an_odd_address_is_printed_as_text():
    pdf = render_edition_pdf(compose(describe(body=clean_html("<p><a href='//[x'>公報</a></p>"))))

    assert "公報" in read_text(pdf)


def test_the_command_writes_one_for_the_archives(db, tmp_path):
    make_draft(date=date(2026, 11, 20))

    call_command("edition_pdf", "2026-11-20", out=tmp_path / "a.pdf", archive=True)

    assert "/OutputIntents" in PdfReader(tmp_path / "a.pdf").root_object


# ---------------------------------------------------------------------------------------- notes
def write_note(words: str) -> str:
    return f'<span role="note">{words}</span>'


NOTED = (
    f"<p>政府提出新計劃{write_note('見2026年《預算案》。')}，"
    f"業界{write_note('不包括中小企。')}歡迎。</p>"
)


@pytest.fixture(scope="module")
def footnoted() -> bytes:
    table = f"<table><tr><td>值{write_note('表中註。')}</td></tr></table>"
    return render_edition_pdf(
        compose(
            describe(1, "甲", body=NOTED + write_paragraphs(10, "土地")),
            describe(2, "乙", body=NOTED + table),
        )
    )


def test_a_note_stands_at_the_foot_of_its_page_numbered_from_one_in_each_entry(footnoted):
    first, *_, last = read_pages(footnoted)

    assert "政府提出新計劃1，業界2歡迎。" in first
    assert first.endswith("1見2026年《預算案》。2不包括中小企。")
    assert "政府提出新計劃1，業界2歡迎。值3" in last
    assert last.removesuffix("•").endswith("1見2026年《預算案》。2不包括中小企。3表中註。")


def test_a_bound_volume_has_them_too_and_its_index_finds_what_they_say():
    entries = describe(1, "甲", body=NOTED), describe(2, "乙", body=NOTED)
    bound = BoundEdition("第7期", "2026年11月3日", "edition-7", entries)
    volume = VolumeContext(
        "合訂本", "2026年", "", (), ("預算案",), Publication(), IMPRINT, (bound,)
    )

    *_, entries_page, index = read_pages(print_document(compose_volume(volume), seconds=60))

    assert entries_page.count("政府提出新計劃1，業界2歡迎。") == 2
    assert entries_page.endswith("1見2026年《預算案》。2不包括中小企。" * 2)
    assert "預算案3" in index


def test_a_note_is_tagged_as_one_and_its_mark_as_a_reference(footnoted):
    elements = list(walk_structure(PdfReader(BytesIO(footnoted)).root_object["/StructTreeRoot"]))
    notes = [element for element in elements if element.get("/S") == "/Note"]

    assert len(notes) == 5
    assert len({element["/ID"] for element in notes}) == 5
    assert [element.get("/S") for element in elements].count("/Reference") == 5
    assert all(next(walk_structure(note["/K"])).get("/S") == "/Lbl" for note in notes)


def walk_structure(found) -> Iterator[dict]:
    """The elements at and below this place of the structure, in their order."""
    found = found.get_object()
    if isinstance(found, list):
        for kid in found:
            yield from walk_structure(kid)
    elif isinstance(found, dict):
        if found.get("/Type") == "/StructElem":
            yield found
        if "/K" in found:
            yield from walk_structure(found["/K"])
