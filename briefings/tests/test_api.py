"""The archive for programs."""

import re
from datetime import date, datetime, timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from briefings.corrections import correcting
from briefings.models import Audience, Author, Byline, Entry, Source, Theme
from briefings.models.themes import FormerThemeAddress
from briefings.publishing import withdraw_edition, withdraw_entry
from briefings.tests.makers import make_draft, make_published

pytestmark = pytest.mark.django_db
BODY = '<p>撥款三億元<span role="note">立法會文件</span>。</p>'


@pytest.fixture(autouse=True)
def site(settings):
    settings.SITE_URL = "https://news.example"
    cache.clear()


@pytest.fixture
def ask(client):
    def ask(address: str, status: int = 200, **headers):
        answer = client.get(f"/api/v1/{address}", headers=headers)
        assert answer.status_code == status, answer.content.decode()
        return answer.json()

    return ask


def make_full_entry() -> Entry:
    edition = make_published({"headline": "撥款", "body": BODY, "themes": ["創科"]}, number=91)
    entry = edition.entries.get()
    Byline.objects.create(entry=entry, author=Author.objects.create(name="陳大文", post="主任"))
    Source.objects.create(entry=entry, title="預算案", published_on=date(2026, 2, 25))
    return entry


# ------------------------------------------------------------------------------------ what it says
def test_it_starts_with_the_addresses_of_all_there_is(ask):
    start = ask("")

    addresses = [value for name, value in start.items() if name.endswith("_url")]
    assert len(addresses) == 7
    assert all(address.startswith("https://news.example/api/") for address in addresses)


def test_an_entry_is_told_as_html_and_as_text(ask):
    make_full_entry()

    entry = ask("entries/撥款")

    assert entry["body_text"] == "撥款三億元。\n立法會文件"
    assert entry["body_html"].startswith("<p>撥款三億元<sup ")
    assert entry["notes"] == [{"number": 1, "html": "立法會文件", "text": "立法會文件"}]


def test_an_entry_has_its_authors_sources_themes_and_addresses(ask):
    make_full_entry()

    entry = ask("entries/撥款")

    assert entry["authors"] == [{"name": "陳大文", "post": "主任"}]
    assert entry["sources"][0]["published_on"] == "2026-02-25"
    assert entry["themes"][0]["name"] == "創科"
    assert entry["url"] == "https://news.example/entries/%E6%92%A5%E6%AC%BE/"
    assert entry["edition"]["pdf_url"] == "https://news.example/editions/2026-11-20.pdf"


def test_times_carry_their_zone(ask):
    make_full_entry()

    published = datetime.fromisoformat(ask("entries/撥款")["published_at"])

    assert published.utcoffset() == timedelta(hours=8)


def test_a_correction_is_told_and_what_it_changed(ask):
    entry = make_full_entry()
    with correcting(entry, note="數字有誤。", by=None):
        Entry.objects.get(pk=entry.pk).save()
        row = Entry.objects.get(pk=entry.pk)
        row.body = BODY.replace("三億", "三十億")
        row.save()

    made = ask("entries/撥款")["corrections"]

    assert [(one["note"], one["parts"]) for one in made] == [("數字有誤。", ["短評"])]


def test_an_edition_has_its_entries_in_order_and_the_places_of_the_withdrawn(ask):
    edition = make_published({"headline": "甲"}, {"headline": "乙"}, {"headline": "丙"}, number=91)
    withdraw_entry(edition.entries.get(headline="乙"), note="資料有誤。")

    told = ask("editions/2026-11-20")

    assert [(entry["number"], entry["headline"]) for entry in told["entries"]] == [
        (1, "甲"),
        (3, "丙"),
    ]
    assert [(gap["number"], gap["note"]) for gap in told["withdrawn"]] == [(2, "資料有誤。")]
    assert told["label"] == "第91期"


def test_search_finds_what_the_page_finds(ask):
    make_full_entry()
    make_published({"headline": "其他"}, date=date(2025, 3, 1))

    found = ask("search?q=拨款三亿")

    assert found["total"] == 1
    assert "<mark>撥款三億</mark>" in found["items"][0]["snippet_html"]
    assert found["themes"] == [{"slug": "創科", "name": "創科", "entries": 1}]
    assert found["years"] == [{"year": 2026, "entries": 1}]


def test_a_search_tells_what_it_made_of_the_words(ask):
    make_full_entry()

    found = ask("search?q=撥款+author:無名氏")

    assert (found["total"], found["unknown"]) == (0, ['author:"無名氏"'])
    assert ask("search?q=撥款")["authors"] == [{"name": "陳大文", "entries": 1}]
    assert ask("search?q=撥款&author=陳大文")["total"] == 1
    assert ask("search?q=撥款&author=陳小文")["total"] == 0
    assert ask(f"search?q={'撥' * 300}")["is_cut"]


