import re

import pytest
from django.contrib.auth.models import User

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
