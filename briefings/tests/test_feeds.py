from datetime import UTC, date, datetime
from xml.etree import ElementTree

import pytest

from briefings.models import Audience, Entry
from briefings.publishing import publish_edition, withdraw_edition
from briefings.tests.makers import make_draft, make_published

pytestmark = pytest.mark.django_db

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def read_xml(client, path: str) -> ElementTree.Element:
    return ElementTree.fromstring(client.get(path).content)


@pytest.fixture
def published(settings):
    settings.SITE_URL = "https://news.example"
    return make_published(
        {"headline": "其一", "lead": "導言甲。", "body": "<p>正文乙。</p>", "themes": ["供應鏈"]}
    )


def test_atom_carries_the_whole_text(published, client):
    entry = read_xml(client, "/feeds/atom/").find(f"{ATOM}entry")

    content = entry.find(f"{ATOM}content")
    assert content.get("type") == "html"
    assert "導言甲。" in content.text
    assert "<p>正文乙。</p>" in content.text


def test_rss_carries_the_whole_text(published, client):
    item = read_xml(client, "/feeds/rss/").find("channel/item")

    assert "導言甲。" in item.findtext(CONTENT)
    assert "<p>正文乙。</p>" in item.findtext(CONTENT)


def test_json_feed_carries_the_whole_text(published, client):
    item = client.get("/feeds/json/").json()["items"][0]

    assert item["title"] == "其一"
    assert item["tags"] == ["供應鏈"]
    assert "<p>正文乙。</p>" in item["content_html"]


def test_feeds_say_they_are_in_hong_kongs_chinese(published, client):
    assert read_xml(client, "/feeds/atom/").get(LANGUAGE) == "zh-Hant-HK"
    assert read_xml(client, "/feeds/rss/").findtext("channel/language") == "zh-Hant-HK"
    assert client.get("/feeds/json/").json()["language"] == "zh-Hant-HK"


def test_addresses_in_feeds_are_the_sites_own(published, client):
    entry = read_xml(client, "/feeds/atom/").find(f"{ATOM}entry")
    feed = client.get("/feeds/themes/供應鏈/json/").json()

    assert entry.findtext(f"{ATOM}id") == "https://news.example/entries/%E5%85%B6%E4%B8%80/"
    assert feed["feed_url"].startswith("https://news.example/feeds/themes/")


def test_a_themes_feed_holds_its_entries_only(client):
    make_published({"headline": "在內", "themes": ["供應鏈"]}, {"headline": "在外"})

    titles = [item["title"] for item in client.get("/feeds/themes/供應鏈/json/").json()["items"]]
    atom = read_xml(client, "/feeds/themes/供應鏈/atom/")
    rss = read_xml(client, "/feeds/themes/供應鏈/rss/")

    assert titles == ["在內"]
    assert [title.text for title in atom.iterfind(f"{ATOM}entry/{ATOM}title")] == ["在內"]
    assert [title.text for title in rss.iterfind("channel/item/title")] == ["在內"]


def test_the_newest_entry_comes_first(client):
    make_published({"headline": "新"}, date=date(2026, 2, 1))
    make_published({"headline": "舊"}, date=date(2026, 1, 1))

    titles = [item["title"] for item in client.get("/feeds/json/").json()["items"]]

    assert titles == ["新", "舊"]


def test_an_entry_is_dated_by_when_the_public_could_first_read_it(client):
    opening = datetime(2026, 3, 1, tzinfo=UTC)
    publish_edition(
        make_draft(),
        audience=Audience.MEMBERS,
        published_at=datetime(2026, 2, 1, tzinfo=UTC),
        public_from=opening,
    )

    item = client.get("/feeds/json/").json()["items"][0]

    assert datetime.fromisoformat(item["date_published"]) == opening


def test_an_edited_entry_is_updated_but_not_published_anew(client):
    publish_edition(
        make_draft(), audience=Audience.PUBLIC, published_at=datetime(2026, 2, 1, tzinfo=UTC)
    )
    edited = datetime(2026, 2, 5, tzinfo=UTC)
    Entry.objects.update(updated_at=edited)

    entry = read_xml(client, "/feeds/atom/").find(f"{ATOM}entry")

    assert datetime.fromisoformat(entry.findtext(f"{ATOM}updated")) == edited
    assert datetime.fromisoformat(entry.findtext(f"{ATOM}published")) < edited


def test_pasted_control_characters_do_not_break_a_feed(client):
    make_published({"headline": "其\x0b一", "lead": "導\x01言", "body": "<p>正\x1f文</p>"})

    assert read_xml(client, "/feeds/atom/").findtext(f"{ATOM}entry/{ATOM}title") == "其一"
    assert read_xml(client, "/feeds/rss/").findtext("channel/item/title") == "其一"


def test_an_unchanged_feed_is_not_sent_again(published, client):
    first = client.get("/feeds/atom/")

    again = client.get("/feeds/atom/", headers={"If-None-Match": first["ETag"]})

    assert again.status_code == 304


@pytest.mark.parametrize("kind", ["atom", "rss"])
def test_a_withdrawal_is_told_to_whoever_asks_by_date(kind, client):
    make_published({"headline": "留下"}, date=date(2026, 1, 1))
    edition = make_published({"headline": "撤回"}, date=date(2026, 2, 1))
    seen = client.get(f"/feeds/{kind}/")
    withdraw_edition(edition, note="")

    again = client.get(f"/feeds/{kind}/", headers={"if-modified-since": seen["Last-Modified"]})

    assert again.status_code == 200
    assert "撤回" not in again.content.decode()
