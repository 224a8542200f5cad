"""What the desk shows to whom, and what the publish form's option does."""

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone
from kombu.exceptions import OperationalError

from briefings.models import Audience, Theme
from briefings.tests.makers import make_draft, make_published, make_scheduled
from subscribers.desk import describe_sending, send_to_members
from subscribers.models import (
    Delivery,
    DeliveryState,
    Frequency,
    Mailing,
    MailingState,
    Member,
    MemberState,
)
from subscribers.opening import open_mailing
from subscribers.readership import count_readership
from subscribers.tasks import send_chunk
from subscribers.tests.makers import VARIANT, make_delivery, make_mailing, make_member
from subscribers.waking import finish_mailings

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor(client):
    """Somebody who may see editions and nothing of the members."""
    user = User.objects.create_user("editor", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_edition"))
    client.force_login(user)
    return user


def act(client, page, action, *rows):
    """What the admin says after an action on rows of a list."""
    form = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(f"/admin/subscribers/{page}/", form, follow=True).content.decode()


def allow(user, *codenames):
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


def tool(edition, name):
    return f"/admin/briefings/edition/{edition.pk}/{name}/"


def test_readers_and_others_are_counted_by_reason():
    tax, trade = Theme.objects.create(name="稅務"), Theme.objects.create(name="貿易")
    edition = make_published({"themes": [tax]})
    make_member()
    make_member(themes=[tax])
    make_member(themes=[trade])
    make_member(frequency=Frequency.WEEKLY)
    make_member().unsubscribe()

    assert str(count_readership(edition)) == (
        "將寄給 2 位會員，不寄給 1 位（選了「每週摘要」），不寄給 1 位（未選這一期的主題）。"
    )


def test_publishing_says_to_how_many_it_would_send():
    make_member()

    assert describe_sending(make_draft()) == "將寄給 1 位會員。"


def test_publishing_says_that_an_edition_was_sent_before():
    mailing = make_mailing()

    assert "不會再寄" in describe_sending(mailing.edition)


def test_publishing_can_open_the_mailing(admin_user):
    make_member()
    edition = make_published()

    assert "1 位會員" in send_to_members(edition, admin_user)
    assert Mailing.objects.get().opened_by == admin_user


def test_publishing_without_readers_says_so(admin_user):
    assert "沒有會員" in send_to_members(make_published(), admin_user)


def test_an_editor_can_preview_the_mail_of_a_draft(client, editor):
    edition = make_draft({"headline": "新質生產力"})

    page = client.get(tool(edition, "mail")).content.decode()

    assert "新質生產力" in page
    assert "sandbox=" in page
    assert "[[" not in page


def test_the_mail_in_the_preview_stands_under_a_policy_of_its_own(client, editor):
    edition = make_draft({"headline": "新質生產力"})

    frame = client.get(tool(edition, "mail"), {"frame": ""})

    assert "新質生產力" in frame.content.decode()
    assert "default-src 'none'" in frame["Content-Security-Policy"]
    assert "sandbox" in frame["Content-Security-Policy"]


def test_a_preview_for_one_theme_leaves_out_the_rest(client, editor):
    theme = Theme.objects.create(name="稅務")
    edition = make_draft({"headline": "有關稅務", "themes": [theme]}, {"headline": "別的題目"})

    page = client.get(tool(edition, "mail"), {"theme": theme.slug}).content.decode()

    assert "有關稅務" in page
    assert "別的題目" not in page


@pytest.mark.parametrize(
    ("fields", "is_for_members"),
    [({}, False), ({"audience": Audience.MEMBERS}, True)],
    ids=["public", "members"],
)
def test_a_preview_shows_the_links_that_the_mail_has(client, editor, fields, is_for_members):
    make_member()
    edition = make_published(**fields)

    page = client.get(tool(edition, "mail")).content.decode()
    mailing = open_mailing(edition, by=None)

    assert ("這一期只供會員閱讀" in page) is is_for_members
    assert ("這一期只供會員閱讀" in mailing.digests.get().text) is is_for_members


def test_a_draft_is_previewed_as_the_public_would_get_it(client, editor):
    page = client.get(tool(make_draft(), "mail")).content.decode()

    assert "在網站閱讀" in page


@pytest.mark.parametrize(
    ("fields", "is_for_members"),
    [({}, False), ({"audience": Audience.MEMBERS}, True)],
    ids=["public", "members"],
)
def test_a_scheduled_edition_is_previewed_as_it_will_be_mailed(
    client, editor, fields, is_for_members
):
    edition = make_scheduled(**fields)

    page = client.get(tool(edition, "mail")).content.decode()

    assert ("這一期只供會員閱讀" in page) is is_for_members


def test_who_may_not_see_mailings_does_not(client, editor):
    assert client.get(tool(make_published(), "mailing")).status_code == 403


def test_who_may_only_see_mailings_opens_none(client, editor):
    allow(editor, "view_mailing")
    make_member()
    edition = make_published()

    page = client.get(tool(edition, "mailing")).content.decode()

    assert '<th scope="row">收到整封</th><td>1</td>' in page
    assert "<form" not in page.split('id="content-main"')[1]
    assert client.post(tool(edition, "mailing"), {"send": ""}).status_code == 403
    assert not Mailing.objects.exists()


def test_who_may_open_mailings_does_so_by_a_button(client, editor):
    allow(editor, "view_mailing", "add_mailing")
    make_member()
    edition = make_published()

    page = client.post(tool(edition, "mailing"), {"send": ""}, follow=True).content.decode()

    assert Delivery.objects.count() == 1
    assert "寄送中" in page


def test_the_desk_names_no_member(client, editor):
    allow(editor, "view_mailing", "add_mailing")
    delivery = make_delivery()
    edition = delivery.mailing.edition

    for name in ("mail", "mailing"):
        assert delivery.email not in client.get(tool(edition, name)).content.decode()


@pytest.mark.parametrize("page", ["member", "mailing", "delivery"])
def test_without_permission_the_admins_lists_are_closed(client, editor, page):
    assert client.get(f"/admin/subscribers/{page}/").status_code == 403


@pytest.mark.parametrize("page", ["member", "mailing", "delivery"])
def test_the_admins_lists_and_pages_open(admin_client, page):
    delivery = make_delivery()
    key = {"member": delivery.member_id, "mailing": delivery.mailing_id, "delivery": delivery.pk}

    for address in ("", f"{key[page]}/change/", f"?q={delivery.email}"):
        assert admin_client.get(f"/admin/subscribers/{page}/{address}").status_code == 200


@pytest.mark.parametrize("page", ["mailing", "delivery"])
def test_the_ledger_cannot_be_written_by_hand(admin_client, page):
    delivery = make_delivery()
    key = {"mailing": delivery.mailing_id, "delivery": delivery.pk}[page]

    assert admin_client.get(f"/admin/subscribers/{page}/add/").status_code == 403
    assert admin_client.post(f"/admin/subscribers/{page}/{key}/change/").status_code == 403
    assert admin_client.post(f"/admin/subscribers/{page}/{key}/delete/").status_code == 403


def test_a_member_added_by_hand_is_asked_to_confirm(
    admin_client, confirmations, django_capture_on_commit_callbacks
):
    fields = {
        "email": "chan@example.com",
        "frequency": "every",
        **VARIANT,
        "consent_wording": "來電同意",
    }
    fields |= {"chosen_themes-TOTAL_FORMS": "0", "chosen_themes-INITIAL_FORMS": "0"}

    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post("/admin/subscribers/member/add/", fields)

    member = Member.objects.get()
    assert (member.state, member.consent_wording) == ("pending", "來電同意")
    assert member.consented_at is not None
    assert confirmations == [member.pk]


def test_members_can_be_unsubscribed_in_the_admin(admin_client):
    member = make_member()

    act(admin_client, "member", "unsubscribe_members", member)

    member.refresh_from_db()
    assert not member.is_active


def test_only_who_has_yet_to_confirm_is_asked_again(
    admin_client, confirmations, django_capture_on_commit_callbacks
):
    pending, active, gone = make_member(state=MemberState.PENDING), make_member(), make_member()
    gone.unsubscribe()

    with django_capture_on_commit_callbacks(execute=True):
        page = act(admin_client, "member", "send_confirmations", pending, active, gone)

    assert confirmations == [pending.pk]
    assert "將寄出 1 封確認信" in page


def test_what_was_held_can_be_taken_as_sent(admin_client):
    held, failed = make_mailing(members=2).deliveries.all()
    Delivery.objects.update(state=DeliveryState.FAILED, claimed_at=timezone.now())
    Delivery.objects.filter(pk=held.pk).update(state=DeliveryState.UNKNOWN)

    page = act(admin_client, "delivery", "accept_as_sent", held, failed)

    held.refresh_from_db()
    failed.refresh_from_db()
    assert (held.state, held.sent_at) == (DeliveryState.SENT, held.claimed_at)
    assert failed.state == DeliveryState.FAILED
    assert "1 份" in page


@pytest.mark.parametrize("state", [DeliveryState.UNKNOWN, DeliveryState.FAILED])
def test_what_was_held_or_failed_can_be_sent_again(
    admin_client, woken, django_capture_on_commit_callbacks, state
):
    delivery = make_delivery(state=state, attempts=10)
    finish_mailings(timezone.now())

    with django_capture_on_commit_callbacks(execute=True):
        act(admin_client, "delivery", "send_deliveries_again", delivery)

    delivery.refresh_from_db()
    mailing = delivery.mailing
    assert (delivery.state, delivery.attempts) == (DeliveryState.QUEUED, 0)
    assert (mailing.state, mailing.finished_at) == (MailingState.SENDING, None)
    assert woken == [(mailing.pk, delivery.pk, delivery.pk)]


@pytest.mark.parametrize("action", ["accept_as_sent", "send_deliveries_again"])
@pytest.mark.parametrize(
    "state", sorted(set(DeliveryState) - {DeliveryState.UNKNOWN, DeliveryState.FAILED})
)
def test_what_waits_or_has_ended_well_is_not_touched(admin_client, woken, state, action):
    delivery = make_delivery(state=state, attempts=3)

    act(admin_client, "delivery", action, delivery)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (state, 3)
    assert woken == []


@pytest.mark.parametrize("action", ["accept_as_sent", "send_deliveries_again"])
def test_who_may_only_see_the_ledger_settles_nothing(client, editor, action):
    allow(editor, "view_delivery")
    delivery = make_delivery(state=DeliveryState.UNKNOWN)

    page = act(client, "delivery", action, delivery)

    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.UNKNOWN
    assert "再寄一次" not in page


def test_who_may_change_deliveries_is_offered_to_settle_them(client, editor):
    allow(editor, "view_delivery", "change_delivery")
    make_delivery()

    page = client.get("/admin/subscribers/delivery/").content.decode()

    assert "當作已寄出" in page
    assert "再寄一次" in page


def test_sending_again_with_the_broker_away_leaves_it_to_the_sweep(
    admin_client, monkeypatch, django_capture_on_commit_callbacks
):
    def fail(*args, **options):
        raise OperationalError("no broker")

    monkeypatch.setattr(send_chunk, "apply_async", fail)
    delivery = make_delivery(state=DeliveryState.FAILED)

    with django_capture_on_commit_callbacks(execute=True):
        act(admin_client, "delivery", "send_deliveries_again", delivery)

    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.QUEUED


def test_publishing_again_says_that_nothing_more_was_sent(admin_user):
    mailing = make_mailing()

    assert send_to_members(mailing.edition, admin_user) == "這一期已寄過給會員，沒有再寄。"


@pytest.mark.parametrize("page", ["member", "mailing", "delivery"])
def test_records_are_not_deleted_by_the_list(admin_client, page):
    make_delivery()

    assert "delete_selected" not in admin_client.get(f"/admin/subscribers/{page}/").content.decode()


def test_a_member_added_by_hand_gets_the_themes_that_were_chosen(admin_client, confirmations):
    theme = Theme.objects.create(name="稅務")
    fields = {
        "email": "chan@example.com",
        "frequency": "every",
        **VARIANT,
        "consent_wording": "來電同意",
    }
    chosen = {
        "chosen_themes-TOTAL_FORMS": 1,
        "chosen_themes-INITIAL_FORMS": 0,
        "chosen_themes-0-theme": theme.pk,
    }

    admin_client.post("/admin/subscribers/member/add/", fields | chosen)

    assert list(Member.objects.get().themes.all()) == [theme]


def test_a_theme_that_a_member_chose_is_not_deleted_and_the_page_names_nobody(client, editor):
    theme = Theme.objects.create(name="稅務")
    make_member(email="chan@example.com", name="陳大文", themes=[theme])
    allow(editor, "view_theme", "delete_theme")
    address = f"/admin/briefings/theme/{theme.pk}/delete/"

    page = client.get(address).content.decode()
    client.post(address, {"post": "yes"})

    assert Theme.objects.filter(pk=theme.pk).exists()
    assert "會員所選主題" in page
    assert "陳大文" not in page
    assert "chan@" not in page


def test_who_may_change_members_may_change_their_themes(client, editor):
    member = make_member(themes=[Theme.objects.create(name="稅務")])
    allow(editor, "view_member", "change_member", "view_theme")

    page = client.get(f"/admin/subscribers/member/{member.pk}/change/").content.decode()

    assert "chosen_themes-0-DELETE" in page
