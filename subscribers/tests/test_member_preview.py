"""An edition's mail as one member would get it."""

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from briefings.models import Theme
from briefings.tests.makers import make_draft, make_published
from briefings.tests.test_corrections import correct
from subscribers.correction_mails import decide
from subscribers.models import CorrectionWay, Frequency, add_search
from subscribers.opening import open_mailing
from subscribers.tests.makers import make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def preview(admin_client):
    """What the page says, and the mail in its frame."""

    def show(edition, member) -> tuple[str, str]:
        address = f"/admin/briefings/edition/{edition.pk}/mail/?member={member.pk}"
        return admin_client.get(address).text, admin_client.get(f"{address}&frame").text

    return show


def make_edition():
    tax = Theme.objects.create(name="稅務")
    return tax, make_draft({"headline": "利得稅", "themes": [tax]}, {"headline": "碼頭"}, number=2)


def test_it_has_their_themes_script_and_language(preview):
    tax, edition = make_edition()
    member = make_member(
        name="陳大文", themes=[tax], script="hans", notice_language="en", email="chan@example.com"
    )

    page, mail = preview(edition, member)

    assert "陳大文（chan@example.com）" in page
    assert "利得税" in mail
    assert "碼頭" not in mail
    assert "码头" not in mail
    assert "View it in your browser" in mail


def test_it_has_their_searches_and_what_was_corrected(preview, admin_user):
    member = make_member(only_searches=True)
    add_search(member, "碼頭", timezone.now())
    mailed = make_published({"headline": "舊碼頭"}, number=1)
    open_mailing(mailed, by=None)
    correction = correct(mailed.entries.get(), note="應為二號碼頭。", lead="二號")
    decide(correction, CorrectionWay.WITH_NEXT, admin_user, timezone.now())
    _, edition = make_edition()

    _, mail = preview(edition, member)

    assert "你訂閱的搜尋：" in mail
    assert "應為二號碼頭。" in mail
    assert "利得稅" not in mail


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"frequency": Frequency.WEEKLY}, "選了「每週摘要」"),
        ({"state": "unsubscribed"}, "已取消訂閱"),
        ({"only_searches": True}, "這一期沒有這位會員要收而未收過的短評"),
    ],
    ids=["another frequency", "has left", "nothing for them"],
)
def test_of_who_gets_none_it_is_said_why(preview, fields, said):
    _, edition = make_edition()

    page, _ = preview(edition, make_member(**fields))

    assert f"這一期不會寄給這位會員：{said}。" in page
    assert "iframe" not in page


@pytest.mark.parametrize("member", ["x", "9" * 30, "０", ""])
def test_of_nobody_it_is_the_one_for_all(admin_client, member):
    _, edition = make_edition()

    page = admin_client.get(f"/admin/briefings/edition/{edition.pk}/mail/?member={member}").text

    assert "收取全部主題的會員" in page


def test_who_may_not_see_members_sees_nobodys(client):
    tax, edition = make_edition()
    member = make_member(themes=[tax], email="chan@example.com")
    editor = User.objects.create_user("editor", is_staff=True)
    editor.user_permissions.add(Permission.objects.get(codename="view_edition"))
    client.force_login(editor)

    address = f"/admin/briefings/edition/{edition.pk}/mail/?member={member.pk}"

    assert "chan@example.com" not in client.get(address).text
    assert "碼頭" in client.get(f"{address}&frame").text


def test_the_members_page_leads_there(admin_client):
    member, (_, edition) = make_member(), make_edition()

    page = admin_client.get(f"/admin/subscribers/member/{member.pk}/change/").text

    assert f"/admin/briefings/edition/{edition.pk}/mail/?member={member.pk}" in page
