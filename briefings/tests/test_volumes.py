"""A bound volume read back from paper: cover, contents, entries, imprint, index."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from io import BytesIO

import pdfplumber
import pytest
from django.db import transaction
from django.utils import timezone
from pypdf import PdfReader

from briefings.html import to_text
from briefings.models import Audience, Edition, Theme, Volume
from briefings.pdf import print_document
from briefings.press.typesetting import untypeset
from briefings.printing import make_order
from briefings.publishing import withdraw_edition, withdraw_entry
from briefings.tests.makers import make_draft, make_published, make_volume
from briefings.volumes import VolumeContext, compose_volume, describe_volume

pytestmark = pytest.mark.django_db

TOP_MARGIN, BOTTOM_MARGIN = 26 / 25.4 * 72, 23 / 25.4 * 72  # of edition.css, in points
TERMS = [f"詞條{number:02}號" for number in range(1, 91)]  # of an index of more than one page
NAMED = "政策主題：北部都會區"  # at an entry's end; no place that a phrase is looked up for
PHRASES = ["新質生產力", "生產力", "北部都會區", "從未提及", *TERMS]


def write_paragraphs(count: int, about: str) -> str:
    sentence = f"關於{about}，政府在2026年提出33.5億元的「新計劃」，業界（包括中小企）反應不一。"
    return "".join(f"<p>第{n}段。{sentence * 4}</p>" for n in range(1, count + 1))


def fill_the_year() -> Volume:
    """Two editions that everybody may read, and much that nobody but members or editors may."""
    north, tax, secret = (Theme.objects.create(name=n) for n in ("北部都會區", "稅務", "機密"))
    make_published(
        {
            "headline": "園區公司要有實權",
            "lead": "政府公布架構。",
            "themes": [north],
            "body": "<p>北部都會區與新質生產力。</p>" + write_paragraphs(14, "土地"),
        },
        {
            "headline": "稅務寬減",
            "themes": [north, tax],
            "body": f"<h3>數字</h3><p>新質生產力，以及一般的生產力。</p><p>北部都會區</p>"
            f"<ul>{''.join(f'<li>{term}</li>' for term in TERMS)}</ul>",
        },
        number=1,
        date=date(2026, 1, 30),
    )
    second = make_published(
        {"headline": "撤回之前", "body": "<p>撤回了的新質生產力。</p>", "themes": [secret]},
        {"headline": "航運", "themes": [tax], "body": write_paragraphs(9, "北部都會區碼頭")},
        number=2,
        date=date(2026, 3, 31),
    )
    withdraw_entry(second.entries.get(headline="撤回之前"), note="資料有誤")
    closed = {"headline": "機密標題", "body": "<p>機密的新質生產力。</p>", "themes": [secret]}
    make_published(closed, number=3, audience=Audience.MEMBERS)
    make_published(
        closed,
        number=4,
        audience=Audience.MEMBERS,
        public_from=timezone.now() + timedelta(days=9),
    )
    make_draft(closed, number=5)
    withdraw_edition(make_published(closed, number=6), note="機密原因")
    make_published({"headline": "去年的"}, number=0, date=date(2025, 12, 31))
    return make_volume(preface="本書收錄全年短評。", phrases="\n".join(PHRASES))


@dataclass(frozen=True)
class Book:
    described: VolumeContext
    pdf: bytes
    again: bytes

    @cached_property
    def reader(self) -> PdfReader:
        return PdfReader(BytesIO(self.pdf))

    @cached_property
    def pages(self) -> list[str]:
        """Each page's characters in their order, heads and feet left out."""
        return [squeeze(text) for text in self._crop(TOP_MARGIN, BOTTOM_MARGIN)]

    @cached_property
    def heads(self) -> list[str]:
        with pdfplumber.open(BytesIO(self.pdf)) as document:
            return [
                page.crop((0, 0, page.width, TOP_MARGIN)).extract_text() for page in document.pages
            ]

    @cached_property
    def feet(self) -> list[str]:
        with pdfplumber.open(BytesIO(self.pdf)) as document:
            return [
                page.crop((0, page.height - BOTTOM_MARGIN, page.width, page.height)).extract_text()
                for page in document.pages
            ]

    @cached_property
    def headline_pages(self) -> list[int]:
        """Where a large vermilion entry number stands."""
        with pdfplumber.open(BytesIO(self.pdf)) as document:
            return [
                page.page_number
                for page in document.pages
                for char in page.chars
                if char["text"] == "." and round(char["size"]) == 17
            ]

    def _crop(self, top: float, bottom: float) -> Iterator[str]:
        with pdfplumber.open(BytesIO(self.pdf)) as document:
            for page in document.pages:
                yield "".join(
                    char["text"]
                    for char in page.chars
                    if page.page_number == 1
                    or (char["top"] > top and char["bottom"] < page.height - bottom)
                )

    @cached_property
    def text(self) -> str:
        return "".join(self.pages)

    @cached_property
    def contents_page(self) -> int:
        return next(n for n, page in enumerate(self.pages, start=1) if page.startswith("目錄"))

    @cached_property
    def index_page(self) -> int:
        return next(n for n, page in enumerate(self.pages, start=1) if page.startswith("索引"))

    @cached_property
    def index(self) -> dict[str, list[int]]:
        """Each term and its pages; the phrase where a theme is called alike."""
        return dict(self._read_index())

    @cached_property
    def themes_indexed(self) -> dict[str, list[int]]:
        return dict(reversed(self._read_index()))

    def _read_index(self) -> list[tuple[str, list[int]]]:
        with pdfplumber.open(BytesIO(self.pdf)) as document:
            lines = [
                line
                for page in document.pages[self.index_page - 1 :]
                for half in (
                    (0, TOP_MARGIN, page.width / 2, page.height - BOTTOM_MARGIN),
                    (page.width / 2, TOP_MARGIN, page.width, page.height - BOTTOM_MARGIN),
                )
                for line in page.crop(half).extract_text().split("\n")
            ]
        found = (re.fullmatch(r"(.+?) +([\d、]+)", line.strip()) for line in lines)
        return [
            (squeeze(line[1]), [int(number) for number in line[2].split("、")])
            for line in found
            if line
        ]

    def follow_links(self, number: int) -> list[int]:
        """The pages that a page's links lead to."""
        links = [note.get_object() for note in self.reader.pages[number - 1]["/Annots"]]
        names = [link["/Dest"] for link in links if "/Dest" in link]
        return [
            self.reader.get_destination_page_number(self.reader.named_destinations[name]) + 1
            for name in names
        ]


