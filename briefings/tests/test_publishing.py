from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction
from kombu.exceptions import OperationalError

from briefings.contexts import describe_edition
from briefings.models import Audience, Edition, Entry, Imprint, State
from briefings.publishing import (
    TransitionRefused,
    find_obstacles,
    publish_edition,
    withdraw_edition,
)
from briefings.tasks import build_edition_pdf
from briefings.tests.makers import make_draft, make_entry, make_published

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 1, tzinfo=UTC)


def test_publishing_moves_the_edition_and_its_entries_together():
    edition = make_draft({}, {})

    publish_edition(edition, audience=Audience.PUBLIC)

    assert edition.state == State.PUBLISHED
    assert set(edition.entries.values_list("state", flat=True)) == {State.PUBLISHED}


def test_publishing_twice_is_refused_and_changes_nothing():
    edition = make_published()
    first = edition.published_at

    with pytest.raises(TransitionRefused, match="已經出版"):
        publish_edition(edition, audience=Audience.MEMBERS)

    edition.refresh_from_db()
    assert (edition.published_at, edition.audience) == (first, Audience.PUBLIC)


def test_an_older_copy_of_a_published_edition_is_not_published_again():
    edition = make_draft()
    older = Edition.objects.get(pk=edition.pk)
    publish_edition(edition, audience=Audience.PUBLIC)

    with pytest.raises(TransitionRefused, match="已經出版"):
        publish_edition(older, audience=Audience.MEMBERS)

    edition.refresh_from_db()
    assert edition.audience == Audience.PUBLIC


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_publishers_at_once_one_wins(monkeypatch):
    monkeypatch.setattr(build_edition_pdf, "apply_async", lambda *args, **options: None)
    edition, start = make_draft(), Barrier(2, timeout=10)

    def publish(audience):
        older = Edition.objects.get(pk=edition.pk)
        start.wait()
        try:
            publish_edition(older, audience=audience)
        except TransitionRefused:
            return None
        finally:
            connection.close()
        return audience

    with ThreadPoolExecutor(2) as publishers:
        winners = list(filter(None, publishers.map(publish, Audience)))

    edition.refresh_from_db()
    assert winners == [edition.audience]


def test_publishing_goes_by_the_row_and_not_by_an_older_copy():
    edition = make_draft(date=None)
    older = Edition.objects.get(pk=edition.pk)
    edition.date = date(2026, 11, 20)
    edition.save()

    publish_edition(older, audience=Audience.PUBLIC)

    assert (older.state, older.slug) == (State.PUBLISHED, "2026-11-20")


def test_an_older_copy_of_an_edition_that_is_saved_leaves_it_published():
    edition = make_draft()
    older = Edition.objects.get(pk=edition.pk)
    publish_edition(edition, audience=Audience.MEMBERS, public_from=NOW)
    older.number = 7
    older.save()

    row = Edition.objects.get(pk=edition.pk)
    kept = ("state", "audience", "public_from", "published_at", "frozen_imprint")
    assert row.number == 7
    assert [getattr(row, name) for name in kept] == [getattr(edition, name) for name in kept]


def test_an_older_copy_of_an_edition_that_is_saved_does_not_move_its_address():
    edition = make_draft()
    older = Edition.objects.get(pk=edition.pk)
    publish_edition(edition, audience=Audience.PUBLIC)

    older.date = date(2026, 11, 21)
    older.save()

    assert Edition.objects.get(pk=edition.pk).slug == "2026-11-20"


def test_an_older_copy_of_an_entry_that_is_saved_leaves_it_published():
    edition = make_draft({"headline": "未定"})
    older, entry = edition.entries.get(), edition.entries.get()
    entry.headline = "關稅"
    entry.save()
    publish_edition(edition, audience=Audience.PUBLIC)

    older.headline = "匯率"
    older.save()

    row = edition.entries.get()
    assert (row.headline, row.state, row.slug) == ("匯率", State.PUBLISHED, "關稅")


def test_a_state_set_by_hand_is_not_saved():
    edition = make_published()

    edition.state = State.DRAFT
    edition.save(update_fields=["state"])

    assert Edition.objects.get(pk=edition.pk).state == State.PUBLISHED


def test_without_a_broker_the_edition_is_published_all_the_same(
    monkeypatch, django_capture_on_commit_callbacks
):
    def fail(*args, **options):
        raise OperationalError("no broker")

    monkeypatch.setattr(build_edition_pdf, "apply_async", fail)

    with django_capture_on_commit_callbacks(execute=True):
        edition = make_published()

    assert edition.is_published


def test_every_obstacle_is_named_in_plain_words():
    edition = make_draft({"headline": "缺文", "lead": " ", "body": ""}, date=None)

    obstacles = find_obstacles(edition)

    assert obstacles == ["這一期未填日期。", "「缺文」未有導言。", "「缺文」未有正文。"]


