"""A text that was once public can be read, and cited, after it was corrected."""

from datetime import timedelta

import pytest
from django.utils import timezone

from briefings import hooks
from briefings.corrections import correcting
from briefings.history import keep_version
from briefings.models import Audience, Edition, Entry
from briefings.publishing import (
    publish_edition,
    restore_entry,
    withdraw_edition,
    withdraw_entry,
)
from briefings.tests.makers import make_draft, make_published
from briefings.tests.test_corrections import correct

pytestmark = pytest.mark.django_db

FIRST = "<h2>背景</h2><p>撥款<strong>三億元</strong>。</p>"
SECOND = FIRST.replace("三億元", "三十億元")


@pytest.fixture
def entry() -> Entry:
    return make_published({"headline": "撥款", "body": FIRST}).entries.get()


@pytest.fixture
def corrected(entry) -> Entry:
    correct(entry, note="數字有誤。", body=SECOND)
    return entry


def test_the_short_address_leads_to_the_entry_for_good(entry, client):
    answer = client.get(f"/e/{entry.pk}")

    assert answer.status_code == 301
    assert answer["Location"] == entry.get_absolute_url()


def test_the_version_that_stands_is_the_entrys_page(entry, corrected, client):
    answer = client.get(f"/e/{entry.pk}/v2")

    assert answer.status_code == 302
    assert answer["Location"] == entry.get_absolute_url()


def test_an_earlier_version_says_what_it_said_and_that_it_was_corrected(corrected, client):
    page = client.get(f"/e/{corrected.pk}/v1").text

    assert "<strong>三億元</strong>" in page
    assert "三十億元" not in page
    assert "這是已被更正的第 1 版" in page


def test_an_earlier_version_keeps_its_headings_and_anchors(corrected, client):
    page = client.get(f"/e/{corrected.pk}/v1").text

    assert '<div id="p1"><h2>背景' in page
    assert '<div id="p2"><p>撥款' in page


def test_a_version_that_was_not_recorded_is_shown_in_plain_paragraphs(entry, client):
    with correcting(entry, note="數字有誤。", by=None):
        Entry.objects.filter(pk=entry.pk).update(body="<p>只在資料庫改過 &lt;b&gt;。</p>")
    correct(entry, body=SECOND)

    page = client.get(f"/e/{entry.pk}/v2").text

    assert '<div id="p1"><p>只在資料庫改過 &lt;b&gt;。' in page


def test_search_engines_are_sent_to_the_entry_itself(corrected, client, settings):
    settings.SITE_URL = "https://news.example"

    page = client.get(f"/e/{corrected.pk}/v1").text

    assert '<meta name="robots" content="noindex">' in page
    assert 'rel="canonical" href="https://news.example/entries/' in page


def test_the_entrys_page_lists_its_versions_with_their_notes(corrected, client):
    page = client.get(corrected.get_absolute_url()).text

    assert f'<a href="/e/{corrected.pk}/v1">第 1 版</a>' in page
    assert '<span aria-current="page">第 2 版</span>' in page
    assert "更正：<span>數字有誤。" in page


def test_an_entry_that_was_never_corrected_lists_none(entry, client):
    assert "各個版本" not in client.get(entry.get_absolute_url()).text


@pytest.mark.parametrize("version", [0, 3, 99999999999999999999])
def test_there_is_no_version_that_never_was(version, corrected, client):
    assert client.get(f"/e/{corrected.pk}/v{version}").status_code == 404


@pytest.mark.parametrize("number", [0, 4999, 2**63, 10**30])
def test_there_is_no_entry_of_any_number(number, client):
    assert client.get(f"/e/{number}").status_code == 404
    assert client.get(f"/e/{number}/v1").status_code == 404


@pytest.mark.parametrize("make", [make_draft, lambda: make_published(audience=Audience.MEMBERS)])
def test_what_the_public_may_not_read_has_no_short_address(make, client):
    entry = make().entries.get()
    correct(entry, note="改。", lead="改了。")

    assert client.get(f"/e/{entry.pk}").status_code == 404
    assert client.get(f"/e/{entry.pk}/v1").status_code == 404


def test_what_was_withdrawn_says_so_at_every_address(corrected, client):
    withdraw_entry(corrected, note="核實中。")

    for path in (f"/e/{corrected.pk}", f"/e/{corrected.pk}/v1", f"/e/{corrected.pk}/v2"):
        answer = client.get(path)
        assert answer.status_code == 410
        assert "億元" not in answer.text


def test_what_was_corrected_before_the_public_could_read_it_was_never_theirs(client):
    edition = make_published(
        {"headline": "撥款", "body": FIRST},
        audience=Audience.MEMBERS,
        public_from=timezone.now() + timedelta(hours=1),
    )
    entry = edition.entries.get()
    correct(entry, body=SECOND)
    later = timezone.now() + timedelta(seconds=-1)
    made = entry.corrections.get()
    made.made_at = later - timedelta(minutes=1)
    made.save()
    Edition.objects.update(public_from=later, published_at=later - timedelta(hours=1))

    assert client.get(f"/e/{entry.pk}/v1").status_code == 404
    assert client.get(f"/e/{entry.pk}/v2").status_code == 302
    assert "各個版本" not in client.get(entry.get_absolute_url()).text


def test_a_text_that_stood_only_while_the_entry_was_withdrawn_was_never_public(entry, client):
    withdraw_entry(entry, note="核實中。")
    correct(entry, body=FIRST.replace("三億", "十億"))
    correct(entry, body=SECOND)
    entry.refresh_from_db()
    restore_entry(entry)

    assert client.get(f"/e/{entry.pk}/v1").status_code == 200
    assert client.get(f"/e/{entry.pk}/v2").status_code == 404
    assert "十億" not in client.get(f"/e/{entry.pk}/v1").text.replace("三十億", "")


def test_what_only_members_read_stays_theirs_when_the_edition_is_opened_later(client):
    edition = make_published({"headline": "撥款", "body": FIRST}, audience=Audience.MEMBERS)
    entry = edition.entries.get()
    correct(entry, body=SECOND)
    edition.refresh_from_db()
    withdraw_edition(edition)
    publish_edition(edition, audience=Audience.PUBLIC)

    assert client.get(f"/e/{entry.pk}/v1").status_code == 404
    assert client.get(f"/e/{entry.pk}/v2").status_code == 302


def test_what_was_public_and_corrected_while_withdrawn_can_still_be_looked_up(entry, client):
    withdraw_edition(entry.edition)
    correct(entry, body=SECOND)
    publish_edition(Edition.objects.get(), audience=Audience.PUBLIC)

    assert "<strong>三億元</strong>" in client.get(f"/e/{entry.pk}/v1").text


def test_a_member_is_led_to_the_text_that_stands_and_to_no_other(client, monkeypatch):
    edition = make_published({"headline": "撥款", "body": FIRST}, audience=Audience.MEMBERS)
    entry = edition.entries.get()
    correct(entry, body=SECOND)
    monkeypatch.setattr(hooks, "audience_of", lambda request: Audience.MEMBERS)

    answer = client.get(f"/e/{entry.pk}/v2")

    assert answer["Location"] == entry.get_absolute_url()
    assert client.get(f"/e/{entry.pk}/v1").status_code == 404


def test_an_earlier_version_costs_the_same_however_many_were_recorded(
    corrected, client, django_assert_max_num_queries
):
    for number in range(5):
        keep_version(corrected, why=f"第{number}次")

    with django_assert_max_num_queries(11):
        client.get(f"/e/{corrected.pk}/v1")