def squeeze(text: str) -> str:
    return re.sub(r"\s", "", untypeset(text).replace("\u2010", ""))


@pytest.fixture(scope="module")
def book(django_db_setup, django_db_blocker) -> Book:
    with django_db_blocker.unblock(), transaction.atomic():
        described = describe_volume(fill_the_year())
        document = compose_volume(described)
        transaction.set_rollback(True)
    pdf, again = (print_document(document, seconds=300) for _ in range(2))
    return Book(described, pdf, again)


def test_the_cover_names_publication_volume_years_and_house(book):
    assert book.pages[0] == ("政策短評2026年合訂本2026年2期，3篇短評香港中華廠商聯合會政策研究部")
    assert book.heads[0] == ""


def test_the_preface_stands_before_the_contents(book):
    assert book.pages[1] == "前言本書收錄全年短評。"
    assert book.contents_page == 3


def test_the_contents_go_by_edition_and_end_with_the_index(book):
    text = re.sub(r"[.\d]*\.\.[.\d]*", " ", book.pages[book.contents_page - 1])

    assert re.findall("第[12]期|園區公司要有實權|稅務寬減|航運|索引", text) == [
        "第1期",
        "園區公司要有實權",
        "稅務寬減",
        "第2期",
        "航運",
        "索引",
    ]


def test_the_contents_give_the_page_of_each_entry_and_of_the_index(book):
    with pdfplumber.open(BytesIO(book.pdf)) as document:
        text = document.pages[book.contents_page - 1].extract_text()

    numbers = [int(number) for number in re.findall(r"\. ?(\d+)$", text, re.MULTILINE)]

    assert numbers == [*book.headline_pages, book.index_page]
    assert len(set(numbers)) == len(numbers)


