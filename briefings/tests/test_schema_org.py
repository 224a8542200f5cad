"""What search engines are told: as much as the page shows, and no more."""

import json
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from briefings.models import Author, Byline, Edition, Publication, Source
from briefings.schema_org import write_json_ld
from briefings.tests.makers import make_published
from briefings.tests.test_corrections import correct

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def address(settings):
    settings.SITE_URL = "https://news.example"


def read(client, path: str) -> dict[str, dict]:
    """What stands in the page, by type."""
    page = client.get(path).text
    (found,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    graph = json.loads(found)
    assert graph["@context"] == "https://schema.org"
    return {thing["@type"]: thing for thing in graph["@graph"]}


def test_an_entry_is_an_article_of_an_issue_of_a_periodical(client):
    Publication(name="政策短評", english_name="Policy Notes").save()
    make_published({"headline": "甲題", "lead": "導言", "themes": ["稅"]}, number=8)

    article = read(client, "/entries/甲題/")["Article"]

    assert article["headline"] == "甲題"
    assert article["inLanguage"] == "zh-Hant-HK"
    assert article["isPartOf"]["issueNumber"] == "8"
    assert article["isPartOf"]["datePublished"] == "2026-11-20"
    assert article["isPartOf"]["isPartOf"]["alternateName"] == "Policy Notes"
    assert article["author"]["name"] == "香港中華廠商聯合會"
    assert [theme["name"] for theme in article["about"]] == ["稅"]
    assert article["image"].startswith("https://news.example/entries/")


def test_it_names_its_authors_and_sources(client):
    entry = make_published({"headline": "甲題"}).entries.get()
    Byline.objects.create(entry=entry, author=Author.objects.create(name="陳大文", post="主任"))
    Source.objects.create(entry=entry, title="報告", url="https://www.example/r")

    article = read(client, "/entries/甲題/")["Article"]

    assert article["author"] == [{"@type": "Person", "name": "陳大文", "jobTitle": "主任"}]
    assert article["citation"][0]["url"] == "https://www.example/r"


def test_its_dates_are_when_the_public_could_read_it_and_when_it_was_corrected(client):
    entry = make_published({"headline": "甲題"}).entries.get()
    opened = timezone.now() - timedelta(days=2)
    Edition.objects.update(published_at=opened)
    made = correct(entry, note="數字有誤。", lead="改了。")

    article = read(client, "/entries/甲題/")["Article"]

    assert article["datePublished"] == opened.isoformat()
    assert article["dateModified"] == made.made_at.isoformat()
    assert article["correction"][0]["text"] == "數字有誤。"
    assert article["version"] == "2"


def test_an_edition_is_an_issue_with_its_articles(client):
    make_published({"headline": "甲題"}, {"headline": "乙題"}, number=8)

    issue = read(client, "/editions/2026-11-20/")["PublicationIssue"]

    assert [part["headline"] for part in issue["hasPart"]] == ["甲題", "乙題"]


def test_the_trail_leads_from_the_home_page_down(client):
    make_published({"headline": "甲題"}, number=8)

    trail = read(client, "/entries/甲題/")["BreadcrumbList"]["itemListElement"]

    assert [step["name"] for step in trail] == ["政策短評", "各期一覽", "第8期", "甲題"]
    assert [step["position"] for step in trail] == [1, 2, 3, 4]


def test_no_text_ends_the_element():
    written = write_json_ld([{"name": "</script><script>alert(1)</script>&<!--"}])

    assert written.count("<") == 2
    assert "alert" in json.loads(re.search(r">(.*)<", written)[1])["@graph"][0]["name"]
