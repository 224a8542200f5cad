"""What the desk shows to whom, and what the publish form's option does."""

import pytest
from django.contrib.auth.models import Permission, User

from briefings.models import Theme
from briefings.tests.makers import make_draft, make_published
from subscribers.desk import count_readership, describe_sending, send_to_members
from subscribers.models import Delivery, Frequency, Mailing, Member
from subscribers.tests.makers import make_delivery, make_mailing, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor(client):
    """Somebody who may see editions and nothing of the members."""
    user = User.objects.create_user("editor", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_edition"))
    client.force_login(user)
    return user


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
        "將寄給 2 位會員，1 位因未選相關主題不寄，1 位選了「每週摘要」不寄。"
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


def test_a_preview_for_one_theme_leaves_out_the_rest(client, editor):
    theme = Theme.objects.create(name="稅務")
    edition = make_draft({"headline": "有關稅務", "themes": [theme]}, {"headline": "別的題目"})

    page = client.get(tool(edition, "mail"), {"theme": theme.slug}).content.decode()

    assert "有關稅務" in page
    assert "別的題目" not in page


def test_who_may_not_see_mailings_does_not(client, editor):
    assert client.get(tool(make_published(), "mailing")).status_code == 403


def test_who_may_only_see_mailings_opens_none(client, editor):
    allow(editor, "view_mailing")
    make_member()
    edition = make_published()

    page = client.get(tool(edition, "mailing")).content.decode()

    assert "將寄給 1 位會員" in page
    assert "<form method" not in page.split('id="content-main"')[1]
    assert client.post(tool(edition, "mailing")).status_code == 403
    assert not Mailing.objects.exists()


def test_who_may_open_mailings_does_so_by_a_button(client, editor):
    allow(editor, "view_mailing", "add_mailing")
    make_member()
    edition = make_published()

    page = client.post(tool(edition, "mailing"), follow=True).content.decode()

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
    admin_client, monkeypatch, django_capture_on_commit_callbacks
):
    asked = []
    monkeypatch.setattr("subscribers.admin.send_confirmation.delay", asked.append)
    fields = {"email": "chan@example.com", "frequency": "every", "consent_wording": "來電同意"}

    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post("/admin/subscribers/member/add/", fields)

    member = Member.objects.get()
    assert (member.state, member.consent_wording) == ("pending", "來電同意")
    assert member.consented_at is not None
    assert asked == [member.pk]


def test_members_can_be_unsubscribed_in_the_admin(admin_client):
    member = make_member()

    admin_client.post(
        "/admin/subscribers/member/",
        {"action": "unsubscribe_members", "_selected_action": [member.pk]},
    )

    member.refresh_from_db()
    assert not member.is_active