def test_the_contents_lead_there(book):
    wanted = {*book.headline_pages, book.index_page}

    assert set(book.follow_links(book.contents_page)) == wanted


def test_every_entry_is_there_in_its_order_and_whole(book):
    parts = [
        part
        for entry in book.described.entries
        for part in (f"{entry.number}.{entry.headline}", *entry.lead, to_text(entry.body))
    ]

    text = "".join(book.pages[3:]).replace("•", "")
    for part in map(squeeze, parts):
        assert part in text, part
        text = text.partition(part)[2]

    assert len(parts) == 9


def test_entries_keep_the_number_they_have_in_their_edition(book):
    assert [entry.number for entry in book.described.entries] == [1, 2, 2]


@pytest.mark.parametrize("word", ["機密", "撤回", "資料有誤", "去年的", "第3期", "第4期", "第6期"])
def test_what_not_everybody_may_read_leaves_no_trace(word, book):
    names = " ".join([*book.reader.named_destinations, str(book.reader.outline)])

    assert word not in book.text + "".join(book.heads) + names + str(book.reader.metadata)


def test_running_heads_name_edition_and_entry(book):
    first, second, third = book.headline_pages

    assert book.heads[first - 1] == "政策短評 第 1 期 2026 年 1 月 30 日 園區公司要有實權"
    assert book.heads[second] == "政策短評 第 1 期 2026 年 1 月 30 日 稅務寬減"
    assert book.heads[third] == "政策短評 第 2 期 2026 年 3 月 31 日 航運"
    assert book.heads[book.contents_page - 1] == "政策短評 2026 年合訂本 目錄"


def test_the_index_has_heads_and_feet_too_and_its_numbers_go_on(book):
    house = "香港中華廠商聯合會 政策研究部"

    assert set(book.heads[book.index_page - 1 :]) == {"政策短評 2026 年合訂本 索引"}
    assert book.feet[1:] == [f"{house} {n}" for n in range(2, len(book.pages) + 1)]
    assert len(book.pages) > book.index_page


def test_bookmarks_are_editions_and_the_entries_in_them(book):
    outline = book.reader.outline

    titles = [[n.title for n in node] if isinstance(node, list) else node.title for node in outline]

    assert titles == [
        "前言",
        "目錄",
        "第1期　2026年1月30日",
        ["1. 園區公司要有實權", "2. 稅務寬減"],
        "第2期　2026年3月31日",
        ["2. 航運"],
        "索引",
    ]


def test_bookmarks_lead_to_their_pages(book):
    *_, index = book.reader.outline

    assert book.reader.get_destination_page_number(index) + 1 == book.index_page


def test_the_imprint_is_the_last_thing_before_the_index(book):
    imprint = book.described.imprint

    assert book.pages[book.index_page - 2].endswith(squeeze(imprint.notice + imprint.contact))
    assert book.text.count(imprint.email) == 1


def test_the_index_tells_the_pages_of_themes(book):
    first, second, third = book.headline_pages

    # It is a phrase too; the phrase's line comes after the theme's.
    assert book.themes_indexed["北部都會區"] == [first, second]
    assert book.themes_indexed["稅務"] == [second, third]
    assert "機密" not in book.index


def test_the_index_tells_every_page_of_a_phrase(book):
    for term in ("新質生產力", "北部都會區", *TERMS):
        pages = [
            number
            for number, page in enumerate(book.pages[: book.index_page - 1], start=1)
            if number >= book.headline_pages[0] and term in page.replace(NAMED, "")
        ]
        assert book.index[term] == pages, term


def test_of_two_phrases_the_longer_is_indexed_where_it_stands(book):
    [page] = book.index["生產力"]

    assert page in book.index["新質生產力"]
    assert len(book.index["新質生產力"]) == 2


def test_a_phrase_that_nobody_wrote_is_not_in_the_index(book):
    assert "從未提及" not in "".join(book.pages[book.index_page - 1 :])


