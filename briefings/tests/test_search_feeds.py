"""Any search, to subscribe to."""

import time
from datetime import date

import feedparser
import pytest

from briefings.models import Audience, GlossaryTerm, SearchMiss, Theme, Wording
from briefings.tests.makers import make_published

pytestmark = pytest.mark.django_db

KINDS = ["atom", "rss", "json"]


@pytest.fixture(autouse=True)
def published(settings):
    settings.SITE_URL = "https://news.example"
    make_published({"headline": "舊港口", "themes": ["航運"]}, date=date(2025, 5, 1), number=1)
    make_published({"headline": "新港口"}, {"headline": "別的"}, date=date(2026, 5, 1), number=2)


def list_titles(client, kind: str, **query: str | int) -> list[str]:
    answer = client.get(f"/feeds/search/{kind}/", query)
    assert answer.status_code == 200
    if kind == "json":
        return [item["title"] for item in answer.json()["items"]]
    return [entry.title for entry in feedparser.parse(answer.content).entries]


@pytest.mark.parametrize("kind", KINDS)
def test_it_holds_what_the_search_finds_the_newest_first(kind, client):
    assert list_titles(client, kind, q="港口") == ["新港口", "舊港口"]


@pytest.mark.parametrize("kind", KINDS)
def test_it_keeps_to_the_filters(kind, client):
    assert list_titles(client, kind, q="港口", year=2025) == ["舊港口"]
    assert list_titles(client, kind, q="港口", theme=Theme.objects.get().slug) == ["舊港口"]


def test_it_understands_other_wordings_as_the_search_page_does(client):
    term = GlossaryTerm.objects.create(name="碼頭")
    Wording.objects.create(term=term, text="港口")

    assert list_titles(client, "atom", q="碼頭") == ["新港口", "舊港口"]


def test_it_says_what_it_is_of(client):
    feed = feedparser.parse(client.get("/feeds/search/atom/?q=港口&year=2025").content).feed

    assert feed.title == "政策短評：搜尋「港口」，2025年"
    assert feed.link == "https://news.example/search/?q=%E6%B8%AF%E5%8F%A3&year=2025"


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_public_may_not_read_is_not_in_it(kind, client):
    make_published({"headline": "會員港口"}, audience=Audience.MEMBERS)

    assert "會員港口" not in list_titles(client, kind, q="港口")


def test_what_a_reader_program_asks_for_in_vain_is_no_missed_search(client):
    assert list_titles(client, "atom", q="沒有這個") == []
    assert not SearchMiss.objects.exists()


@pytest.mark.parametrize(
    "query", ["", "q=", "q=，。！", "q=%00", "q=港口&year=x", "q=港口&theme=無", "q=%F0%9F%98%80"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_there_is_no_feed_of_what_is_no_search(kind, query, client):
    assert client.get(f"/feeds/search/{kind}/?{query}").status_code == 404


@pytest.mark.parametrize("query", ["港" * 10_000, "港口 " * 3000, "\x1f港口\x0b", "q[]=港口"])
@pytest.mark.parametrize("kind", KINDS)
def test_odd_queries_get_a_clear_answer(kind, query, client):
    assert client.get(f"/feeds/search/{kind}/", {"q": query}).status_code in (200, 404)


def test_it_costs_as_many_queries_whatever_it_finds(client, django_assert_num_queries):
    for day in range(1, 9):
        make_published({"headline": f"港口{day}", "themes": ["航運"]}, date=date(2026, 6, day))

    client.get("/feeds/search/atom/?q=港口")  # what a process keeps in memory is then there

    with django_assert_num_queries(8):
        client.get("/feeds/search/atom/?q=港口")


def test_the_search_page_names_its_feeds(client):
    page = client.get("/search/?q=港口&year=2025&sort=newest").text

    address = "/feeds/search/atom/?q=%E6%B8%AF%E5%8F%A3&amp;year=2025"
    assert f'title="搜尋「港口」（Atom）" href="{address}">' in page
    assert f'<a href="{address}">Atom</a>' in page


def test_a_search_page_without_a_search_names_none(client):
    assert "/feeds/search/" not in client.get("/search/").text
    assert "/feeds/search/" not in client.get("/search/?q=港口&year=x").text


def test_a_feed_without_entries_stays_the_same_until_it_has_one(client):
    addresses = [f"/feeds/search/{kind}/?q=無人提過" for kind in KINDS]
    before = [client.get(address) for address in addresses]
    time.sleep(1.1)  # feeds tell time in seconds
    after = [client.get(address) for address in addresses]

    assert [answer.content for answer in after] == [answer.content for answer in before]
    for address, answer in zip(addresses, before, strict=True):
        again = client.get(address, headers={"if-none-match": answer["ETag"]})
        assert again.status_code == 304