def test_a_phrase_is_traced(ask):
    make_published({"body": "<p>先說關稅。关税再說。</p>"}, {}, date=date(2025, 8, 1))
    make_published({"headline": "關稅"}, date=date(2026, 2, 1))

    history = ask("phrases?q=关税&size=2&by=quarter")

    assert (history["entries"], history["total"], history["pages"]) == (2, 3, 2)
    assert (history["first"]["before"], history["first"]["match"]) == ("先說", "關稅")
    assert [one["match"] for one in history["items"]] == ["關稅", "关税"]
    assert [
        (p["year"], p["quarter"], p["entries"], p["occurrences"], p["published"])
        for p in history["periods"]
    ] == [(2025, 3, 1, 2, 2), (2025, 4, 0, 0, 0), (2026, 1, 1, 1, 1)]
    assert ask("phrases?q=无人提过")["first"] is None


def test_a_search_without_a_word_finds_nothing(ask):
    make_full_entry()

    assert ask("search?q=！")["items"] == []
    assert ask("phrases?q=！")["items"] == []


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("theme=創科", ["甲"]),
        ("year=2025", ["丙"]),
        ("edition=2026-11-20", ["甲", "乙"]),
        ("theme=創科&year=2025", []),
    ],
)
def test_entries_are_filtered(ask, filters, found):
    make_published({"headline": "甲", "themes": ["創科"]}, {"headline": "乙"})
    make_published({"headline": "丙"}, date=date(2025, 3, 1))

    assert [entry["headline"] for entry in ask(f"entries?{filters}")["items"]] == found


def test_editions_are_filtered_by_year(ask):
    make_published()
    make_published(date=date(2025, 3, 1))

    assert [edition["slug"] for edition in ask("editions?year=2025")["items"]] == ["2025-03-01"]


def test_a_renamed_theme_sends_on(client):
    make_full_entry()
    FormerThemeAddress.objects.create(theme=Theme.objects.get(), slug="科創")

    answer = client.get("/api/v1/themes/科創")

    assert answer.status_code == 301
    assert answer["Location"] == "https://news.example/api/v1/themes/%E5%89%B5%E7%A7%91"


# ------------------------------------------------------------------------------------------- paging
def test_pages_lead_to_each_other_and_their_total_is_exact(ask):
    make_published(*({"headline": f"短評{number}"} for number in range(5)))

    first = ask("entries?size=2")
    second = ask(first["next"].removeprefix("https://news.example/api/v1/"))

    assert (first["total"], first["pages"], first["previous"]) == (5, 3, None)
    assert [entry["headline"] for entry in second["items"]] == ["短評2", "短評3"]
    assert second["previous"] == "https://news.example/api/v1/entries?size=2&page=1"


def test_there_is_no_page_after_the_last(ask):
    make_published()

    assert ask("entries?page=2", status=404)["detail"] == "沒有第 2 頁，共 1 頁。"


# ------------------------------------------------------------------------------------- who may read
def test_nothing_closed_is_told(ask, client):
    closed = {"headline": "密件", "lead": "密件", "body": "<p>密件</p>", "themes": ["密件"]}
    make_published()
    make_draft(closed, date=date(2026, 1, 1))
    make_published(closed, audience=Audience.MEMBERS, date=date(2026, 1, 2))
    later = timezone.now() + timedelta(days=1)
    make_published(
        closed, audience=Audience.MEMBERS, public_from=later, date=date(2026, 1, 3), number=7
    )

    answers = [
        client.get(f"/api/v1/{address}").content.decode()
        for address in ("", "editions", "entries", "themes", "search?q=密件", "openapi.json")
    ]

    assert not re.search("密件|2026-01-0", "".join(answers))
    assert ask("entries")["total"] == 1
    assert ask("search?q=密件")["total"] == 0
    for address in ("editions/2026-01-02", "entries/密件", "themes/密件", "entries?theme=密件"):
        assert ask(address, status=404)["status"] == 404


@pytest.mark.parametrize("address", ["editions/2026-11-20", "entries/甲"])
def test_what_was_withdrawn_says_when_and_why(ask, address):
    edition = make_published({"headline": "甲", "lead": "不應再見"})
    withdraw_edition(edition, note="資料有誤。")

    problem = ask(address, status=410)

    assert problem["note"] == "資料有誤。"
    assert "撤回了這裏的內容" in problem["detail"]
    assert problem["withdrawn_at"][:10] == timezone.localdate().isoformat()


