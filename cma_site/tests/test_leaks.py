"""A closed edition shows in nothing that a stranger can ask for.

The whole site is read twice, with the edition in it and without: every answer must be the same to
the byte, its headers and the number of its queries too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import quote, unquote

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from briefings.corrections import correcting
from briefings.models import (
    Audience,
    Author,
    Edition,
    Entry,
    Imprint,
    ReviewNote,
    Source,
    Theme,
    ThemeAlias,
)
from briefings.printing import build, make_order
from briefings.publishing import withdraw_entry
from briefings.search.index import BUCKET
from briefings.tests.makers import (
    make_entry,
    make_published,
    make_volume,
    store_edition_pdf,
)
from briefings.themes import rename_theme
from cma_site.tests.crawling import Answer, ask, crawl, list_starts
from subscribers.logins import COOKIE, LOGIN_GOOD_FOR, MemberSessions
from subscribers.tests.makers import make_mailing, make_member

pytestmark = pytest.mark.django_db

# A character that stands nowhere else, in every field there is.
PLANTED = "爨"
WORDS = {
    field: f"{PLANTED}{field}"
    for field in (
        *("標題", "導言", "正文", "註腳", "圖表", "連結", "來源", "出版者", "作者", "職銜"),
        *("主題", "說明", "別稱", "舊名", "更正", "原文", "聲明", "電話", "撤回", "意見", "次篇"),
    )
}
# Of those, what readers may never see, or only search for.
FOR_EDITORS = {"別稱", "舊名", "意見"}
DAY = date(2025, 6, 18)  # a year of its own, between two public editions
NUMBER = 7703
CLOSED = {
    "members only": {"audience": Audience.MEMBERS},
    "members first": {
        "audience": Audience.MEMBERS,
        "public_from": timezone.now() + timedelta(days=1),
    },
}


@pytest.fixture
def site(settings, tmp_path) -> None:
    """What is public: two editions, a volume, and what these print."""
    settings.MEDIA_ROOT = tmp_path
    settings.API_RATE = 10**6
    body = "<p>共同的話，見<a href='/entries/甲/'>前文</a>。</p>"
    for number, day in ((7701, date(2024, 3, 1)), (7704, date(2026, 3, 1))):
        edition = make_published(
            {"headline": f"公開{number}", "themes": ["共同"], "body": body},
            {"headline": f"另一篇{number}", "themes": ["經濟"]},
            number=number,
            date=day,
        )
        store_edition_pdf(edition)
    volume = make_volume(slug="2024-2026", first_year=2024, last_year=2026, is_public=True)
    build(make_order(volume))
    make_member(email="chan@example.com")


def plant(**fields) -> Edition:
    """An edition with the planted character in each of its fields, its PDF, and its mailing."""
    word = WORDS
    theme = Theme.objects.create(name=word["舊名"], description=word["說明"])
    rename_theme(theme, word["主題"], keep_as_alias=False)
    ThemeAlias.objects.create(theme=theme, name=word["別稱"])
    imprint = Imprint.objects.create(
        name=word["聲明"],
        internal_notice=word["聲明"],
        public_notice=word["聲明"],
        telephone=word["電話"],
        email="hush@example.com",
    )
    edition = make_published(
        {
            "headline": word["標題"],
            "lead": word["導言"],
            "body": (
                f"<p>{word['原文']}<span role='note'>{word['註腳']}</span>共同的話。</p>"
                f"<table><tbody><tr><td>{word['圖表']}</td></tr></tbody></table>"
                f"<p><a href='https://example.org/{word['連結']}'>{word['連結']}</a></p>"
            ),
            "themes": [theme, "共同"],
        },
        {"headline": word["撤回"], "themes": ["共同"]},
        {"headline": word["次篇"], "themes": ["共同"]},
        number=NUMBER,
        date=DAY,
        imprint=imprint,
        **fields,
    )
    entry, withdrawn, _ = edition.entries.all()
    author = Author.objects.create(name=word["作者"], post=word["職銜"])
    with correcting(entry, note=word["更正"], by=None):
        entry.bylines.create(author=author)
        Source.objects.create(
            entry=entry,
            title=word["來源"],
            publisher=word["出版者"],
            url=f"https://example.org/{word['來源']}",
        )
        entry.body = entry.body.replace(word["原文"], f"{word['原文']}{word['正文']}")
        entry.save()
    withdraw_entry(withdrawn, note=word["撤回"])
    ReviewNote.objects.create(entry=entry, text=word["意見"])
    store_edition_pdf(edition)
    make_mailing(0, edition)
    return edition


@contextmanager
def planted(**fields) -> Iterator[Edition]:
    """With the edition inside, and as if it had never been after."""
    with transaction.atomic():
        yield plant(**fields)
        transaction.set_rollback(True)


def list_guesses(edition: Edition) -> list[object]:
    """What somebody may try who has heard of it."""
    entries = edition.entries.all()
    names = [edition.slug, *(entry.slug for entry in entries), WORDS["主題"], WORDS["舊名"]]
    return [*names, DAY.year, NUMBER, *(entry.pk for entry in entries), edition.pk]


def list_searches() -> list[str]:
    asked = [f"q={quote(word[:length])}" for word in WORDS.values() for length in (1, 2, len(word))]
    asked += [f"q={quote(text)}" for text in (f"「{WORDS['標題']}」", f"共同 -{PLANTED}", "hush")]
    common = f"q={quote('共同')}"
    asked += [common, f"{common}&year={DAY.year}", f"{common}&sort=oldest"]
    asked += [f"{common}&theme={quote(WORDS[name])}" for name in ("主題", "舊名", "別稱")]
    asked += [f"{common}&q={quote(WORDS['標題'])}"]
    paths = ["/search/", "/phrases/", "/phrases/table.csv", "/api/v1/search", "/feeds/search/atom/"]
    listed = [f"/editions/?year={DAY.year}", "/editions/?page=2", f"/themes/?q={quote(PLANTED)}"]
    return [f"{path}?{query}" for path in paths for query in dict.fromkeys(asked)] + listed


def find_differing(one: dict[str, Answer], other: dict[str, Answer]) -> dict[str, object]:
    """The addresses whose answers differ, with what differs."""
    differing: dict[str, object] = {}
    for address in sorted(one.keys() | other.keys()):
        a, b = one.get(address), other.get(address)
        if a is None or b is None:
            differing[address] = "found in one of them only"
        elif a != b:
            differing[address] = [
                (name, getattr(a, name), getattr(b, name))
                for name in ("status", "headers", "queries", "body")
                if getattr(a, name) != getattr(b, name)
            ]
    return differing


def forget_address(answer: Answer, address: str) -> Answer:
    """Links to the page in other languages repeat what was asked for."""
    body = answer.body
    for written in (address, quote(unquote(address))):
        body = body.replace(written.encode(), b"")
    headers = tuple(one for one in answer.headers if one[0] != "Content-Length")
    return replace(answer, body=body, headers=headers)


def crawl_twice(**fields) -> tuple[dict[str, Answer], dict[str, Answer]]:
    """As nobody: with the edition, and without it."""
    crawl(list_starts())  # what is looked up once in a process's life has been, then
    begin_bucket()
    with planted(**fields) as edition:
        starts = list_starts(list_guesses(edition)) + list_searches()
        read_anew()
        with_it = crawl(starts)
    read_anew()
    return with_it, crawl(starts)


def begin_bucket() -> None:
    """Have the next entry be the first of a bucket of the index: to read that is a query more."""
    while make_entry().pk % BUCKET != BUCKET - 1:
        pass
    Entry.objects.filter(edition=None).delete()


def read_anew() -> None:
    """The first to ask after a change, whichever it was, has the process read what it keeps."""
    ask(Client(), "/")


@pytest.mark.parametrize("closed", CLOSED)
def test_every_answer_is_that_of_a_site_without_the_edition(closed, site):
    with_it, without = crawl_twice(**CLOSED[closed])

    assert find_differing(with_it, without) == {}
    assert "/editions/2026-03-01.pdf" in with_it
    assert with_it["/editions/2026-03-01.pdf"].status == 200
    assert with_it["/volumes/2024-2026.pdf"].status == 200


@pytest.mark.parametrize("closed", CLOSED)
def test_no_planted_word_is_in_any_answer(closed, site):
    """Beside the search pages, which repeat what was typed."""
    with planted(**CLOSED[closed]) as edition:
        answers = crawl(list_starts(list_guesses(edition)))

    leaking = [
        address
        for address, answer in answers.items()
        if forget_address(answer, address).holds(PLANTED)
    ]
    assert leaking == []
    assert len(answers) > 100


def test_the_crawl_finds_what_is_there_to_be_found(site):
    """Or the two tests above would prove nothing: published to all, the edition is seen."""
    with_it, without = crawl_twice(audience=Audience.PUBLIC)
    differing = find_differing(with_it, without)

    seen = "".join(answer.text for answer in with_it.values())
    assert {word for field, word in WORDS.items() if field not in FOR_EDITORS} <= {
        word for word in WORDS.values() if word in seen
    }
    for address in ("/", "/editions/", "/themes/", "/sitemap.xml", "/feeds/atom/", "/feeds/json/"):
        assert address in differing
    assert "/editions/2025-06-18.pdf" in differing


@pytest.mark.parametrize("closed", CLOSED)
def test_its_addresses_answer_like_one_that_never_was(closed, site):
    with planted(**CLOSED[closed]) as edition:
        entry = edition.entries.first()
        pairs = [
            (edition.get_absolute_url(), "/editions/1999-01-01/"),
            ("/editions/2025-06-18.pdf", "/editions/1999-01-01.pdf"),
            (entry.get_absolute_url(), f"/entries/{quote('從未有過')}/"),
            (f"/themes/{quote(WORDS['主題'])}/", f"/themes/{quote('從未有過')}/"),
            (f"/themes/{quote(WORDS['舊名'])}/", f"/themes/{quote('從未有過')}/"),
            (f"/editions/?year={DAY.year}", "/editions/?year=1999"),
        ]
        read_anew()
        answers = crawl([address for pair in pairs for address in pair])

    for ours, never in pairs:
        assert forget_address(answers[ours], ours) == forget_address(answers[never], never)
        assert answers[ours].status == 404
        assert "登入" in answers[ours].text


@pytest.mark.parametrize("closed", CLOSED)
def test_a_member_reads_all_of_it(closed, site):
    with planted(**CLOSED[closed]):
        session = MemberSessions()
        session["member"] = make_member().pk
        session.set_expiry(LOGIN_GOOD_FOR)
        session.create()
        answers = crawl(["/"], {COOKIE: session.session_key})

    seen = "".join(answer.text for answer in answers.values())
    assert [
        word for field, word in WORDS.items() if field not in FOR_EDITORS if word not in seen
    ] == []
    assert answers["/editions/2025-06-18.pdf"].status == 200
    feeds = [answers[path] for path in ("/feeds/atom/", "/feeds/rss/", "/feeds/json/")]
    assert not any(answer.holds(PLANTED) for answer in feeds)