def test_the_index_names_no_page_twice(book):
    assert all(sorted(set(pages)) == pages for pages in book.index.values())


def test_what_the_index_names_it_leads_to(book):
    numbers = [n for pages in book.index.values() for n in pages]
    led = [
        target
        for number in range(book.index_page, len(book.pages) + 1)
        for target in book.follow_links(number)
    ]

    assert sorted(set(led)) == sorted(set(numbers))
    assert len(led) >= len(numbers)


def test_the_whole_of_it_is_tagged(book):
    root = book.reader.root_object
    tagged = set()

    def walk(element) -> None:
        if not hasattr(element, "get"):
            return
        if "/Pg" in element:
            tagged.add(element.raw_get("/Pg").idnum)
        kids = element.get("/K", [])
        for kid in kids if isinstance(kids, list) else [kids]:
            walk(kid.get_object() if hasattr(kid, "get_object") else kid)

    walk(root["/StructTreeRoot"])
    pages = {page.indirect_reference.idnum for page in book.reader.pages}

    assert b"pdfuaid" in root["/Metadata"].get_object().get_data()
    assert root["/Lang"] == "zh-HK"
    assert root["/MarkInfo"]["/Marked"]
    assert tagged == pages
    assert all("/StructParents" in page for page in book.reader.pages)


def test_the_document_says_what_it_is(book):
    assert book.reader.metadata.title == "政策短評　2026年合訂本"
    assert book.reader.metadata.author == "香港中華廠商聯合會 政策研究部"


def test_the_same_volume_gives_the_same_bytes(book):
    assert book.again == book.pdf


# -------------------------------------------------------------------------------- what is in it


def test_a_volume_of_a_theme_goes_over_years_and_leaves_the_rest_out():
    tax = Theme.objects.create(name="稅務")
    make_published({"headline": "甲", "themes": [tax]}, {"headline": "乙"}, date=date(2024, 5, 1))
    make_published({"headline": "丙", "themes": [tax]}, date=date(2026, 5, 1))
    volume = make_volume(theme=tax, first_year=2024)

    described = describe_volume(volume)

    assert [entry.headline for entry in described.entries] == ["甲", "丙"]
    assert (described.theme, described.years) == ("稅務", "2024年至2026年")


def test_describing_costs_no_query_an_entry(django_assert_max_num_queries):
    for number in range(1, 9):
        make_published({"themes": [Theme.objects.create(name=f"題{number}")]}, {}, number=number)
    volume = make_volume()

    with django_assert_max_num_queries(14):
        describe_volume(volume)


def test_what_is_not_public_changes_no_name():
    make_published({}, number=1)
    volume = make_volume()
    before = make_order(volume).name

    make_draft({"headline": "草稿"})
    make_published({"headline": "會員"}, number=2, audience=Audience.MEMBERS)

    assert make_order(volume).name == before


def test_what_was_withdrawn_gives_it_another_name():
    make_published({}, number=1)
    make_published({}, number=2)
    volume = make_volume()
    before = make_order(volume).name

    withdraw_edition(Edition.objects.get(number=2))

    assert make_order(volume).name != before


def test_without_themes_and_phrases_there_is_no_index():
    make_published({}, number=1)

    document = compose_volume(describe_volume(make_volume()))

    assert document.index is None
    assert "索引" not in document.html


@pytest.mark.parametrize("is_public", [True, False])
def test_only_what_was_made_public_is_open_to_readers(is_public):
    make_published({}, number=1)
    volume = make_volume(is_public=is_public)

    assert list(Volume.objects.open_to_readers()) == ([volume] if is_public else [])


def test_a_volume_with_nothing_in_it_is_not_open_to_readers():
    tax, other = Theme.objects.create(name="稅務"), Theme.objects.create(name="能源")
    make_published({"themes": [other]}, number=1)
    make_published({"themes": [tax]}, number=2, audience=Audience.MEMBERS)
    make_volume(is_public=True, theme=tax)
    make_volume(is_public=True, slug="2025", first_year=2025, last_year=2025)
    kept = make_volume(is_public=True, slug="能源", theme=other)

    assert list(Volume.objects.open_to_readers()) == [kept]
