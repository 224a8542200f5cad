import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from cma_site.second_factor import has_telephone
from cma_site.tests.makers import give_telephone, make_staff, read_code

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin_user(db):
    return User.objects.create_superuser("admin")


@pytest.mark.parametrize("path", ["user/{user}/change/", "group/add/"])
def test_permissions_have_chinese_names(path, admin_client, admin_user):
    page = admin_client.get(f"/admin/auth/{path.format(user=admin_user.pk)}").content.decode()

    names = re.findall(r"<option[^>]*>([^<]*／[^<]*)</option>", page)

    assert "編務／一期：可以出版和撤回一期" in names
    assert [name for name in names if re.search("[A-Za-z]", name)] == []


def reset(admin_client, *users: User, **confirmed):
    action = {"action": "reset_second_factor", "_selected_action": [user.pk for user in users]}
    return admin_client.post("/admin/auth/user/", action | confirmed, follow=True)


def test_resetting_a_telephone_asks_first(admin_client):
    chan = make_staff("chan")
    give_telephone(chan)

    page = reset(admin_client, chan).content.decode()

    assert "請先確定真是本人要求的" in page
    assert has_telephone(chan)


def test_a_superuser_resets_a_telephone_and_its_owner_is_logged_out(admin_client):
    chan = make_staff("chan")
    give_telephone(chan)
    owner = Client()
    owner.force_login(chan)

    reset(admin_client, chan, confirmed="yes")

    assert not has_telephone(chan)
    assert "_auth_user_id" not in owner.session
    assert LogEntry.objects.filter(object_id=str(chan.pk), change_message="重設了兩步驗證").exists()


def test_nobody_resets_their_own_telephone_without_a_code(admin_user):
    telephone = give_telephone(admin_user)
    client = Client()
    client.force_login(admin_user)
    client.post("/admin/two-step/code/", {"code": read_code(telephone)})

    page = reset(client, admin_user, confirmed="yes").content.decode()

    assert "自己的兩步驗證不能在這裏重設" in page
    assert has_telephone(admin_user)


def test_who_is_no_superuser_resets_nothing(client):
    manager = make_staff("lee", is_superuser=False)
    manager.user_permissions.set(Permission.objects.filter(codename__endswith="_user"))
    chan = make_staff("chan")
    give_telephone(chan)
    client.force_login(manager)

    reset(client, chan, confirmed="yes")

    assert has_telephone(chan)


@pytest.mark.parametrize("path", ["axes/accesslog", "axes/accessattempt"])
def test_only_superusers_read_who_logged_in(path, client):
    manager = make_staff("lee", is_superuser=False)
    manager.user_permissions.set(Permission.objects.all())
    client.force_login(manager)

    assert client.get(f"/admin/{path}/").status_code == 403
