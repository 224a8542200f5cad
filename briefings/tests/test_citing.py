"""Which of our entries refer to which, kept with the text and shown on the one referred to."""

import pytest

from briefings.citing import Cited, find_cited
from briefings.languages import LANGUAGES
from briefings.models import Audience, Edition, Entry, EntryLink
from briefings.publishing import withdraw_edition
from briefings.tests.makers import make_draft, make_entry, make_published

SITE = "https://news.example"


def link(address: str) -> str:
    return f'<p>見<a href="{address}" rel="noopener noreferrer">前文</a>。</p>'


@pytest.fixture
def site(settings):
    settings.SITE_URL = SITE


# ----------------------------------------------------------------------------------- the addresses
@pytest.mark.parametrize(
    "address",
    [
        "https://news.example/entries/%E7%94%B2/",
        "http://NEWS.example/entries/甲/?utm_source=mail#p3",
        "/entries/甲/",
        "https://news.example/en/entries/甲/",
        "/zh-hans/entries/%E7%94%B2/#p3",
    ],
)
def test_an_entry_is_known_by_its_address(address):
    assert find_cited(link(address), SITE) == Cited(frozenset({"甲"}), frozenset())


@pytest.mark.parametrize("address", ["https://news.example/e/12", "/e/12/v3#p2", "/en/e/12/v3"])
def test_an_entry_is_known_by_its_short_address(address):
    assert find_cited(link(address), SITE) == Cited(frozenset(), frozenset({12}))


@pytest.mark.parametrize(
    "address",
    [
        "https://other.example/entries/甲/",
        "https://news.example/entries/甲.bib",
        "https://news.example/fr/entries/甲/",
        "https://news.example/e/99999999999999999999",
        "https://news.example/e/9999999999",
        "mailto:甲@news.example",
        "https://[news.example/entries/甲/",
        "",
    ],
)
def test_other_addresses_are_no_entrys(address):
    assert find_cited(link(address), SITE) == Cited(frozenset(), frozenset())


def test_an_entry_is_known_by_its_address_in_each_language():
    for language in LANGUAGES:
        assert find_cited(link(language.place("/entries/甲/")), SITE).slugs == {"甲"}


# ---------------------------------------------------------------------------------------- the rows
def list_citing(entry: Entry) -> list[str]:
    return sorted(row.citing.headline for row in EntryLink.objects.filter(cited=entry))


@pytest.mark.django_db
def test_saving_keeps_the_links(site):
    cited = make_entry(headline="甲")
    citing = make_entry(headline="乙", body=link(f"{SITE}/entries/甲/"))
    assert list_citing(cited) == ["乙"]

    citing.body = "<p>不再提。</p>"
    citing.save()

    assert list_citing(cited) == []


@pytest.mark.django_db
def test_two_links_to_one_entry_are_one_and_itself_is_none(site):
    cited = make_entry(headline="甲")
    both = link(f"{SITE}/entries/甲/") + link(f"{SITE}/e/{cited.pk}")

    make_entry(headline="乙", body=both)
    cited.body = both
    cited.save()

    assert list_citing(cited) == ["乙"]


@pytest.mark.django_db
def test_the_rows_go_with_either_entry(site):
    cited = make_entry(headline="甲")
    make_entry(headline="乙", body=link(f"{SITE}/e/{cited.pk}"))
    make_entry(headline="丙", body=link(f"{SITE}/e/{cited.pk}"))

    Entry.objects.get(headline="丙").delete()
    assert list_citing(cited) == ["乙"]

    cited.delete()
    assert not EntryLink.objects.exists()


@pytest.mark.django_db
def test_rebuilding_the_index_finds_links_that_no_row_tells_of(site):
    cited = make_entry(headline="甲")
    make_entry(headline="乙", body=link(f"{SITE}/e/{cited.pk}"))
    EntryLink.objects.all().delete()

    Entry.objects.all().refresh_index()

    assert list_citing(cited) == ["乙"]


@pytest.mark.django_db
def test_keeping_the_links_of_many_costs_three_queries(site, django_assert_num_queries):
    cited = make_entry(headline="甲")
    bodies = {make_entry().pk: link(f"{SITE}/e/{cited.pk}") for _ in range(9)}

    with django_assert_num_queries(3):
        EntryLink.objects.keep(bodies)

    assert EntryLink.objects.count() == 9


# ---------------------------------------------------------------------------------------- the page
def publish_citing(cited: Entry, headline: str, **fields) -> Edition:
    return make_published({"headline": headline, "body": link(f"{SITE}/e/{cited.pk}")}, **fields)


@pytest.mark.django_db
def test_the_cited_entrys_page_tells_by_which_it_is_cited(site, client):
    cited = make_published({"headline": "甲"}).entries.get()
    publish_citing(cited, "乙")

    page = client.get("/entries/甲/")

    assert "本站引述" in page.text
    assert [entry.headline for entry in page.context["cited_by"]] == ["乙"]


@pytest.mark.django_db
def test_only_what_the_public_may_read_is_told(site, client):
    cited = make_published({"headline": "甲"}).entries.get()
    body = link(f"{SITE}/e/{cited.pk}")
    make_draft({"headline": "草稿", "body": body})
    publish_citing(cited, "會員", audience=Audience.MEMBERS)
    withdraw_edition(publish_citing(cited, "撤回"))

    page = client.get("/entries/甲/")

    assert "本站引述" not in page.text
