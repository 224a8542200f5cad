"""What was agreed to stands, and outlives whoever agreed."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.utils import timezone

from briefings.models import Publication
from subscribers.links import Purpose, make_token
from subscribers.models import (
    ConsentAct,
    ConsentRecord,
    ConsentWay,
    ConsentWording,
    Frequency,
    Member,
    MemberState,
    RecordsStand,
)
from subscribers.tests.makers import make_member

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def sign_up(email: str = "chan@example.com", now=NOW) -> Member:
    return Member.objects.sign_up(
        email=email, name="", frequency=Frequency.EVERY_EDITION, themes=[], now=now
    )


def list_acts() -> list[tuple[str, str]]:
    return list(ConsentRecord.objects.values_list("act", "way"))


def test_asking_confirming_and_leaving_are_recorded_with_the_wording():
    member = sign_up()
    member.confirm(NOW + timedelta(minutes=1))
    member.unsubscribe(NOW + timedelta(days=9))

    assert list_acts() == [("asked", "page"), ("given", "link"), ("withdrawn", "link")]
    assert {record.wording.text for record in ConsentRecord.objects.all()} == {
        member.consent_wording
    }
    assert {record.email for record in ConsentRecord.objects.all()} == {"chan@example.com"}


def test_what_changes_nothing_is_no_act():
    member = sign_up()
    for _ in range(2):
        member.confirm()
        member.unsubscribe()
        member.unsubscribe()

    assert list_acts() == [("asked", "page"), ("given", "link"), ("withdrawn", "link")]


def test_asking_again_leaves_what_was_recorded_before():
    sign_up().confirm(NOW)
    Member.objects.get().unsubscribe(NOW + timedelta(days=1))
    before = list(ConsentRecord.objects.values())
    Publication(organisation="另一商會").save()

    sign_up(now=NOW + timedelta(days=2))

    *earlier, asked = ConsentRecord.objects.all()
    assert list(ConsentRecord.objects.values())[: len(before)] == before
    assert len(earlier) == len(before)
    assert asked.act == ConsentAct.ASKED
    assert "另一商會" in asked.wording.text
    assert ConsentWording.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "way"),
    [({"List-Unsubscribe": "One-Click"}, ConsentWay.ONE_CLICK), ({}, ConsentWay.LINK)],
)
def test_how_somebody_left_is_recorded(client, body, way):
    member = make_member()

    client.post(f"/unsubscribe/{make_token(Purpose.UNSUBSCRIBE, member.pk)}/", body)

    assert list_acts() == [(ConsentAct.WITHDRAWN, way)]


def test_the_desk_is_named_with_whoever_did_it(admin_client):
    member = make_member()

    admin_client.post(
        "/admin/subscribers/member/",
        {"action": "unsubscribe_members", "_selected_action": [member.pk]},
    )

    record = ConsentRecord.objects.get()
    assert (record.act, record.way) == (ConsentAct.WITHDRAWN, ConsentWay.DESK)
    assert record.by == User.objects.get()


def test_a_members_page_shows_their_records(admin_client):
    member = sign_up()
    member.confirm()

    page = admin_client.get(f"/admin/subscribers/member/{member.pk}/change/").text

    assert "要求訂閱" in page
    assert "確認同意" in page


def test_nobody_changes_or_deletes_a_record():
    record = sign_up().consent_records.get()

    for change in (
        record.save,
        record.delete,
        ConsentRecord.objects.all().delete,
        lambda: ConsentRecord.objects.update(email="other@example.com"),
    ):
        with pytest.raises(RecordsStand):
            change()


def test_a_record_outlives_its_member():
    sign_up().delete()

    record = ConsentRecord.objects.get()
    assert (record.member, record.email) == (None, "chan@example.com")


def test_members_from_before_get_the_records_that_their_rows_tell():
    make_member(email="a@example.com", consent_wording="甲", unsubscribed_at=NOW)
    make_member(email="b@example.com", consent_wording="甲", consented_at=None)
    make_member(email="c@example.com", state=MemberState.PENDING, confirmed_at=None)
    migration = import_module("subscribers.migrations.0005_consent_records")

    migration.record_what_is_known(apps, None)

    acts = {email: [] for email in ("a@example.com", "b@example.com", "c@example.com")}
    for record in ConsentRecord.objects.order_by("pk"):
        acts[record.email].append((record.act, str(record.wording)))
    first = str(ConsentWording.objects.get())
    assert acts == {
        "a@example.com": [("asked", first), ("given", first), ("withdrawn", first)],
        "b@example.com": [("given", first)],
        "c@example.com": [("asked", "None")],
    }
