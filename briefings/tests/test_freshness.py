"""Two people at one edition."""

import pytest
from django.contrib.auth.models import User

from briefings.models import Edition
from briefings.tests.makers import make_draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin_user(db):
    return User.objects.create_superuser("admin")


def open_form(client, edition: Edition) -> dict:
    page = client.get(f"/admin/briefings/edition/{edition.pk}/change/")
    form = {
        "_updated_at": page.context["updated_at"],
        "number": edition.number or "",
        "date": edition.date or "",
        "imprint": edition.imprint_id,
        "entries-TOTAL_FORMS": edition.entries.count(),
        "entries-INITIAL_FORMS": edition.entries.count(),
    }
    for index, entry in enumerate(edition.entries.all()):
        values = {"id": entry.pk, "edition": edition.pk, "position": index + 1}
        form |= {f"entries-{index}-{name}": value for name, value in values.items()}
    return form


def post(client, edition: Edition, form: dict):
    return client.post(f"/admin/briefings/edition/{edition.pk}/change/", form)


def test_an_edition_is_saved_over_nothing_newer(admin_client):
    edition = make_draft(number=1)

    answer = post(admin_client, edition, open_form(admin_client, edition) | {"number": 8})

    edition.refresh_from_db()
    assert answer.status_code == 302
    assert edition.number == 8


def test_a_save_over_something_newer_is_stopped_with_what_was_filled_in(admin_client):
    edition = make_draft(number=1)
    opened = open_form(admin_client, edition)
    edition.number = 2
    edition.save()

    page = post(admin_client, edition, opened | {"number": 8})

    edition.refresh_from_db()
    assert edition.number == 2
    assert "你的修改未有儲存" in page.content.decode()
    assert page.context["adminform"].form["number"].value() == "8"


def test_sent_once_more_it_is_meant(admin_client):
    edition = make_draft(number=1)
    opened = open_form(admin_client, edition)
    edition.save()
    page = post(admin_client, edition, opened | {"number": 8})

    again = opened | {"number": 8, "_updated_at": page.context["updated_at"]}
    post(admin_client, edition, again)

    edition.refresh_from_db()
    assert edition.number == 8


def test_an_entry_that_went_elsewhere_meanwhile_does_not_break_the_page(admin_client):
    edition = make_draft({"headline": "甲"}, {"headline": "乙"})
    opened = open_form(admin_client, edition)
    entry = edition.entries.first()
    entry.edition = None
    entry.save()
    edition.save()

    page = post(admin_client, edition, opened)

    assert "你的修改未有儲存" in page.content.decode()
    assert "乙" in page.content.decode()
