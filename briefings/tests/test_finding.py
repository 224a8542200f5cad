"""Queries with operators, on the search page."""

from datetime import date

import pytest
from django.utils.html import strip_tags

from briefings.finding import suggest
from briefings.models import Audience, Author, Byline, Entry, Theme, ThemeAlias
from briefings.search.query import parse_query
from briefings.tests.makers import make_draft, make_published

pytestmark = pytest.mark.django_db


def search(client, q: str, **parameters):
    return client.get("/search/", {"q": q, **parameters})


def found(answer) -> set[str]:
    return {strip_tags(hit.headline) for hit in answer.context["hits"]}


def sign(headline: str, name: str, post: str = "") -> None:
    author, _ = Author.objects.get_or_create(name=name, post=post)
    Byline.objects.create(entry=Entry.objects.get(headline=headline), author=author)


@pytest.fixture
def archive():
    make_published(
        {"headline": "甲", "body": "<p>關稅與汽車。</p>", "themes": ["國際貿易"]},
        {"headline": "乙", "body": "<p>關稅與船。</p>", "themes": ["創新科技"]},
        date=date(2023, 5, 1),
    )
    make_published(
        {"headline": "丙", "body": "<p>貿易戰與汽車。</p>", "themes": ["國際貿易"]},
        date=date(2025, 5, 1),
    )
    ThemeAlias.objects.create(theme=Theme.objects.get(name="創新科技"), name="創科")
    sign("甲", "陳大文", "主任")
    sign("丙", "陳大文")
    sign("乙", "Lee Ka Yan")


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("關稅", {"甲", "乙"}),
        ("關稅 OR 貿易戰", {"甲", "乙", "丙"}),
        ("关税 或 贸易战 汽車", {"甲", "丙"}),
        ("關稅 -汽車", {"乙"}),
        ("汽車 -「貿易 戰」", {"甲"}),
        ("汽車 -關稅 -船", {"丙"}),
        ("汽車 year:2023", {"甲"}),
        ("汽車 年份：2024-2026", {"丙"}),
        ("汽車 -year:2023", {"丙"}),
        ("theme:創科", {"乙"}),
        ("主題：国际贸易", {"甲", "丙"}),
        ("關稅 -theme:貿易", {"乙"}),
        ("author:陳大文", {"甲", "丙"}),
        ('author:"lee ka yan"', {"乙"}),
        ("theme:國際貿易 author:陳大文 year:2025", {"丙"}),
        ("year:1999", set()),
    ],
)
def test_operators(typed, expected, client):
    assert found(search(client, typed)) == expected


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("稅 theme:不存在", "沒有叫「不存在」的政策主題。"),
        ("稅 author:無名氏", "沒有叫「無名氏」的作者。"),
        ("稅 year:去年", "「去年」不是年份"),
        ("-關稅", "不能只有要排除的"),
    ],
)
def test_what_names_nothing_is_told(typed, told, client):
    answer = search(client, typed)

    assert told in answer.content.decode()
    assert not found(answer)


@pytest.mark.usefixtures("archive")
def test_entries_of_a_theme_that_was_asked_for_come_before_those_that_lead_with_it(client):
    make_published(
        {"headline": "丁", "lead": "國際貿易。"},
        {"headline": "戊", "body": "<p>國際貿易。</p>", "themes": ["國際貿易"]},
        {"headline": "國際貿易"},
    )

    hits = search(client, "國際貿易").context["hits"]

    assert [strip_tags(hit.headline) for hit in hits] == ["國際貿易", "戊", "丁"]


def test_a_theme_of_several_english_words_is_asked_for_too(client):
    make_published(
        {"headline": "甲", "lead": "Greater Bay Area。"},
        {"headline": "乙", "body": "<p>greater bay area</p>", "themes": ["Greater Bay Area"]},
    )

    hits = search(client, "greater bay area").context["hits"]

    assert [strip_tags(hit.headline) for hit in hits] == ["乙", "甲"]
    assert found(search(client, "theme:greaterbayarea")) == {"乙"}


@pytest.mark.usefixtures("archive")
def test_authors_are_counted_and_chosen(client):
    answer = search(client, "汽車 OR 船")

    assert list(answer.context["authors"]) == [("陳大文", 2), ("Lee Ka Yan", 1)]
    assert found(search(client, "汽車 OR 船", author="陳大文")) == {"甲", "丙"}


def test_nobody_is_known_by_what_the_public_may_not_read(client):
    make_draft({"headline": "草稿"})
    make_published({"headline": "會員文"}, audience=Audience.MEMBERS)
    sign("草稿", "王草稿")
    sign("會員文", "王會員")
    make_published({})

    for typed in ("author:王", "正文 author:王會員", "正文"):
        answer = search(client, typed)
        assert not found(answer) & {"草稿", "會員文"}
        assert not answer.context["authors"] or typed == "正文"
    assert "沒有這位作者。" in search(client, "正文", author="王會員").content.decode()
    assert "沒有叫「王會員」的作者。" in search(client, "author:王會員").content.decode()


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("關稅與汽車零件", [("關稅與汽車", 1)]),
        ("新關稅與船", [("關稅與船", 1)]),
        ("船 貿易戰", [("貿易戰", 1), ("船", 1)]),
        ("關稅 year:1999", [("關稅", 2)]),
        ("完全沒有", []),
    ],
)
def test_who_finds_nothing_is_offered_what_would_find_something(typed, suggested, client):
    answer = search(client, typed)

    assert [tuple(s) for s in answer.context["suggestions"]] == suggested
    for text, answers in suggested:
        assert search(client, text).context["page_obj"].paginator.count == answers


@pytest.mark.usefixtures("archive")
def test_near_themes_are_offered(client):
    page = search(client, "科技園創新獎").content.decode()

    assert "相近的政策主題" in page
    assert "創新科技" in page


def test_suggesting_asks_a_bounded_number_of_times():
    asked = []

    suggest(parse_query("稅" * 200), lambda text: asked.append(text) or 0)

    assert len(asked) < 25


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize("typed", ["關稅 -汽車 OR 船 theme:貿易 author:陳", "沒有這個 詞語 year:x"])
def test_a_search_costs_a_bounded_number_of_queries(typed, client, django_assert_max_num_queries):
    with django_assert_max_num_queries(40):
        search(client, typed)
