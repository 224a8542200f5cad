"""Of what the public may not read, nothing is in any output, whatever else there is.

`cma_site.tests.test_leaks` reads a whole site with and without one closed edition. Here small
archives in which everything stands in some state or other are asked for what they hold.
"""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from html import unescape
from random import Random
from typing import NamedTuple
from urllib.parse import quote, unquote

import pytest
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from briefings.models import Audience, Author, Edition, Entry, PinnedPhrase, State, ThemeAlias
from briefings.publishing import withdraw_edition, withdraw_entry
from briefings.tests.makers import (
    make_draft,
    make_entry,
    make_published,
    make_publisher,
    make_scheduled,
)

pytestmark = pytest.mark.django_db

# One of them in every field of an entry, and nowhere else: neither in templates nor in addresses.
MARKS = "爨龘靐齉麤鱻羴驫"
COMMON = "共同的話"
MOST_ASKED = 50  # addresses of some 300, other ones in each example

archives = settings(
    max_examples=12,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def _withdrawn(*entries: dict, **fields) -> Edition:
    edition = make_published(*entries, **fields)
    withdraw_edition(edition)
    return edition


def _withdrawn_alone(*entries: dict, **fields) -> Edition:
    """The first entry; the edition stays, by another that holds nothing."""
    edition = make_published(*entries, {"headline": "無關", "lead": "無"}, **fields)
    withdraw_entry(edition.entries.get(position=1), note="因故")
    return edition


def _members(*entries: dict, **fields) -> Edition:
    return make_published(*entries, audience=Audience.MEMBERS, **fields)


def _members_first(*entries: dict, **fields) -> Edition:
    return _members(*entries, public_from=timezone.now() + timedelta(hours=1), **fields)


def _opened(*entries: dict, **fields) -> Edition:
    return _members(*entries, public_from=timezone.now() - timedelta(hours=1), **fields)


def _in_review(*entries: dict, **fields) -> Edition:
    return make_draft(*({**entry, "state": State.IN_REVIEW} for entry in entries), **fields)


def _scheduled(*entries: dict, **fields) -> Edition:
    return make_scheduled(*entries, by=make_publisher(), **fields)


def _without_edition(*entries: dict, **fields) -> Edition:
    edition = make_draft(**fields)
    for entry in entries:
        make_entry(None, state=State.APPROVED, **entry)
    return edition


PUBLIC: tuple[Callable[..., Edition], ...] = (make_published, _opened)
HIDDEN: tuple[Callable[..., Edition], ...] = (
    *(make_draft, _in_review, _scheduled, _without_edition),
    *(_members, _members_first, _withdrawn, _withdrawn_alone),
)


class Planted(NamedTuple):
    mark: str
    is_public: bool
    year: int
    state: str
    entry: Entry

    @property
    def sign(self) -> str:
        """Stands in this entry only; searching for it needs none of the marks."""
        return f"暗號{self.year}"


def plant(make: Callable[..., Edition], mark: str, year: int) -> Planted:
    """An edition of one entry, marked in each of its fields."""
    sign = f"暗號{year}"
    theme = f"{mark}主題"
    make(
        {
            "headline": f"{mark}標題",
            "lead": f"{mark}導言，{COMMON}，{sign}。",
            "body": f"<p>{mark}正文<span role='note'>{mark}註</span>，{COMMON}。</p>",
            "themes": [theme, "共題"],
        },
        date=date(year, 5, 1),
    )
    entry = Entry.objects.get(headline=f"{mark}標題")
    entry.bylines.create(author=Author.objects.create(name=f"{mark}作者"))
    ThemeAlias.objects.create(theme=entry.themes.get(name=theme), name=f"別稱{year}")
    PinnedPhrase.objects.create(text=f"{mark}導言", note=f"{mark}附記")
    return Planted(mark, make in PUBLIC, year, make.__name__, entry)


def plant_archive(random: Random) -> list[Planted]:
    makers = [*random.choices(HIDDEN, k=random.randint(1, 5)), *random.choices(PUBLIC, k=2)]
    random.shuffle(makers)
    return [
        plant(make, mark, 2012 + number)
        for number, (make, mark) in enumerate(zip(makers, MARKS, strict=False))
    ]


def choose(random: Random, planted: Iterable[Planted]) -> list[str]:
    """Some of all addresses; where public entries are all shown, always."""
    return ["/editions/", "/api/v1/entries", *random.sample(list_addresses(planted), MOST_ASKED)]


def list_addresses(planted: Iterable[Planted]) -> list[str]:
    words = [COMMON, f"{COMMON} -無", f"「{COMMON}」", f"{COMMON} 無此一物", "無此一物", "導言"]
    for one in planted:
        words += [one.sign, f"{COMMON} {one.sign}", f"{one.sign}無此一物", f"別稱{one.year}"]
        words += [f"{COMMON} theme:別稱{one.year}", f"year:{one.year}", f"{COMMON} -{one.sign}"]
    search = ("/search/", "/phrases/", "/phrases.csv", "/api/v1/search", "/api/v1/phrases")
    feeds = ("/feeds/search/atom/", "/feeds/search/rss/", "/feeds/search/json/")
    asked = [f"{path}?q={quote(word)}" for word in words for path in (*search, *feeds[:1])]
    asked += [f"{path}?q={quote(COMMON)}" for path in feeds]
    asked += [f"/search/?q={quote(COMMON)}&sort={sort}" for sort in ("newest", "oldest")]
    lists = ("/", "/editions/", "/themes/", "/phrases/", "/search/", "/sitemap.xml", "/about/")
    of_site = ("/feeds/atom/", "/feeds/rss/", "/feeds/json/", "/feeds/themes/共題/atom/")
    api = [f"/api/v1/{name}" for name in ("", "editions", "entries", "themes", "themes/共題")]
    pages = [*lists, *of_site, *api, "/themes/共題/", "/en/", "/zh-hans/search/?q=共同的話"]
    for one in planted:
        pages += [f"/editions/?year={one.year}", f"/search/?q={quote(COMMON)}&year={one.year}"]
        pages += [f"/api/v1/entries?year={one.year}", f"/editions/{one.year}-05-01/"]
        pages += [f"/e/{one.entry.pk}", f"/e/{one.entry.pk}/v1", f"/entries/{one.entry.slug}/"]
        pages += [f"/editions/{one.year}-05-01.pdf"] if not one.is_public else []
        pages += [f"/api/v1/editions/{one.year}-05-01", f"/api/v1/entries/{one.entry.slug}"]
    return asked + pages


def read_answer(client, address: str) -> str:
    """All that is told, however it is written; without the address that was asked for."""
    answer = client.get(address)
    told = f"{answer.headers}{answer.getvalue().decode(errors='replace')}"
    for written in (address, quote(address, safe="/?=&%")):
        told = told.replace(written, "")
    as_json = told.encode(errors="replace").decode("unicode_escape", errors="replace")
    return f"{told}{unescape(told)}{unquote(told)}{as_json}"


@archives
@given(st.integers(0, 2**32))
def test_nothing_of_what_is_not_public_is_told(client, settings, tmp_path, number):
    settings.MEDIA_ROOT, settings.API_RATE = tmp_path, 10**6
    cache.clear()
    random = Random(number)
    with transaction.atomic():
        planted = plant_archive(random)
        hidden = {one.mark: one.state for one in planted if not one.is_public}
        told = {address: read_answer(client, address) for address in choose(random, planted)}
        transaction.set_rollback(True)

    leaking = [
        (address, state)
        for address, text in told.items()
        for mark, state in hidden.items()
        if mark in text
    ]
    assert leaking == []
    shown = "".join(told.values())
    assert all(one.mark in shown for one in planted if one.is_public)


@archives
@given(st.integers(0, 2**32))
def test_what_is_counted_is_what_is_public(client, settings, number):
    settings.API_RATE = 10**6
    cache.clear()
    with transaction.atomic():
        planted = plant_archive(Random(number))
        public = [one for one in planted if one.is_public]
        page = client.get("/search/", {"q": COMMON}).context
        phrases = client.get("/api/v1/phrases", {"q": COMMON}).json()
        found = client.get("/api/v1/search", {"q": COMMON}).json()
        feed = client.get("/feeds/search/json/", {"q": COMMON}).json()
        signs = {
            one.sign: client.get("/api/v1/search", {"q": one.sign}).json()["total"]
            for one in planted
        }
        pinned = client.get("/phrases/").content.decode()
        transaction.set_rollback(True)

    assert page["page_obj"].paginator.count == found["total"] == len(public)
    assert len(feed["items"]) == phrases["entries"] == len(public)
    assert phrases["total"] == 2 * len(public)  # in lead and body
    assert {period["entries"] for period in phrases["periods"]} <= {0, 1}
    themes = {theme.name: found for theme, found in page["themes"]}
    assert themes == {"共題": len(public)} | {f"{one.mark}主題": 1 for one in public}
    assert page["years"] == [(one.year, 1) for one in reversed(public)]
    assert dict(page["authors"]) == {f"{one.mark}作者": 1 for one in public}
    assert {theme["name"]: theme["entries"] for theme in found["themes"]} == themes
    assert signs == {one.sign: int(one.is_public) for one in planted}
    assert all((f"{one.mark}導言" in pinned) == one.is_public for one in planted)
