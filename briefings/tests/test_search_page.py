from datetime import date

import pytest
from django.db import OperationalError
from django.utils.html import strip_tags

from briefings import hooks, views
from briefings.finding import Chosen
from briefings.models import Audience, GlossaryTerm, SearchMiss, Theme
from briefings.publishing import withdraw_edition
from briefings.tests.makers import make_draft, make_published

pytestmark = pytest.mark.django_db


def search(client, **parameters):
    return client.get("/search/", parameters).context


def found(context) -> list[str]:
    return [strip_tags(hit.headline) for hit in context["hits"]]


@pytest.mark.parametrize("query", ["新質生產力", "新质生产力", "新 質生產力", "「新質生產力」"])
def test_a_phrase_is_found_in_whatever_form_it_is_typed(query, client):
    make_published({"headline": "一篇", "body": "<p>論新質生產力。</p>"}, {"headline": "別的"})

    assert found(search(client, q=query)) == ["一篇"]


def test_matches_are_marked_as_they_stand_in_the_text(client):
    make_published({"headline": "臺灣之行", "body": "<p>經臺灣海峽。</p>"})

    page = client.get("/search/", {"q": "台湾"}).content.decode()

    assert "<mark>臺灣</mark>之行" in page
    assert "經<mark>臺灣</mark>海峽" in page


def test_what_was_typed_and_what_was_found_are_escaped(client):
    make_published({"headline": "a<b>c 要點", "body": "<p>要點 &lt;script&gt;</p>"})

    page = client.get("/search/", {"q": '要點 "><script>'}).content.decode()

    assert "<script" not in page
    assert "<b>" not in page


def test_filters_narrow_by_theme_and_year(client):
    make_published({"headline": "甲二三", "themes": ["甲"]}, date=date(2023, 1, 1))
    make_published(
        {"headline": "甲二六", "themes": ["甲"]}, {"headline": "乙二六", "themes": ["乙"]}
    )

    assert found(search(client, q="正文", theme="甲", year="2026")) == ["甲二六"]


def test_each_filter_counts_what_choosing_it_would_show(client):
    make_published({"themes": ["甲"]}, date=date(2023, 1, 1))
    make_published({"themes": ["甲"]}, {"themes": ["乙"]}, date=date(2026, 1, 1))

    context = search(client, q="正文", theme="甲", year="2026")

    assert {theme.name: found for theme, found in context["themes"]} == {"甲": 1, "乙": 1}
    assert context["years"] == [(2026, 1), (2023, 1)]


def test_the_total_is_exact_and_results_come_in_pages(client):
    for day in range(1, 24):
        make_published(date=date(2026, 1, day))

    context = search(client, q="正文", page="2")

    assert context["page_obj"].paginator.count == 23
    assert len(context["hits"]) == 3


def test_links_to_further_pages_keep_query_and_filters(client):
    for day in range(1, 23):
        make_published({"themes": ["甲"]}, date=date(2026, 1, day))

    page = client.get("/search/", {"q": "正文", "theme": "甲"}).content.decode()

    assert "?q=%E6%AD%A3%E6%96%87&amp;theme=%E7%94%B2&amp;page=2" in page


def test_a_search_without_result_offers_help(client):
    page = client.get("/search/", {"q": "無此一物"}).content.decode()

    assert "沒有短評提到「無此一物」" in page
    assert 'href="/themes/"' in page


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", ["正文舊", "新一", "新二", "更舊"]),
        ("newest", ["新一", "新二", "正文舊", "更舊"]),
        ("oldest", ["更舊", "正文舊", "新一", "新二"]),
    ],
)
def test_the_reader_chooses_the_order(sort, order, client):
    make_published({"headline": "更舊"}, date=date(2023, 1, 1))
    make_published({"headline": "正文舊"}, date=date(2024, 1, 1))
    make_published({"headline": "新一"}, {"headline": "新二"}, date=date(2026, 1, 1))

    assert found(search(client, q="正文", sort=sort)) == order


