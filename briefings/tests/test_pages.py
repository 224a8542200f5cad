from datetime import date

import pytest
from django.test import Client

from briefings.models import Publication, Theme
from briefings.tests.makers import make_published

pytestmark = pytest.mark.django_db


def read(client, path: str) -> str:
    return client.get(path).content.decode()


@pytest.mark.parametrize(
    "path", ["/", "/editions/", "/themes/", "/search/", "/about/", "/privacy/"]
)
def test_an_empty_archive_has_pages_all_the_same(path, client):
    response = client.get(path)

    assert response.status_code == 200


def test_home_shows_the_latest_edition_and_links_to_those_before(client):
    make_published({"headline": "舊聞"}, number=1, date=date(2023, 5, 1))
    make_published({"headline": "新聞"}, number=2, date=date(2026, 5, 1))

    response = client.get("/")

    assert response.context["latest"].label == "第2期"
    assert [edition.label for edition in response.context["recent_editions"]] == ["第1期"]


def test_home_has_a_search_box(client):
    page = read(client, "/")

    assert 'action="/search/"' in page
    assert 'name="q"' in page


def test_editions_can_be_read_by_year(client):
    make_published({"headline": "二三年"}, date=date(2023, 5, 1))
    make_published({"headline": "二六年"}, date=date(2026, 5, 1))

    page = read(client, "/editions/?year=2023")

    assert "二三年" in page
    assert "二六年" not in page


@pytest.mark.parametrize("query", ["year=1999", "year=二三", "year=99999", "page=0", "page=x"])
def test_a_list_of_editions_that_is_not_there_is_not_found(query, client):
    make_published()

    response = client.get(f"/editions/?{query}")

    assert response.status_code == 404


def test_long_lists_of_editions_come_in_pages(client):
    for day in range(1, 23):
        make_published(date=date(2026, 1, day))

    page = client.get("/editions/?page=2").context["page_obj"]

    assert [edition.date.day for edition in page] == [2, 1]


def test_an_editions_page_has_contents_entries_and_imprint(client):
    make_published({"headline": "其一", "body": "<p>甲文</p>"}, {"headline": "其二"})

    page = read(client, "/editions/2026-11-20/")

    assert '<a href="#entry-2">其二</a>' in page
    assert "<p>甲文</p>" in page
    assert 'href="mailto:research@cma.org.hk"' in page


def test_an_editions_page_links_to_its_neighbours_in_time(client):
    for day in (1, 2, 3):
        make_published(date=date(2026, 1, day))

    context = client.get("/editions/2026-01-02/").context

    assert context["previous"].slug == "2026-01-01"
    assert context["following"].slug == "2026-01-03"


def test_editions_of_one_day_follow_each_other_as_they_are_listed(client):
    for number in (9, None, 8):
        make_published(number=number)

    listed = [edition.slug for edition in client.get("/editions/").context["editions"]]
    pages = [client.get(f"/editions/{slug}/").context for slug in listed]

    assert [page["edition"].label for page in pages] == ["第9期", "第8期", "未編號"]
    assert [page["following"] and page["following"].slug for page in pages] == [None, *listed[:-1]]
    assert [page["previous"] and page["previous"].slug for page in pages] == [*listed[1:], None]


def test_entries_of_two_editions_of_one_day_are_listed_apart(client):
    make_published(*[{"headline": name, "themes": ["稅"]} for name in "甲乙"], number=None)
    make_published(*[{"headline": name, "themes": ["稅"]} for name in "丙丁"], number=None)

    entries = client.get("/themes/稅/").context["entries"]

    assert [entry.headline for entry in entries] == ["丙", "丁", "甲", "乙"]


def test_a_published_edition_is_not_called_a_draft(client):
    make_published()

    page = read(client, "/editions/2026-11-20/")

    assert "讀者看不到這一頁" not in page


def test_an_entrys_page_leads_to_its_neighbours_in_the_edition(client):
    make_published({"headline": "其一"}, {"headline": "其二"}, {"headline": "其三"})

    context = client.get("/entries/其二/").context

    assert context["previous"].headline == "其一"
    assert context["following"].headline == "其三"


