"""What a page of answers shows of each is what readers may read at that moment."""

import pytest
from django.utils import timezone
from django.utils.html import strip_tags

from briefings.catalogue import Archive, open_archive
from briefings.finding import find, find_all
from briefings.hits import Hit, show_hits
from briefings.models import Audience, Edition, Entry, IndexedText
from briefings.publishing import withdraw_edition, withdraw_entry
from briefings.search.query import parse_query
from briefings.tests.makers import make_published

pytestmark = pytest.mark.django_db
TARIFFS = parse_query("關稅")


@pytest.fixture
def archive() -> Archive:
    """As it was before anything was changed."""
    make_published(
        {"headline": "關稅上升", "lead": "出口受關稅影響。", "body": "<p>正文</p>"},
        {"headline": "另一篇", "body": "<p>也談關稅。</p>"},
    )
    return open_archive(Audience.PUBLIC)


def show(archive: Archive) -> list[Hit]:
    ids = find(TARIFFS, archive).list_ids(slice(0, 20))
    return show_hits(ids, archive, TARIFFS)


def test_a_hit_has_the_marked_text_its_address_and_its_edition(archive):
    [first, second] = show(archive)

    assert first.headline == "<mark>關稅</mark>上升"
    assert first.snippet == "出口受<mark>關稅</mark>影響。正文"
    assert second.slug == Entry.objects.get(pk=second.entry_id).slug
    assert first.edition == second.edition == Edition.objects.get()


def withdraw_one() -> None:
    withdraw_entry(Entry.objects.get(headline="關稅上升"), note="有誤")


def withdraw_all() -> None:
    withdraw_edition(Edition.objects.get(), note="有誤")


@pytest.mark.parametrize(("withdraw", "left"), [(withdraw_one, ["另一篇"]), (withdraw_all, [])])
def test_a_draft_written_after_a_withdrawal_is_shown_to_nobody(archive, withdraw, left):
    withdraw()
    entry = Entry.objects.get(headline="關稅上升")
    entry.lead = "未公開的關稅草稿。"
    entry.save()

    assert [strip_tags(hit.headline) for hit in show(archive)] == left


def test_what_was_closed_meanwhile_is_shown_to_members_only(archive):
    for_members = open_archive(Audience.MEMBERS)
    Edition.objects.update(audience=Audience.MEMBERS)

    assert show(archive) == []
    assert len(show(for_members)) == 2

    Edition.objects.update(public_from=timezone.now())
    assert len(show(archive)) == 2


def test_an_entry_that_is_in_no_index_is_shown_by_its_own_row(archive):
    IndexedText.objects.all().delete()
    ids = find_all(archive).list_ids(slice(0, 20))

    hits = show_hits(ids, archive, parse_query("theme:稅"))

    assert [(hit.headline, hit.snippet) for hit in hits] == [
        ("關稅上升", "出口受關稅影響。"),
        ("另一篇", Entry.objects.get(headline="另一篇").lead),
    ]


def test_an_entry_of_an_edition_that_came_since_waits_for_the_next_search(archive):
    other = make_published({"headline": "後來的"})
    Entry.objects.filter(headline="關稅上升").update(edition=other)

    assert [strip_tags(hit.headline) for hit in show(archive)] == ["另一篇"]
    assert len(show(open_archive(Audience.PUBLIC))) == 2
