"""The record of work: for superusers and whom they name, and without what those may not see."""

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType

from briefings.history import record_act
from briefings.tests.makers import make_entry
from subscribers.models import Member

pytestmark = pytest.mark.django_db
PATH = "/admin/admin/logentry/"


@pytest.fixture
def admin_user(db):
    return User.objects.create_superuser("admin")


def make_reader(*permissions: str) -> User:
    reader = User.objects.create_user("lee", is_staff=True)
    reader.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return reader


def test_the_record_tells_who_did_what(admin_client, admin_user):
    record_act(make_entry(headline="關稅"), by=admin_user, why="審批")

    page = admin_client.get(PATH).content.decode()

    assert "關稅" in page
    assert "審批" in page


def test_it_is_called_one_thing_everywhere(admin_client, admin_user):
    record_act(make_entry(headline="關稅"), by=admin_user, why="審批")

    page = admin_client.get(PATH).content.decode()

    assert "工作紀錄" in page
    assert "日誌" not in page


def test_who_has_no_permission_does_not_read_it(client):
    client.force_login(make_reader("view_entry", "view_member"))

    assert client.get(PATH).status_code == 403


def test_it_names_no_member_to_whom_may_not_see_members(client, admin_user):
    member = Member.objects.create(email="wong@example.org")
    record_act(make_entry(headline="關稅"), by=admin_user, why="審批")
    LogEntry.objects.create(
        user=admin_user,
        content_type=ContentType.objects.get_for_model(Member),
        object_id=str(member.pk),
        object_repr=str(member),
        action_flag=CHANGE,
        change_message="停止寄送",
    )
    client.force_login(make_reader("view_logentry", "view_entry"))

    page = client.get(PATH).content.decode()
    searched = client.get(PATH, {"q": "wong"}).content.decode()

    assert "關稅" in page
    assert "wong" not in page
    assert "停止寄送" not in searched
