"""A page that is kept is the page that would be made now."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from briefings import hooks, kept_descriptions, kept_pages
from briefings.catalogue import SHOWN_OF_EDITION, open_archive
from briefings.changes import list_watched
from briefings.models import (
    Audience,
    Author,
    Byline,
    Edition,
    Entry,
    Publication,
    Source,
    Theme,
)
from briefings.publishing import publish_edition, withdraw_edition
from briefings.tests.makers import make_draft, make_published
from briefings.views import pages

pytestmark = pytest.mark.django_db

PATHS = ("/", "/editions/", "/editions/2026-11-20/", "/entries/關稅/", "/themes/", "/themes/稅/")


@pytest.fixture
def edition():
    return make_published({"headline": "關稅", "themes": ["稅"]})


@pytest.mark.usefixtures("edition")
@pytest.mark.parametrize("prefix", ["", "/en", "/zh-hans"])
@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_made_once_and_then_costs_one_query(
    client, prefix, path, django_assert_num_queries
):
    made = client.get(prefix + path)

    with django_assert_num_queries(1):
        kept = client.get(prefix + path)

    assert (made.status_code, made.content) == (kept.status_code, kept.content)
    asked = {made.headers.pop("X-Request-ID"), kept.headers.pop("X-Request-ID")}
    assert made.headers == kept.headers
    assert len(asked) == 2


CHANGES = {
    "a headline": lambda: Entry.objects.update(headline="匯率"),
    "a withdrawal": lambda: withdraw_edition(Edition.objects.get(), note="有誤"),
    "a theme's name": lambda: Theme.objects.update(name="財稅"),
    "its description": lambda: Theme.objects.update(description="稅務和收費"),
    "the publication": lambda: Publication.objects.update(name="新名"),
    "an author": lambda: Byline.objects.create(
        entry=Entry.objects.get(), author=Author.objects.create(name="陳大文")
    ),
    "a source": lambda: Source.objects.create(entry=Entry.objects.get(), title="統計月刊"),
    "another edition": lambda: make_published({"headline": "新篇"}, date=date(2026, 11, 27)),
}


@pytest.fixture(params=["", "any=1"], ids=["without a cookie", "with a cookie"])
def reader(request) -> Client:
    """Whose page is kept, or what it shows is."""
    return Client(headers={"Cookie": request.param} if request.param else {})


@pytest.mark.usefixtures("edition")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("path", PATHS)
def test_after_any_change_it_is_what_a_fresh_process_makes(reader, path, change):
    reader.get(path)

    CHANGES[change]()
    again = reader.get(path)

    kept_descriptions._kept.clear()
    fresh = Client().get(path)
    assert (again.status_code, again.content) == (fresh.status_code, fresh.content)


def test_every_table_of_the_archive_is_watched_unless_no_page_shows_it():
    watched = {table for kind, table in list_watched() if kind == "pages"}

    assert watched == {table for _, table, _ in kept_pages.list_watched()}
    assert {"briefings_entry", "briefings_edition", "briefings_printout"} < watched
    assert "briefings_autosave" not in watched


def test_what_is_published_while_a_page_is_made_is_on_the_next(client, monkeypatch):
    edition = make_draft({"headline": "關稅"})
    make = kept_pages.make_page

    def publish_and_make(*args):
        monkeypatch.undo()
        publish_edition(edition, audience=Audience.PUBLIC)
        return make(*args)

    monkeypatch.setattr(kept_pages, "make_page", publish_and_make)

    assert "關稅" not in client.get("/").text
    assert "關稅" in client.get("/").text


@pytest.mark.parametrize("path", ["/", "/editions/2026-11-20/", "/entries/關稅/"])
def test_what_is_corrected_while_an_edition_is_described_is_on_the_next(
    reader, edition, monkeypatch, path
):
    describe = kept_descriptions.describe_edition

    def describe_and_correct(row):
        monkeypatch.undo()
        description = describe(row)
        Entry.objects.update(headline="匯率")
        return description

    monkeypatch.setattr(kept_descriptions, "describe_edition", describe_and_correct)

    assert "關稅" in reader.get(path).text
    assert "匯率" in reader.get(path).text


@pytest.mark.parametrize("path", ["/editions/2026-11-20/", "/entries/關稅/"])
def test_what_is_changed_after_an_editions_row_was_read_is_on_the_next(
    reader, edition, monkeypatch, path
):
    recall = pages.recall_description

    def change_and_recall(*args):
        monkeypatch.undo()
        Edition.objects.update(number=99)
        return recall(*args)

    monkeypatch.setattr(pages, "recall_description", change_and_recall)
    reader.get(path)

    assert "第99期" in reader.get(path).text


@pytest.mark.usefixtures("edition")
@pytest.mark.parametrize("path", ["/", "/editions/2026-11-20/", "/entries/關稅.bib"])
def test_a_draft_written_while_an_edition_is_described_is_shown_to_nobody(
    reader, monkeypatch, path
):
    describe = kept_descriptions.describe_edition

    def withdraw_and_describe(row):
        monkeypatch.undo()
        withdraw_edition(Edition.objects.get(), note="有誤")
        entry = Entry.objects.get()
        entry.headline, entry.lead = "未公開的草稿", "未公開的草稿"
        entry.save()
        return describe(row)

    monkeypatch.setattr(kept_descriptions, "describe_edition", withdraw_and_describe)

    assert "未公開的草稿" not in reader.get(path).text
    assert "未公開的草稿" not in reader.get(path).text


@pytest.mark.usefixtures("edition")
def test_pages_read_no_more_of_a_shared_edition_than_the_catalogue_watches(reader):
    """A column that a template read once would stay in memory as it was then."""
    make_published({"headline": "後來", "themes": ["稅"]}, date=date(2026, 11, 27))
    for path in (*PATHS, "/search/?q=關稅", "/en/entries/後來/", "/zh-hans/themes/稅/"):
        assert reader.get(path).status_code == 200

    for shared in open_archive(Audience.PUBLIC).catalogue.edition_of.values():
        read = {name for name in shared.__dict__ if not name.startswith("_")}
        assert read == {"id", *SHOWN_OF_EDITION}


@pytest.mark.usefixtures("edition")
def test_what_a_page_shows_of_an_edition_is_read_once_for_all(
    reader, django_assert_max_num_queries
):
    reader.get("/editions/2026-11-20/")
    reader.get("/entries/關稅/")

    with django_assert_max_num_queries(3):
        reader.get("/editions/2026-11-20/")
    with django_assert_max_num_queries(6):
        reader.get("/entries/關稅/")


def test_each_language_has_its_own_words(reader):
    make_published(number=1, date=date(2026, 11, 20))
    for _ in range(2):
        assert "Issue 1" in reader.get("/en/editions/2026-11-20/").text
        assert "第1期" in reader.get("/editions/2026-11-20/").text


def test_a_member_is_no_longer_told_that_an_open_edition_is_for_members(monkeypatch):
    soon = timezone.now() + timedelta(hours=1)
    edition = make_published({"headline": "關稅"}, audience=Audience.MEMBERS, public_from=soon)
    monkeypatch.setattr(hooks, "audience_of", lambda request: Audience.MEMBERS)
    member = Client(headers={"Cookie": "any=1"})
    assert "會員先讀" in member.get(edition.get_absolute_url()).text

    monkeypatch.setattr(timezone, "now", lambda: soon)
    assert "會員先讀" not in member.get(edition.get_absolute_url()).text


def test_no_more_descriptions_are_kept_than_fit(client, monkeypatch):
    monkeypatch.setattr(kept_descriptions, "MOST_KEPT", 2)
    for day in (1, 2, 3):
        client.get(make_published({}, date=date(2026, 10, day)).get_absolute_url())

    assert len(kept_descriptions._kept) == 2


def test_an_edition_that_opens_by_itself_is_there_at_its_time(client, monkeypatch):
    soon = timezone.now() + timedelta(hours=1)
    make_published({"headline": "關稅"}, audience=Audience.MEMBERS, public_from=soon)
    assert "關稅" not in client.get("/").text

    monkeypatch.setattr(timezone, "now", lambda: soon)
    assert "關稅" in client.get("/").text


def test_who_sends_a_cookie_gets_no_kept_page(client, edition):
    client.get("/")
    client.cookies["anything"] = "1"
    Edition.objects.filter(pk=edition.pk).update(audience=Audience.MEMBERS)

    answer = client.get("/")
    assert "ETag" not in answer
    assert answer.templates  # it was made


@pytest.mark.usefixtures("edition")
@pytest.mark.parametrize("path", ["/search/?q=關稅", "/nothing/", "/subscribe/"])
def test_what_counts_searches_or_is_no_page_is_made_each_time(client, path):
    client.get(path)

    assert client.get(path).templates


@pytest.mark.usefixtures("edition")
def test_an_unchanged_page_is_not_sent_again(client):
    etag = client.get("/")["ETag"]

    unchanged = client.get("/", headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")

    Entry.objects.update(headline="匯率")
    assert client.get("/", headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.usefixtures("edition")
def test_compressed_and_not_are_two(client):
    plain = client.get("/")
    packed = client.get("/", headers={"Accept-Encoding": "gzip"})

    assert packed["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain
    assert "Content-Encoding" not in client.get("/")


@pytest.mark.usefixtures("edition")
def test_no_more_is_kept_than_fits(client, monkeypatch):
    monkeypatch.setattr(kept_pages, "MOST_KEPT", 60_000)
    for number in range(1, 12):
        client.get(f"/?any={number}")

    client.get("/?any=11")
    assert client.get("/?any=1").templates


def test_a_host_that_is_not_ours_gets_nothing(client, settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    client.get("/")

    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
