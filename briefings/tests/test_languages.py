"""Every public page is also to be had in Simplified and with English navigation."""

import re
from datetime import date
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings as site
from django.utils import translation
from playwright.sync_api import expect

from briefings.languages import PAGES
from briefings.markup import EMPTY_TAGS, split_markup
from briefings.models import Audience, Edition, Entry, PinnedPhrase, Publication, Theme
from briefings.models.themes import FormerThemeAddress
from briefings.publishing import withdraw_edition
from briefings.tests.makers import make_published
from briefings.tests.test_corrections import correct

pytestmark = pytest.mark.django_db
SITE = "https://news.example"
ROOT = Path(site.BASE_DIR)


@pytest.fixture(autouse=True)
def archive(settings):
    settings.SITE_URL = SITE
    Publication(about="<p>關於本會</p>", privacy="<p>私隱</p>").save()
    body = f'<p>發展經濟，見<a href="{SITE}/entries/乙/">另文</a>和 <a href="https://example.com/">外網</a>。</p>'
    theme = Theme.objects.create(name="供應鏈", slug="供應鏈")
    make_published({"headline": "經濟發展", "body": body, "themes": [theme]}, {"headline": "乙"})


PAGE_ADDRESSES = [
    "/",
    "/editions/",
    "/editions/2026-11-20/",
    "/entries/經濟發展/",
    "/themes/",
    "/themes/供應鏈/",
    "/search/?q=發展",
    "/phrases/",
    "/phrases/?q=發展",
    "/about/",
    "/privacy/",
]


