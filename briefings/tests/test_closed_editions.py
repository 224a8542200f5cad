"""What is for members: who sees it, what its pages say of themselves, and what caches are told."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from briefings import hooks
from briefings.models import Audience, Edition, Theme
from briefings.tests.makers import make_draft, make_published, make_volume, store_edition_pdf
from briefings.themes import rename_theme

pytestmark = pytest.mark.django_db

TOMORROW = timezone.now() + timedelta(days=1)


@pytest.fixture
def member(client, monkeypatch):
    """Whoever asks is one: briefings doesn't know how members are told from others."""
    monkeypatch.setattr(hooks, "audience_of", lambda request: Audience.MEMBERS)
    return client


def make_closed(**fields) -> Edition:
    entry = {"headline": "先讀", "lead": "會員的導言。", "themes": ["共同", "先讀主題"]}
    return make_published(entry, **{"audience": Audience.MEMBERS} | fields)


@pytest.fixture
def closed() -> Edition:
    """Between two public ones."""
    make_published({"headline": "較早", "themes": ["共同"]}, date=date(2025, 1, 1), number=1)
    edition = make_closed(date=date(2025, 6, 1), number=2)
    make_published({"headline": "較遲", "themes": ["共同"]}, date=date(2026, 1, 1), number=3)
    return edition


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/editions/",
        "/editions/?year=2025",
        "/editions/2025-01-01/",
        "/editions/2025-06-01/",
        "/entries/先讀/",
        "/entries/較早/",
        "/themes/先讀主題/",
        "/themes/共同/",
        "/search/?q=先讀",
        "/search/?q=導言&theme=先讀主題",
    ],
)
def test_a_member_finds_a_closed_edition_wherever_it_belongs(path, member, closed):
    page = member.get(path).content.decode()

    assert "/editions/2025-06-01/" in page or "/entries/%E5%85%88%E8%AE%80/" in page
    assert "只限會員" in page


def test_a_member_finds_its_themes_and_what_they_count(member, closed):
    themes = member.get("/themes/").context["themes"]

    assert {theme.name: count for theme, count in themes} == {"共同": 3, "先讀主題": 1}


def test_a_member_is_sent_on_from_where_its_theme_was(member, closed):
    rename_theme(Theme.objects.get(name="先讀主題"), "改名主題", keep_as_alias=False)

    assert "改名主題" in member.get("/themes/先讀主題/", follow=True).content.decode()


@pytest.mark.parametrize("path", ["/editions/2025-06-01/", "/entries/先讀/"])
def test_its_pages_say_when_they_open_to_everybody(path, member, closed):
    Edition.objects.filter(pk=closed.pk).update(public_from=TOMORROW)

    page = member.get(path).content.decode()

    assert "會員先讀" in page
    assert f"{timezone.localtime(TOMORROW):%Y年%-m月%-d日 %H:%M}</time> 公開" in page


@pytest.mark.parametrize("path", ["/editions/2025-06-01/", "/entries/先讀/"])
def test_its_pages_are_kept_from_search_engines_and_name_no_address(path, member, closed):
    page = member.get(path).content.decode()

    assert '<meta name="robots" content="noindex">' in page
    assert 'rel="canonical"' not in page
    assert "og:" not in page


def test_pages_for_everybody_say_nothing_of_members(client, closed):
    for path in ("/", "/editions/2025-01-01/", "/entries/較早/"):
        page = client.get(path).content.decode()

        assert "只限會員" not in page
        assert "noindex" not in page


def test_its_pdf_is_for_members_alone_and_for_no_shared_cache(
    client, closed, monkeypatch, settings, tmp_path
):
    settings.MEDIA_ROOT = tmp_path
    store_edition_pdf(closed)
    assert client.get("/editions/2025-06-01.pdf").status_code == 404

    monkeypatch.setattr(hooks, "audience_of", lambda request: Audience.MEMBERS)
    answer = client.get("/editions/2025-06-01.pdf")

    assert answer["Content-Type"] == "application/pdf"
    assert "private" in answer["Cache-Control"]
    assert "Cookie" in answer["Vary"]
    assert answer["X-Robots-Tag"] == "noindex"


@pytest.mark.parametrize("path", ["/feeds/atom/", "/feeds/json/", "/sitemap.xml"])
def test_what_everybody_gets_alike_is_without_it_for_members_too(path, member, closed):
    answer = member.get(path)

    assert "2025-06-01" not in answer.content.decode()
    assert "%E5%85%88%E8%AE%80" not in answer.content.decode()
    assert "private" not in answer.get("Cache-Control", "")


def test_a_bound_volume_is_without_it(closed):
    volume = make_volume(first_year=2025, last_year=2026)

    assert [entry.headline for entry in volume.list_entries()] == ["較早", "較遲"]


AUDIENCES = [
    {"audience": Audience.PUBLIC},
    {"audience": Audience.MEMBERS},
    {"audience": Audience.MEMBERS, "public_from": timezone.now() - timedelta(hours=1)},
    {"audience": Audience.MEMBERS, "public_from": TOMORROW},
]


@pytest.mark.parametrize("fields", AUDIENCES)
def test_a_row_at_hand_knows_what_the_rule_says_of_it(fields):
    edition = make_published(**fields)

    assert edition.is_for_members is not edition.is_visible_to(Audience.PUBLIC)
    assert not make_draft().is_for_members


@pytest.mark.parametrize("path", ["/", "/editions/", "/themes/", "/search/?q=先讀"])
def test_being_for_members_costs_a_list_no_query(path, member, django_assert_max_num_queries):
    for day in range(1, 9):
        make_closed(date=date(2025, 6, day))
    member.get(path)  # the archive is then in memory

    with django_assert_max_num_queries(10):
        member.get(path)
