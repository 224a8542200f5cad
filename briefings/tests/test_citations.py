from dataclasses import replace
from datetime import date

import bibtexparser
import pytest
import rispy
from django.utils.safestring import mark_safe
from hypothesis import given
from hypothesis import strategies as st

from briefings.citations import cite_in_apa, cite_in_gbt, write_bibtex, write_ris
from briefings.contexts import (
    AuthorContext,
    CorrectionContext,
    EditionContext,
    EntryContext,
    ImprintContext,
    ThemeContext,
)
from briefings.models import Audience, Publication, State
from briefings.publishing import withdraw_edition
from briefings.tests.makers import make_published

SEEN = date(2026, 11, 28)
ENTRY = EntryContext(
    id=12,
    number=1,
    headline="新質生產力",
    lead=("導言第一段。", "第二段。"),
    body=mark_safe("<p>正文。</p>"),
    themes=(ThemeContext("創科", "/themes/創科/"),),
    path="/entries/新質生產力/",
    authors=(AuthorContext("陳大文", "高級研究主任"), AuthorContext("李小明", "")),
)
EDITION = EditionContext(
    label="第8期",
    date=date(2026, 11, 5),
    slug="2026-11-05",
    path="/editions/2026-11-05/",
    publication=Publication(pk=1, name="政策短評", english_name="Policy Notes"),
    imprint=ImprintContext("", "", "", ""),
    entries=(ENTRY,),
    state=State.PUBLISHED,
    number=8,
)
UNNUMBERED = replace(EDITION, number=None)
UNSIGNED = replace(ENTRY, authors=())


@pytest.fixture(autouse=True)
def address(settings):
    settings.SITE_URL = "https://news.example"


def sign(*names: str) -> EntryContext:
    return replace(ENTRY, authors=tuple(AuthorContext(name, "") for name in names))


# -------------------------------------------------------------------------------------- for people
def test_gbt_cites_an_article_of_a_serial():
    cited = cite_in_gbt(ENTRY, EDITION, accessed=SEEN)

    assert cited == (
        "陳大文, 李小明. 新質生產力[J/OL]. 政策短評, 2026(8)[2026-11-28]. "
        "https://news.example/e/12/v1."
    )


def test_gbt_names_three_authors_of_four():
    cited = cite_in_gbt(sign("甲", "乙", "丙", "丁"), EDITION, accessed=SEEN)

    assert cited.startswith("甲, 乙, 丙, 等. ")


def test_gbt_cites_an_edition_without_a_number_by_its_date():
    cited = cite_in_gbt(ENTRY, UNNUMBERED, accessed=SEEN)

    assert "新質生產力[EB/OL]. (2026-11-05)[2026-11-28]. https://" in cited


def test_what_nobody_signed_is_the_departments():
    cited = cite_in_gbt(UNSIGNED, EDITION, accessed=SEEN)

    assert cited.startswith("香港中華廠商聯合會政策研究部. 新質生產力")


def test_apa_gives_the_publications_english_name():
    cited = cite_in_apa(ENTRY, EDITION)

    assert cited == (
        "陳大文, & 李小明. (2026, November 5). 新質生產力. 政策短評 [Policy Notes], (8). "
        "https://news.example/e/12/v1"
    )


def test_apa_does_without_an_english_name():
    plain = replace(UNNUMBERED, publication=Publication(pk=1, name="政策短評"))

    assert "新質生產力. 政策短評. https" in cite_in_apa(ENTRY, plain)


def test_apa_shortens_more_than_twenty_authors():
    cited = cite_in_apa(sign(*(f"作者{n}" for n in range(1, 23))), EDITION)

    assert "作者19, . . . 作者22. (2026" in cited


def test_a_corrected_entry_is_cited_in_the_version_that_was_read():
    made = CorrectionContext(1, None, "", {}, {})

    cited = cite_in_apa(replace(ENTRY, corrections=(made, made)), EDITION)

    assert cited.endswith("https://news.example/e/12/v3")


# ------------------------------------------------------------------------ for reference managers
def read_bibtex(entry=ENTRY, edition=EDITION) -> dict[str, str]:
    """As BibTeX reads it: a field's value without its own braces."""
    library = bibtexparser.parse_string(write_bibtex(entry, edition, accessed=SEEN))
    assert library.failed_blocks == []
    (record,) = library.entries
    return {field.key: field.value for field in record.fields}


