"""What a strict reader makes of the feeds."""

import json
from datetime import datetime

import feedparser
import pytest

from briefings.models import Author, Byline
from briefings.tests.makers import make_published

pytestmark = pytest.mark.django_db

HEADLINE = "其一「<b>&amp;」"


@pytest.fixture(autouse=True)
def published(settings):
    settings.SITE_URL = "https://news.example"
    edition = make_published(
        {"headline": HEADLINE, "lead": "導言。", "body": "<p>正文。</p>", "themes": ["稅"]},
        {"headline": "其二"},
    )
    author = Author.objects.create(name="陳大文")
    Byline.objects.create(entry=edition.entries.get(headline=HEADLINE), author=author)


@pytest.mark.parametrize(
    "path", ["/feeds/atom/", "/feeds/rss/", "/feeds/themes/稅/atom/", "/feeds/search/rss/?q=正文"]
)
def test_it_is_well_formed_and_whole(path, client):
    answer = client.get(path)
    parsed = feedparser.parse(
        answer.content, response_headers={"content-type": answer["Content-Type"]}
    )

    assert not parsed.bozo
    assert parsed.version in ("atom10", "rss20")
    assert parsed.feed.language == "zh-Hant-HK"
    assert parsed.feed.links[0].href.startswith("https://news.example/")
    own = [link.href for link in parsed.feed.links if link.rel == "self"]
    assert len(own) == 1
    assert own[0].startswith("https://news.example/feeds/")
    for entry in parsed.entries:
        assert entry.id == entry.link
        assert entry.published_parsed
        assert "正文。" in entry.content[0].value
    assert [entry.author for entry in parsed.entries if entry.title == HEADLINE] == ["陳大文"]


def test_no_two_entries_share_an_id(client):
    parsed = feedparser.parse(client.get("/feeds/atom/").content)

    assert len({entry.id for entry in parsed.entries}) == len(parsed.entries) == 2


@pytest.mark.parametrize("path", ["/feeds/json/", "/feeds/search/json/?q=正文"])
def test_a_json_feed_has_what_its_version_asks_for(path, client):
    answer = client.get(path)
    feed = json.loads(answer.content)

    assert answer["Content-Type"] == "application/feed+json; charset=utf-8"
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["title"]
    assert feed["feed_url"].startswith("https://news.example/feeds/")
    assert len({item["id"] for item in feed["items"]}) == len(feed["items"])
    for item in feed["items"]:
        assert item["content_html"]
        assert datetime.fromisoformat(item["date_published"]).tzinfo
        assert all(isinstance(tag, str) for tag in item["tags"])