@pytest.mark.parametrize(
    "parameters",
    [
        {"page": "x"},
        {"sort": "random"},
        {"page": "-1"},
        {"page": "99999999999999999999"},
        {"theme": "沒有"},
        {"theme": "a b'\"\0"},
        {"year": "二零"},
        {"year": "99999999999999999999"},
        {"year": "-5"},
    ],
)
def test_a_parameter_that_makes_no_sense_is_left_out(parameters, client):
    make_published({"headline": "一篇"})

    context = search(client, q="正文", **parameters)

    assert found(context) == ["一篇"]


@pytest.mark.parametrize("query", ["\0", "。", '"', "*", " ", "「」", "a\0b", "NEAR(", "字" * 5000])
def test_nothing_typed_is_an_error(query, client):
    make_published()

    response = client.get("/search/", {"q": query})

    assert response.status_code == 200


def test_an_unknown_theme_is_named_as_such(client):
    page = client.get("/search/", {"q": "正文", "theme": "沒有"}).content.decode()

    assert "沒有這個政策主題。" in page


def test_a_theme_nobody_wrote_about_is_no_filter(client):
    Theme.objects.create(name="空題", slug="空題")

    assert search(client, q="正文", theme="空題")["theme"] is None


def test_search_results_are_not_for_search_engines(client):
    page = client.get("/search/", {"q": "正文"}).content.decode()

    assert '<meta name="robots" content="noindex, follow">' in page


# ------------------------------------------------------------------------------- other wordings
@pytest.fixture
def mpf() -> GlossaryTerm:
    term = GlossaryTerm.objects.create(name="強制性公積金計劃")
    for text in ("強積金", "MPF"):
        term.wordings.create(text=text)
    return term


@pytest.mark.parametrize("typed", ["MPF", "强积金", "強制性公積金計劃"])
def test_one_wording_finds_the_others_and_marks_them(typed, client, mpf):
    make_published({"headline": "論強積金"}, {"headline": "MPF與強制性公積金計劃"})

    page = client.get("/search/", {"q": typed}).content.decode()

    assert "論<mark>強積金</mark>" in page
    assert "<mark>MPF</mark>與<mark>強制性公積金計劃</mark>" in page


def test_the_page_tells_what_else_it_looked_for_and_offers_the_typed_words_alone(client, mpf):
    make_published({"headline": "論強積金"}, {"headline": "論MPF"})

    page = client.get("/search/", {"q": "MPF"}).content.decode()
    exact = search(client, q='"MPF"')

    assert "亦尋找：<span>強制性公積金計劃、強積金</span>" in page
    assert 'href="?q=%22MPF%22"' in page
    assert found(exact) == ["論MPF"]
    assert exact["query"].also == ()


def test_a_search_without_result_tells_the_other_wordings_too(client, mpf):
    page = client.get("/search/", {"q": "MPF"}).content.decode()

    assert "亦尋找：" in page


@pytest.mark.parametrize("typed", ["粵港澳大灣區", "粤港澳大湾区", "GBA", "ｇｂａ"])
def test_the_name_or_alias_of_a_theme_offers_its_page(typed, client):
    make_published({"themes": ["粵港澳大灣區"]})
    theme = Theme.objects.get()
    theme.aliases.create(name="GBA")

    page = client.get("/search/", {"q": typed}).content.decode()

    assert f'政策主題：<a href="{theme.get_absolute_url()}">粵港澳大灣區</a>' in page


def test_a_theme_is_offered_by_another_wording_of_its_name_in_the_glossary(client, mpf):
    make_published({"themes": ["強積金"]})

    assert search(client, q="mpf")["named_theme"].name == "強積金"
    assert search(client, q="mpf 正文")["named_theme"] is None