def read_ris(entry=ENTRY, edition=EDITION) -> dict[str, object]:
    (record,) = rispy.loads(write_ris(entry, edition, accessed=SEEN))
    return record


def test_bibtex_has_every_field():
    assert read_bibtex() == {
        "author": "{陳大文} and {李小明}",
        "title": "{新質生產力}",
        "journal": "政策短評",
        "number": "8",
        "year": "2026",
        "month": "nov",
        "day": "5",
        "publisher": "香港中華廠商聯合會政策研究部",
        "url": "https://news.example/e/12/v1",
        "urldate": "2026-11-28",
        "langid": "chinese",
    }


def test_bibtex_escapes_what_tex_would_obey():
    read = read_bibtex(replace(ENTRY, headline=r"5G & 100% \input{x} #1_$ }~^"))

    assert read["title"] == (
        r"{5G \& 100\% {\textbackslash}input{\textbraceleft}x{\textbraceright} "
        r"\#1\_\$ {\textbraceright}{\textasciitilde}{\textasciicircum}}"
    )


@given(st.text(max_size=60))
def test_whatever_the_headline_bibtex_stays_one_record(headline):
    assert set(read_bibtex(replace(ENTRY, headline=headline))) >= {"author", "title", "url"}


def test_ris_has_every_tag():
    assert read_ris() == {
        "type_of_reference": "JOUR",
        "authors": ["陳大文", "李小明"],
        "title": "新質生產力",
        "secondary_title": "政策短評",
        "number": "8",
        "year": "2026",
        "date": "2026/11/05/",
        "publisher": "香港中華廠商聯合會政策研究部",
        "abstract": "導言第一段。 第二段。",
        "keywords": ["創科"],
        "urls": ["https://news.example/e/12/v1"],
        "access_date": "2026/11/28/",
        "language": "zh-Hant-HK",
        "id": "entry12v1",
    }


def test_ris_begins_with_its_type_and_ends_with_its_end():
    lines = write_ris(ENTRY, EDITION, accessed=SEEN).split("\r\n")

    assert lines[0] == "TY  - JOUR"
    assert lines[-2:] == ["ER  - ", ""]


@given(st.text(max_size=60))
def test_whatever_the_lead_ris_stays_one_record_of_one_line_a_tag(lead):
    written = write_ris(replace(ENTRY, lead=(lead,)), EDITION, accessed=SEEN)

    lines = written.removesuffix("\r\n").splitlines()
    assert all(line[:6].isascii() and line[2:6] == "  - " for line in lines)
    assert [line for line in lines if line.startswith("ER")] == ["ER  - "]


# ----------------------------------------------------------------------------------- on the site
@pytest.mark.django_db
def test_an_entrys_page_tells_how_to_cite_it(client):
    entry = make_published({"headline": "甲題"}, number=8).entries.get()

    page = client.get("/entries/甲題/").text

    assert "<summary>引用本文</summary>" in page
    assert "甲題[J/OL]. 政策短評, 2026(8)[" in page
    assert f"https://news.example/e/{entry.pk}/v1" in page


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("ending", "kind", "beginning"),
    [
        ("bib", "application/x-bibtex; charset=utf-8", "@article{entry"),
        ("ris", "application/x-research-info-systems; charset=utf-8", "TY  - JOUR\r\n"),
    ],
)
def test_a_record_is_downloaded(ending, kind, beginning, client):
    entry = make_published({"headline": "甲題"}).entries.get()

    answer = client.get(f"/entries/甲題.{ending}")

    assert answer["Content-Type"] == kind
    assert answer["Content-Disposition"] == f'attachment; filename="entry{entry.pk}v1.{ending}"'
    assert answer.text.startswith(beginning)


@pytest.mark.django_db
@pytest.mark.parametrize("ending", ["bib", "ris"])
def test_there_is_no_record_of_what_the_public_may_not_read(ending, client):
    make_published({"headline": "甲題"}, audience=Audience.MEMBERS)
    withdraw_edition(make_published({"headline": "乙題"}))

    assert client.get(f"/entries/甲題.{ending}").status_code == 404
    assert client.get(f"/entries/乙題.{ending}").status_code == 410