def read(client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


# -------------------------------------------------------------------------------------- simplified
@pytest.mark.parametrize("address", PAGE_ADDRESSES)
def test_a_page_is_to_be_had_in_simplified(client, address):
    page = read(client, f"/zh-hans{address}")

    assert '<html lang="zh-Hans">' in page
    assert "政策短评" in page
    # What programs read of it (schema.org) is about the page as it was written.
    assert "政策短評" not in re.sub("<script.*?</script>", "", page, flags=re.DOTALL)


@pytest.mark.parametrize("prefix", ["/zh-hans", "/en"])
@pytest.mark.parametrize("address", PAGE_ADDRESSES)
def test_its_links_lead_within(client, prefix, address):
    page = read(client, f"{prefix}{address}")

    links = re.findall(r'<(?:a|form) [^>]*?(?:href|action)="(/[^"]*)"(?! lang="[^"]*" href)', page)
    outside = [link for link in links if not link.startswith(f"{prefix}/")]
    elsewhere = re.compile(r"/(subscribe|login|feeds|api|mailbox)/|/[^?]*\.(pdf|csv|bib|ris)\b")
    assert [link for link in outside if not elsewhere.match(link)] == []
    assert f"{prefix}/" in links


def test_a_link_in_a_text_to_the_archive_leads_within_and_others_stay(client):
    page = read(client, "/zh-hans/entries/經濟發展/")

    assert f'href="{SITE}/zh-hans/entries/乙/"' in page
    assert 'href="https://example.com/"' in page


@pytest.mark.parametrize("prefix", ["", "/zh-hans", "/en"])
def test_a_page_states_its_own_address_and_those_of_the_others(client, prefix):
    page = read(client, f"{prefix}/themes/供應鏈/")

    path = quote("/themes/供應鏈/")
    assert f'<link rel="canonical" href="{SITE}{prefix}{path}">' in page
    assert f'<link rel="alternate" hreflang="zh-Hant-HK" href="{SITE}{path}">' in page
    assert f'<link rel="alternate" hreflang="zh-Hans" href="{SITE}/zh-hans{path}">' in page
    assert f'<link rel="alternate" hreflang="en" href="{SITE}/en{path}">' in page
    assert f'<link rel="alternate" hreflang="x-default" href="{SITE}{path}">' in page


def test_the_switch_leads_to_the_same_page_with_what_was_asked(client):
    asked = f"?q={quote('發展')}&year=2026"

    there = read(client, f"/search/{asked}")
    back = read(client, f"/zh-hans/search/{asked}")

    query = asked.replace("&", "&amp;")
    assert f'<a href="/zh-hans/search/{query}" lang="zh-Hans"' in there
    assert f'<a href="/search/{query}" lang="zh-Hant-HK"' in back


@pytest.mark.parametrize(("length", "is_kept"), [(200, True), (10_000, False)])
def test_the_switch_leaves_out_what_is_longer_than_any_search(client, length, is_kept):
    asked = f"?q={quote('發' * length)}"

    there = read(client, f"/search/{asked}")

    assert f'<a href="/zh-hans/search/{asked if is_kept else ""}" lang="zh-Hans"' in there


@pytest.mark.parametrize("words", ["发展经济", "發展經濟"])
def test_it_is_searched_in_either_script(client, words):
    page = read(client, f"/zh-hans/search/?q={words}")

    assert "<mark>发展经济</mark>" in page
    assert f'value="{words}"' in page


def test_what_is_not_there_is_told_in_simplified(client):
    for address in ("/zh-hans/nothing/", "/zh-hans/entries/nothing/"):
        assert "找不到这一页" in read(client, address, status=404)


@pytest.mark.parametrize(
    "address",
    ["admin/", "mailbox/", "feeds/atom/", "editions/2026-11-20.pdf", "api/v1/", "robots.txt"],
)
def test_only_pages_are_there(client, address):
    assert client.get(f"/zh-hans/{address}").status_code == 404


def test_what_was_withdrawn_says_so_in_simplified(client):
    edition = make_published({"headline": "丙"}, date=date(2026, 1, 2))
    withdraw_edition(edition, note="資料有誤。")

    assert "资料有误。" in read(client, "/zh-hans/editions/2026-01-02/", status=410)


def test_nothing_closed_is_there(client):
    make_published({"headline": "密件"}, audience=Audience.MEMBERS, date=date(2026, 1, 2))

    read(client, "/zh-hans/entries/密件/", status=404)
    assert "密件</a>" not in read(client, "/zh-hans/search/?q=密件")


@pytest.mark.parametrize(
    ("address", "leads_to"),
    [
        ("/zh-hans", "/zh-hans/"),
        ("/zh-hans/about", "/zh-hans/about/"),
        ("/zh-hans/themes/物流/", f"/zh-hans{quote('/themes/供應鏈/')}"),
    ],
)
def test_who_is_sent_on_stays_within(client, address, leads_to):
    FormerThemeAddress.objects.create(theme=Theme.objects.get(), slug="物流")

    answer = client.get(address)

    assert (answer.status_code, answer["Location"]) == (301, leads_to)


def test_the_length_told_is_that_of_what_is_sent(client):
    answer = client.get("/zh-hans/about/")

    assert int(answer["Content-Length"]) == len(answer.content)


def test_the_sitemap_names_each_pages_other_addresses(client):
    sitemap = read(client, "/sitemap.xml")

    for language, address in (("zh-Hant-HK", "/about/"), ("zh-Hans", "/zh-hans/about/")):
        assert f'rel="alternate" hreflang="{language}" href="{SITE}{address}"' in sitemap


def test_crawlers_search_in_no_language(client):
    assert "Disallow: /zh-hans/search/\n" in read(client, "/robots.txt")


# ----------------------------------------------------------------------------------------- english
@pytest.mark.parametrize(
    "address",
    [*PAGE_ADDRESSES, "/search/?q=沒有的字", "/search/?sort=x&theme=x&year=x", "/nothing/"],
)
def test_what_is_not_marked_as_chinese_is_english(client, address):
    page = client.get(f"/en{address}").content.decode()

    assert '<html lang="en">' in page
    assert find_unmarked_chinese(page, apart_from=address) == []


def find_unmarked_chinese(page: str, *, apart_from: str) -> list[str]:
    """Texts and spoken attributes that are Chinese and don't say so; what was typed is excepted."""
    found, marked = [], []
    for piece in split_markup(page.partition("<body")[2]):
        if isinstance(piece, str):
            said = [] if marked else [piece]
        elif piece.is_closing:
            said = []
            if marked and piece.name == marked[-1]:
                marked.pop()
        else:
            is_marked = piece.attributes.get("lang", "").startswith("zh")
            if piece.name not in EMPTY_TAGS and (is_marked or piece.name in marked):
                marked.append(piece.name)
            names = ("alt", "aria-label", "placeholder", "title")
            said = [piece.attributes.get(name, "") for name in names if not (marked or is_marked)]
        found += [text for one in said if (text := re.sub(r"[^\u3400-\u9fff]", "", one))]
    return [text for text in found if text not in apart_from]


def test_texts_stay_chinese_and_say_so(client):
    page = read(client, "/en/entries/經濟發展/")

    assert '<h1 class="entry-title" lang="zh-Hant-HK">經濟發展</h1>' in page
    assert '<div class="commentary" lang="zh-Hant-HK">' in page


def test_dates_and_numbers_are_english(client):
    page = read(client, "/en/editions/2026-11-20/")

    assert "20 November 2026" in page
    assert "2 commentaries" in page


@pytest.mark.parametrize("address", ["/entries/經濟發展/", "/editions/2026-11-20/"])
def test_data_is_chinese_in_whatever_language_the_page_is(client, address):
    Edition.objects.update(number=91)
    data = re.compile(r'<script type="application/ld\+json">.*?</script>|property="og:image" [^>]*')

    shown = data.findall(read(client, address))

    assert "第91期" in shown[-1]
    assert data.findall(read(client, f"/en{address}")) == shown


@pytest.mark.parametrize("address", ["/phrases/", "/phrases/?q=發展", "/e/{number}/v1"])
def test_a_page_whose_main_part_is_chinese_is_so_throughout(client, address):
    Edition.objects.update(number=91)
    entry = Entry.objects.get(headline="經濟發展")
    correct(entry, headline="經濟大發展")
    PinnedPhrase.objects.create(text="發展")

    page = read(client, "/en" + address.format(number=entry.pk))

    (main,) = re.findall(r'<main [^>]*lang="zh-Hant-HK">(.*)</main>', page, re.DOTALL)
    main = re.sub("<dl>.*</dl>|<a [^>]*mailto:.*?</a>", "", main, flags=re.DOTALL)
    assert re.findall("[A-Za-z]{3,}", re.sub("<[^>]*>", " ", main)) == []
    assert "Search" in page  # round it


def test_what_the_publication_says_in_english_stands_in_the_place_of_the_chinese(client):
    Publication.objects.update(english_about="<p>Who we are</p>")

    page = read(client, "/en/about/")

    assert "<p>Who we are</p>" in page
    assert "關於本會" not in page


def test_english_stays_at_its_own_address(client):
    read(client, "/en/")

    assert "跳到內容" in read(client, "/")


def test_the_catalogue_has_every_phrase():
    """Each phrase that a page of the archive marks for translation is in English, too."""
    catalogue = translation.trans_real.DjangoTranslation("en")
    for template in (ROOT / "templates").rglob("*.html"):
        for said in re.findall(
            r"""(?:translate |_\()["']([^"']*[\u4e00-\u9fff][^"']*)["']""", template.read_text()
        ):
            assert catalogue.gettext(said) != said, (template.name, said)


# ----------------------------------------------------------------------------------- what is a page
def test_pages_are_named_as_their_addresses_are():
    """A page that was renamed would silently lose its other languages."""
    from briefings.urls import urlpatterns

    known = {f"briefings:{pattern.name}" for pattern in urlpatterns if hasattr(pattern, "name")}
    assert known >= PAGES


@pytest.mark.slow
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_reader_goes_over_to_simplified_and_stays(page, live_server):
    page.goto(f"{live_server.url}/editions/2026-11-20/")

    page.get_by_role("link", name="简体中文").click()
    page.get_by_role("link", name="经济发展").last.click()
    page.get_by_role("searchbox").fill("发展经济")
    page.keyboard.press("Enter")

    expect(page.locator("mark").first).to_have_text("发展经济")
    assert "/zh-hans/search/" in page.url
    page.get_by_role("link", name="繁體中文").click()
    expect(page.locator("mark").first).to_have_text("發展經濟")