# ----------------------------------------------------------------------------------- how it answers
def test_an_unchanged_answer_is_not_sent_again(client):
    make_full_entry()
    etag = client.get("/api/v1/entries/撥款")["ETag"]

    again = client.get("/api/v1/entries/撥款", headers={"If-None-Match": etag})

    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == etag


def test_a_renamed_theme_changes_the_answer_that_names_it(client):
    make_full_entry()
    etag = client.get("/api/v1/entries/撥款")["ETag"]
    Theme.objects.update(name="創新科技")

    answer = client.get("/api/v1/entries/撥款", headers={"If-None-Match": etag})

    assert answer.status_code == 200


def test_an_answer_says_when_its_text_last_changed_and_may_not_be_used_unasked(client):
    make_full_entry()

    answer = client.get("/api/v1/entries/撥款")

    assert answer["Last-Modified"].endswith("GMT")
    assert answer["Cache-Control"] == "no-cache"


def test_any_sites_page_may_read_it_and_no_other_address(client):
    origin = {"Origin": "https://elsewhere.example"}

    assert client.get("/api/v1/themes", headers=origin)["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in client.get("/themes/", headers=origin)


def test_head_is_answered_like_get(client):
    assert client.head("/api/v1/themes")["ETag"] == client.get("/api/v1/themes")["ETag"]


def test_it_can_only_be_read(client):
    answer = client.post("/api/v1/entries", {"headline": "甲"})

    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD, OPTIONS"
    assert answer["Content-Type"] == "application/problem+json"


def test_who_asks_too_often_waits(client, settings):
    settings.API_RATE = 3

    answers = [client.get("/api/v1/themes", REMOTE_ADDR="203.0.113.5") for _ in range(4)]
    elsewhere = client.get("/api/v1/themes", REMOTE_ADDR="198.51.100.7")

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 0 < int(answers[-1]["Retry-After"]) <= 60
    assert answers[-1].json()["title"] == "Too Many Requests"
    assert elsewhere.status_code == 200


@pytest.mark.parametrize(
    ("address", "name", "reason"),
    [
        ("entries?page=0", "page", "最小為 1。"),
        (f"entries?page={10**30}", "page", "最大為 1000000。"),
        ("entries?page=一", "page", "應為整數。"),
        ("entries?page=1&page=2", "page", "只可填寫一次。"),
        ("entries?size=101", "size", "最大為 100。"),
        ("entries?year[]=2026", "year[]", "沒有這個參數。"),
        ("entries?theme=%00", "theme", "含有不能使用的字元。"),
        ("entries/%00", "slug", "含有不能使用的字元。"),
        ("entries/甲?format=xml", "format", "沒有這個參數。"),
        ("search", "q", "必須填寫。"),
        ("search?q=%00", "q", "含有不能使用的字元。"),
        (f"search?q={'字' * 1001}", "q", "最多 1000 個字元。"),
        ("search?q=字&sort=best", "sort", "沒有這個選項。"),
    ],
)
def test_a_wrong_parameter_is_named(ask, address, name, reason):
    problem = ask(address, status=422)

    assert problem["errors"] == [{"name": name, "reason": reason}]
    assert problem["title"] == "Unprocessable Entity"


@pytest.mark.parametrize("words", ["OR", '"', "-", "🦁", "((((", "a" * 1000, "theme:", "%ff"])
def test_odd_words_are_looked_for_without_a_fault(ask, words):
    make_published()

    ask(f"search?q={words}")


def test_an_address_that_is_none_is_a_problem_too(ask):
    assert ask("nothing/here", status=404)["title"] == "Not Found"


# --------------------------------------------------------------------------------- what it costs
@pytest.mark.parametrize(
    ("address", "queries"),
    [("editions", 4), ("editions/2026-11-01", 14), ("entries", 5), ("search?q=正文", 19)],
)
def test_a_longer_answer_asks_no_more_queries(
    client, django_assert_max_num_queries, address, queries
):
    for day in range(1, 6):
        make_published({"themes": ["創科"]}, {"themes": ["北都"]}, date=date(2026, 11, day))

    client.get(f"/api/v1/{address}")  # what a process keeps of the index is in memory, then

    with django_assert_max_num_queries(queries):
        assert client.get(f"/api/v1/{address}").status_code == 200


# ------------------------------------------------------------------------------- what explains it
def test_a_page_explains_every_operation(client):
    document = client.get("/api/v1/openapi.json").json()

    page = client.get("/api/").content.decode()

    assert document["openapi"].startswith("3.1")
    assert all(f"<code>GET {path}</code>" in page for path in document["paths"])


def test_every_page_leads_to_it(client):
    assert '<a href="/api/">API</a>' in client.get("/").content.decode()
