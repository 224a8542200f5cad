"""What the public may not read is in no page, count, filter, feed, sitemap or PDF."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from briefings.contexts import describe_edition
from briefings.models import Audience, Edition, Entry, State
from briefings.publishing import withdraw_edition
from briefings.tests.makers import make_draft, make_entry, make_published

pytestmark = pytest.mark.django_db

# Every address made of it is ASCII too, so that one look finds it in text and in links.
SECRET = {
    "headline": "hush",
    "lead": "hush",
    "body": "<p>hush 共同</p>",
    "themes": ["hush", "共同"],
}
SECRET_DAY = date(2031, 1, 1)
OWN_ADDRESSES = ["/editions/2031-01-01/", "/editions/2031-01-01.pdf", "/entries/hush/"]


def make_withdrawn() -> Edition:
    edition = make_published(SECRET, date=SECRET_DAY)
    withdraw_edition(edition)
    return edition


HIDDEN_EDITIONS = {
    "draft": lambda: make_draft(SECRET, date=SECRET_DAY),
    "withdrawn": make_withdrawn,
    "members only": lambda: make_published(SECRET, date=SECRET_DAY, audience=Audience.MEMBERS),
    "members first": lambda: make_published(
        SECRET,
        date=SECRET_DAY,
        audience=Audience.MEMBERS,
        public_from=timezone.now() + timedelta(days=1),
    ),
}


@pytest.fixture
def public() -> Edition:
    return make_published({"headline": "公開短評", "body": "<p>共同</p>", "themes": ["共同"]})


@pytest.fixture(params=HIDDEN_EDITIONS)
def hidden(request, public) -> Edition:
    return HIDDEN_EDITIONS[request.param]()


@pytest.fixture
def unpublished_entry(public) -> Entry:
    """Written into an edition that is out already."""
    return make_entry(public, position=9, **SECRET)


def read(client, path: str) -> str:
    return b"".join(client.get(path)).decode()


SHARED_PATHS = [
    "/",
    "/editions/",
    "/editions/2026-11-20/",
    "/entries/公開短評/",
    "/themes/",
    "/themes/共同/",
    "/search/?q=共同",
    "/feeds/atom/",
    "/feeds/rss/",
    "/feeds/json/",
    "/feeds/themes/共同/atom/",
    "/feeds/themes/共同/rss/",
    "/feeds/themes/共同/json/",
    "/sitemap.xml",
]


@pytest.mark.parametrize("path", SHARED_PATHS)
def test_a_hidden_edition_leaves_no_trace(path, hidden, client):
    page = read(client, path)

    assert "共同" in page or "公開" in page or "2026-11-20" in page
    assert "hush" not in page
    assert "2031" not in page


@pytest.mark.parametrize("path", SHARED_PATHS)
def test_an_entry_not_yet_published_leaves_no_trace_in_its_edition(path, unpublished_entry, client):
    page = read(client, path)

    assert "hush" not in page


@pytest.mark.parametrize(
    "path",
    [
        "/editions/2031-01-01/",
        "/editions/2031-01-01.pdf",
        "/editions/?year=2031",
        "/entries/hush/",
        "/themes/hush/",
        "/feeds/themes/hush/atom/",
        "/feeds/themes/hush/rss/",
        "/feeds/themes/hush/json/",
    ],
)
def test_a_hidden_editions_own_addresses_do_not_exist(path, hidden, client):
    response = client.get(path)

    # Of what the public had read its own addresses say that it was withdrawn: test_withdrawal.py.
    had_been_read = hidden.state == State.WITHDRAWN and path in OWN_ADDRESSES
    assert response.status_code == (410 if had_been_read else 404)
    assert "hush" not in response.content.decode()


@pytest.mark.parametrize("path", ["/entries/hush/", "/themes/hush/"])
def test_an_unpublished_entrys_own_addresses_do_not_exist(path, unpublished_entry, client):
    response = client.get(path)

    assert response.status_code == 404


def test_search_counts_and_filters_know_nothing_of_a_hidden_edition(hidden, client):
    context = client.get("/search/", {"q": "共同"}).context

    assert context["page_obj"].paginator.count == 1
    assert [(theme.name, found) for theme, found in context["themes"]] == [("共同", 1)]
    assert context["years"] == [(2026, 1)]


def test_search_for_a_hidden_editions_words_finds_nothing(hidden, client):
    context = client.get("/search/", {"q": "hush"}).context

    assert context["page_obj"].paginator.count == 0
    assert (list(context["themes"]), context["years"]) == ([], [])


def test_theme_counts_are_of_public_entries_only(hidden, client):
    themes = client.get("/themes/").context["themes"]

    assert [(theme.name, count) for theme, count in themes] == [("共同", 1)]


def test_page_and_pdf_of_a_published_edition_are_without_its_unpublished_entries(unpublished_entry):
    described = describe_edition(unpublished_entry.edition)

    assert [entry.headline for entry in described.entries] == ["公開短評"]


def test_a_members_first_edition_is_public_once_its_time_has_come(client):
    an_hour_ago = timezone.now() - timedelta(hours=1)
    make_published({"headline": "先會員"}, audience=Audience.MEMBERS, public_from=an_hour_ago)

    page = read(client, "/entries/先會員/")

    assert "先會員" in page