# --------------------------------------------------------------------- what nobody may see yet
@pytest.fixture(params=["draft", "members", "withdrawn"])
def hidden(request) -> str:
    """A word that only an entry has which the public may not read, and its theme's alias."""
    entry = {
        "headline": "機密",
        "lead": "機密導言",
        "body": "<p>機密正文</p>",
        "themes": ["機密主題"],
    }
    if request.param == "draft":
        make_draft(entry)
    else:
        audience = Audience.MEMBERS if request.param == "members" else Audience.PUBLIC
        edition = make_published(entry, audience=audience, date=date(2019, 1, 1))
        if request.param == "withdrawn":
            withdraw_edition(edition)
    Theme.objects.get(name="機密主題").aliases.create(name="別稱")
    return "機密"


@pytest.mark.parametrize("typed", ["機密", "機密 正文", "別稱", "機密主題", "正文"])
def test_what_the_public_may_not_read_leaves_no_trace_in_a_search(typed, client, hidden):
    make_published({"headline": "別的", "body": "<p>正文</p>"})

    context = search(client, q=typed)
    page = client.get("/search/", {"q": typed}).content.decode()

    assert context["page_obj"].paginator.count == len(context["hits"]) <= 1
    assert list(context["themes"]) == []
    assert context["years"] in ([], [(2026, 1)])
    assert (context["named_theme"], context["query"].also) == (None, ())
    assert hidden not in page.replace(typed, "")


# -------------------------------------------------------------------------- what nobody wrote of
def misses() -> list[tuple[str, int]]:
    return list(SearchMiss.objects.values_list("text", "count"))


def test_a_search_that_finds_nothing_is_counted(client):
    client.get("/search/", {"q": " 碳關稅 "})
    client.get("/search/", {"q": "碳关税"})

    assert misses() == [("碳關稅", 2)]


@pytest.mark.parametrize(
    "parameters",
    [
        {"q": "正文"},
        {"q": "。"},
        {"q": ""},
        {"q": "碳關稅", "year": "2020"},
        {"q": "碳關稅", "page": "2"},
        {"q": "chan@example.com"},
    ],
)
def test_other_searches_are_not_counted(parameters, client):
    make_published()

    client.get("/search/", parameters)

    assert misses() == []


def test_a_search_that_can_not_be_counted_is_answered_all_the_same(client, monkeypatch):
    def refuse(*args: object) -> None:
        raise OperationalError("attempt to write a readonly database")

    monkeypatch.setattr("briefings.search.misses._count_up", refuse)

    assert client.get("/search/", {"q": "碳關稅"}).status_code == 200
    assert misses() == []


def test_a_text_far_too_long_is_refused_and_not_repeated_in_each_facet(client):
    make_published({"themes": ["甲", "乙"]})

    answer = client.get("/search/", {"q": '正文 "' * 1000})

    assert answer.context["form"].errors["q"]
    assert not answer.context.get("themes")


def test_who_else_tells_of_what_a_search_finds_is_handed_all_that_was_chosen(client, monkeypatch):
    make_published({"headline": "甲", "themes": ["稅務"]}, date=date(2026, 1, 1))
    follower = hooks.SearchFollower("另以鴿子送信", lambda text: f"/pigeon/?{text}")
    monkeypatch.setattr(views.search, "search_followers", [follower])

    page = client.get("/search/", {"q": "正文 <b>", "theme": "稅務", "year": "2026"}).text

    words = "正文 &lt;b&gt; theme:&quot;稅務&quot; year:&quot;2026&quot;"
    assert f'<a href="/pigeon/?{words}">另以鴿子送信</a>' in page


def test_a_filter_that_was_chosen_finds_the_same_when_it_is_typed(client):
    make_published({"headline": "甲", "themes": ["稅務"]}, date=date(2026, 1, 1))
    make_published({"headline": "乙", "themes": ["稅務 二"]}, date=date(2025, 1, 1))
    chosen = Chosen(Theme.objects.get(name="稅務"), 2026)

    assert found(search(client, q=f"正文 {chosen.text_to_type}")) == ["甲"]