def test_an_entrys_page_links_to_its_edition_theme_and_pdf(client):
    make_published({"headline": "其一", "themes": ["供應鏈"]})

    page = read(client, "/entries/其一/")

    assert 'href="/editions/2026-11-20/"' in page
    assert 'href="/editions/2026-11-20.pdf"' in page
    assert f'href="{Theme.objects.get().get_absolute_url()}"' in page


def test_related_entries_are_those_of_other_editions_that_share_most_themes(client):
    make_published({"headline": "一同", "themes": ["甲"]}, date=date(2026, 3, 1))
    make_published({"headline": "兩同", "themes": ["甲", "乙"]}, date=date(2026, 2, 1))
    make_published({"headline": "不同", "themes": ["丙"]}, date=date(2026, 1, 1))
    make_published(
        {"headline": "本篇", "themes": ["甲", "乙"]}, {"headline": "同期", "themes": ["甲"]}
    )

    related = client.get("/entries/本篇/").context["related"]

    assert [entry.headline for entry in related] == ["兩同", "一同"]


def test_a_themes_page_lists_its_entries_newest_first(client):
    make_published({"headline": "舊聞", "themes": ["供應鏈"]}, date=date(2023, 5, 1))
    make_published({"headline": "新聞", "themes": ["供應鏈"]}, {"headline": "別的"})

    entries = client.get("/themes/供應鏈/").context["entries"]

    assert [entry.headline for entry in entries] == ["新聞", "舊聞"]


def test_about_shows_what_the_publication_says_of_itself(client):
    publication = Publication.load()
    publication.about = "<p>本會自述。</p>"
    publication.save()

    page = read(client, "/about/")

    assert "<p>本會自述。</p>" in page


def test_pages_are_in_hong_kongs_chinese(client):
    page = read(client, "/")

    assert '<html lang="zh-Hant-HK">' in page


def test_a_page_states_its_lasting_address(client, settings):
    settings.SITE_URL = "https://news.example"
    make_published({"headline": "其一"})

    page = read(client, "/entries/其一/?utm_source=mail")

    assert 'rel="canonical" href="https://news.example/entries/%E5%85%B6%E4%B8%80/"' in page


def test_an_entry_tells_social_sites_its_headline_and_lead(client):
    make_published({"headline": "其一", "lead": "事情「如此」。"})

    page = read(client, "/entries/其一/")

    assert '<meta property="og:title" content="其一">' in page
    assert '<meta name="description" content="事情「如此」。">' in page


def test_no_page_asks_another_site_for_anything(client):
    make_published()

    page = read(client, "/editions/2026-11-20/")

    assert "<script" not in page.replace('<script type="application/ld+json">', "")
    assert 'src="http' not in page


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/", 6),
        ("/editions/", 8),
        ("/editions/2026-01-05/", 5),
        ("/entries/短評05/", 8),
        ("/themes/", 4),
        ("/themes/甲/", 7),
        ("/search/?q=正文", 4),
        ("/search/?q=正文&theme=甲&year=2026", 5),
        ("/phrases/", 5),
        ("/phrases/?q=正文&q=導言", 7),
        ("/feeds/atom/", 6),
        ("/sitemap.xml", 6),
    ],
)
def test_pages_cost_as_many_queries_whatever_the_archive_holds(
    path, queries, client, django_assert_num_queries
):
    for day in range(1, 10):
        make_published(
            {"headline": f"短評{day:02}", "themes": ["甲", "乙"]}, {}, {}, date=date(2026, 1, day)
        )

    Client().get(path)  # what processes keep is then in memory; pages are each client's own

    with django_assert_num_queries(queries):
        client.get(path)


def test_reading_goes_on_from_one_edition_to_the_next(client):
    make_published({"headline": "前甲"}, {"headline": "前乙"}, date=date(2026, 1, 1))
    make_published({"headline": "本篇"}, date=date(2026, 1, 2))
    make_published({"headline": "後甲"}, {"headline": "後乙"}, date=date(2026, 1, 3))

    context = client.get("/entries/本篇/").context

    assert context["earlier"].headline == "前乙"
    assert context["later"].headline == "後甲"


def test_the_first_entry_has_nothing_before_it_and_the_last_nothing_after(client):
    make_published({"headline": "唯一"})

    context = client.get("/entries/唯一/").context

    assert context["earlier"] is context["later"] is None