def test_an_edition_with_an_obstacle_stays_a_draft():
    edition = make_draft(date=None)

    with pytest.raises(TransitionRefused, match="未填日期"):
        publish_edition(edition, audience=Audience.PUBLIC)

    assert Edition.objects.get(pk=edition.pk).state == State.DRAFT


def test_an_edition_without_entries_is_refused():
    edition = Edition.objects.create(date=date(2026, 11, 20))

    with pytest.raises(TransitionRefused, match="未有短評"):
        publish_edition(edition, audience=Audience.PUBLIC)


def test_a_published_edition_keeps_the_imprint_it_was_published_with():
    edition = make_published()

    Imprint.objects.update(telephone="9999 9999")

    assert describe_edition(edition).imprint.telephone == "2542 8611"


def test_a_withdrawn_edition_shows_the_imprint_it_has_now():
    edition = make_published()
    withdraw_edition(edition)

    Imprint.objects.update(telephone="9999 9999")

    assert describe_edition(Edition.objects.get()).imprint.telephone == "9999 9999"


def test_the_public_reads_the_public_wording_and_members_the_internal_one():
    public = describe_edition(make_published()).imprint
    members = describe_edition(make_published(audience=Audience.MEMBERS)).imprint
    first = describe_edition(make_published(audience=Audience.MEMBERS, public_from=NOW)).imprint

    assert "內部參考" in members.notice
    assert "內部參考" not in public.notice
    assert first.notice == public.notice


def test_the_database_holds_no_published_edition_without_date_and_audience():
    edition = make_draft(date=None)

    with pytest.raises(IntegrityError), transaction.atomic():
        Edition.objects.filter(pk=edition.pk).update(state=State.PUBLISHED)


def test_a_withdrawn_edition_is_seen_by_nobody_and_can_come_back():
    edition = make_published()
    first = edition.published_at

    withdraw_edition(edition)

    assert not Entry.objects.visible_to(Audience.MEMBERS).exists()
    publish_edition(edition, audience=Audience.PUBLIC)
    assert edition.published_at == first


def test_an_entry_that_never_came_out_is_not_withdrawn_with_its_edition():
    edition = make_published()
    late = make_entry(edition)

    withdraw_edition(edition)

    late.refresh_from_db()
    assert late.state == State.DRAFT
    with pytest.raises(TransitionRefused, match="未經審批"):
        publish_edition(edition, audience=Audience.PUBLIC)


def test_only_a_published_edition_can_be_withdrawn():
    with pytest.raises(TransitionRefused, match="並未出版"):
        withdraw_edition(make_draft())


def test_a_draft_takes_its_date_as_its_address_and_keeps_it():
    edition = make_draft(date=None)
    assert edition.slug.startswith("draft-")

    edition.date = date(2026, 11, 20)
    edition.save()
    publish_edition(edition, audience=Audience.PUBLIC)
    edition.date = date(2026, 11, 21)
    edition.save()

    assert edition.slug == "2026-11-20"


def test_a_draft_entry_takes_its_headline_as_its_address():
    entry = make_entry(headline="未定")

    entry.headline = "關稅 與匯率"
    entry.save()

    assert entry.slug == "關稅-與匯率"


def test_an_entry_keeps_its_address_once_it_has_been_published():
    edition = make_published({"headline": "關稅"})
    withdraw_edition(edition)
    entry = edition.entries.get()

    entry.headline = "匯率"
    entry.save()

    assert entry.slug == "關稅"


def test_two_entries_of_one_headline_keep_their_two_addresses():
    first, second = make_entry(headline="關稅"), make_entry(headline="關稅")

    first.save()
    second.save()

    assert (first.slug, second.slug) == ("關稅", "關稅-2")


def test_two_editions_of_one_day_have_two_addresses():
    slugs = [make_draft().slug for _ in range(3)]

    assert slugs == ["2026-11-20", "2026-11-20-2", "2026-11-20-3"]


@pytest.mark.parametrize(
    ("audience", "public_from", "seen_by_public"),
    [
        (Audience.PUBLIC, None, True),
        (Audience.MEMBERS, None, False),
        (Audience.MEMBERS, datetime(2026, 11, 20, 0, 59, tzinfo=UTC), True),
        (Audience.MEMBERS, datetime(2026, 11, 20, 1, 1, tzinfo=UTC), False),
    ],
)
def test_who_may_read_is_what_was_chosen_at_publishing(audience, public_from, seen_by_public):
    edition = make_published(audience=audience, public_from=public_from)

    assert (edition in Edition.objects.visible_to(Audience.PUBLIC, NOW)) is seen_by_public
    assert Entry.objects.visible_to(Audience.PUBLIC, NOW).exists() is seen_by_public
    assert edition in Edition.objects.visible_to(Audience.MEMBERS, NOW)
