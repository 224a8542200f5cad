from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import ProtectedError
from django.utils import timezone

from briefings.models import Publication, Theme
from subscribers.models import Frequency, Member, MemberState
from subscribers.tests.makers import at_once, make_member

pytestmark = pytest.mark.django_db


def sign_up(email="chan@example.com", **fields):
    wish = {"name": "", "frequency": Frequency.EVERY_EDITION, "themes": []}
    return Member.objects.sign_up(email=email, now=timezone.now(), **wish | fields)


def test_an_address_is_kept_stripped_with_its_domain_in_lower_case():
    member = make_member(email=" Chan@Example.COM ")

    assert member.email == "Chan@example.com"


def test_an_address_is_found_in_any_case():
    member = make_member(email="Chan@example.com")

    assert Member.objects.with_email("chan@EXAMPLE.com").get() == member


def test_two_members_cannot_share_an_address_in_different_case():
    make_member(email="Chan@example.com")

    with pytest.raises(IntegrityError):
        make_member(email="chan@example.com")


def test_signing_up_keeps_the_wording_that_was_consented_to():
    member = sign_up()

    assert member.state == MemberState.PENDING
    assert "取消訂閱" in member.consent_wording
    assert member.consented_at is not None


def test_the_wording_names_the_publication_as_it_is_and_then_stays():
    Publication(name="商情", organisation="某商會", department="研究組").save()

    member = sign_up()
    Publication(name="別的").save()

    member.refresh_from_db()
    assert "某商會研究組" in member.consent_wording
    assert "《商情》" in member.consent_wording


def test_signing_up_twice_makes_one_member_with_the_latest_wishes():
    sign_up(frequency=Frequency.WEEKLY)

    sign_up(email="CHAN@example.com", frequency=Frequency.MONTHLY)

    assert Member.objects.get().frequency == Frequency.MONTHLY


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_signing_up_twice_at_once_makes_one_member():
    members = at_once(4, sign_up)

    assert len({member.pk for member in members}) == 1
    assert Member.objects.count() == 1


def test_a_stranger_cannot_change_an_active_member():
    make_member(email="chan@example.com", name="陳大文")

    sign_up(name="別人", frequency=Frequency.PAUSED)

    member = Member.objects.get()
    assert (member.name, member.frequency) == ("陳大文", Frequency.EVERY_EDITION)


def test_confirming_twice_is_confirming_once():
    member = sign_up()

    assert member.confirm() is True
    first = member.confirmed_at
    assert member.confirm() is False
    assert (member.state, member.confirmed_at) == (MemberState.ACTIVE, first)


def test_unsubscribing_twice_keeps_the_first_time():
    member = make_member()
    first = timezone.now() - timedelta(days=3)

    assert member.unsubscribe(first) is True
    assert member.unsubscribe() is False
    assert member.unsubscribed_at == first


def test_an_old_confirmation_does_not_bring_back_who_unsubscribed_since():
    member = sign_up()
    member.confirm()
    member.unsubscribe()

    assert member.confirm() is False
    assert member.state == MemberState.UNSUBSCRIBED


def test_who_unsubscribed_can_sign_up_and_confirm_again():
    member = make_member(email="chan@example.com")
    member.unsubscribe()

    member = sign_up()

    assert member.state == MemberState.UNSUBSCRIBED
    assert member.confirm() is True


def test_only_active_members_for_whom_nothing_is_paused_want_every_edition():
    reader = make_member()
    make_member(frequency=Frequency.PAUSED)
    make_member(frequency=Frequency.MONTHLY)
    make_member(state=MemberState.PENDING)
    make_member().unsubscribe()

    assert list(Member.objects.wants_every_edition()) == [reader]


def test_a_theme_that_a_member_chose_cannot_be_deleted():
    theme = Theme.objects.create(name="稅務")
    member = make_member(themes=[theme])

    with pytest.raises(ProtectedError):
        theme.delete()

    assert list(member.themes.all()) == [theme]


def test_a_member_can_be_deleted_with_their_choice():
    make_member(themes=[Theme.objects.create(name="稅務")]).delete()

    assert Theme.objects.exists()
    assert not Member.objects.exists()


def test_an_address_that_no_mail_can_be_sent_to_is_not_valid():
    with pytest.raises(ValidationError, match="無法寄信到這個地址"):
        Member(email="a@．.hk").full_clean()
