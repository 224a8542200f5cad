"""Numbers that somebody put into an address or a form are answered like any that is unknown."""

import json

import pytest
from django.contrib import admin
from django.db import transaction
from django.urls import get_resolver

from briefings.models import Autosave, Entry
from briefings.tests.makers import make_entry
from cma_site.tests.furnish import furnish
from cma_site.tests.walking import fill, list_parameters, list_patterns
from subscribers.tests.makers import VARIANT

pytestmark = pytest.mark.django_db

FORGED = "9" * 30
UNREADABLE = "9" * 5000  # which Python itself makes no number of
# Whatever a page reads a number from, its own or Django's.
QUERIED = [
    *("entry", "edition", "theme", "themes", "author", "imprint", "unsaved", "version", "user"),
    *("id", "id__exact", "id__in", "edition__exact", "edition__in", "edition__id__exact"),
    *("created_by__id__exact", "themes__id__exact", "edition__date__year", "date__year", "year"),
    *("page", "p", "o", "q", "_to_field", "created_at__year", "uploaded_at__month"),
]
ENDS_THE_LOGIN = {"/admin/logout/", "/admin/two-step/log-out-everywhere/"}
NOT_READY = "/readyz"  # says 503 where no worker runs


@pytest.fixture
def desk(admin_client, admin_user, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    furnish(admin_user)
    admin_client.raise_request_exception = False
    return admin_client


def find_failing(client, asked: list[tuple]) -> list[tuple]:
    """Which of the requests the server fails at; each is undone."""
    failing = []
    for method, address, sent in asked:
        with transaction.atomic():
            answer = getattr(client, method)(address, sent)
            transaction.set_rollback(True)
        if answer.status_code >= 500:
            failing.append((method, address, sent))
    return failing


def list_routes() -> list[str]:
    routes = {route for route, _ in list_patterns(get_resolver())}
    return sorted(routes - ENDS_THE_LOGIN - {NOT_READY})


def list_of(model: type) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


@pytest.mark.parametrize("number", [FORGED, UNREADABLE])
def test_no_address_fails_at_a_forged_number_in_it(desk, number):
    with_numbers = [route for route in list_routes() if list_parameters(route)]
    addresses = [
        fill(route, dict.fromkeys(list_parameters(route), number)) for route in with_numbers
    ]

    asked = [(method, address, {}) for address in addresses for method in ("get", "post")]

    assert find_failing(desk, asked) == []


@pytest.mark.parametrize(("number", "names"), [(FORGED, QUERIED), (UNREADABLE, QUERIED[:8])])
def test_no_page_fails_at_a_forged_number_that_it_is_asked_with(desk, number, names):
    pages = [route for route in list_routes() if not list_parameters(route)]

    asked = [("get", page, {name: number}) for page in pages for name in names]

    assert find_failing(desk, asked) == []


@pytest.mark.parametrize("number", [FORGED, UNREADABLE, "abc"])
def test_no_action_fails_at_a_forged_row(desk, rf, admin_user, number):
    request = rf.get("/")
    request.user = admin_user

    asked = [
        ("post", list_of(model), {"action": action, "_selected_action": number, "post": "yes"})
        for model, its_desk in admin.site._registry.items()
        for action in its_desk.get_actions(request)
    ]

    assert find_failing(desk, asked) == []


def test_a_forged_number_is_answered_as_one_that_is_unknown(admin_client):
    addresses = [route for route in list_routes() if route.startswith("/admin/briefings/")]

    for route in addresses:
        unknown, forged = (
            admin_client.get(fill(route, dict.fromkeys(list_parameters(route), number)))
            for number in ("999999999", FORGED)
        )
        assert forged.status_code == unknown.status_code, route


# ----------------------------------------------------------------------------------------- forms
def fill_entry(**typed: str) -> dict[str, object]:
    form = {"headline": "題", "lead": "導言。", "body": "<p>正文。</p>"}
    for prefix in ("bylines", "sources"):
        form |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
    return form | typed


@pytest.mark.parametrize("number", [FORGED, UNREADABLE, "abc"])
@pytest.mark.parametrize("field", ["themes", "edition"])
def test_a_form_with_a_forged_choice_is_shown_again_with_what_was_written(
    admin_client, field, number
):
    answer = admin_client.post(
        "/admin/briefings/entry/add/", fill_entry(lead="寫了很久。", **{field: number})
    )

    assert field in answer.context["adminform"].form.errors
    assert "寫了很久。" in answer.content.decode()
    assert not Entry.objects.exists()


@pytest.mark.parametrize("number", [FORGED, UNREADABLE, "abc"])
@pytest.mark.parametrize("name", ["id", "author", "entry", "position"])
def test_a_forged_number_in_a_row_of_the_form_is_no_failure(desk, name, number):
    entry = make_entry()
    rows = {"bylines-TOTAL_FORMS": 1, "bylines-INITIAL_FORMS": 1, f"bylines-0-{name}": number}

    address = f"/admin/briefings/entry/{entry.pk}/change/"

    assert find_failing(desk, [("post", address, fill_entry(**rows))]) == []


@pytest.mark.parametrize("number", [FORGED, UNREADABLE])
def test_a_forged_version_of_a_form_is_no_failure(desk, number):
    entry = make_entry()
    form = fill_entry(_form_id="form-1", _version=number, _opened="{}")

    address = f"/admin/briefings/entry/{entry.pk}/change/"

    assert find_failing(desk, [("post", address, form)]) == []


@pytest.mark.parametrize("number", [FORGED, UNREADABLE, "abc"])
def test_what_was_typed_is_offered_again_whatever_was_chosen_in_it(desk, admin_user, number):
    entry = make_entry()
    fields = fill_entry(themes=number, edition=number, **{"bylines-TOTAL_FORMS": "1"})
    fields |= {"bylines-0-author": number, "bylines-0-id": number, "bylines-0-position": number}
    told = {"form_id": "form-1", "entry": entry.pk, "version": entry.version}
    told["fields"] = {name: [str(value)] for name, value in fields.items()}
    desk.post("/admin/briefings/entry/autosave/", json.dumps(told), content_type="application/json")
    assert Autosave.objects.filter(user=admin_user).exists()

    form = f"/admin/briefings/entry/{entry.pk}/change/"
    asked = [
        ("get", form, {}),
        ("get", form, {"unsaved": "form-1"}),
        ("get", f"/admin/briefings/entry/{entry.pk}/merge/form-1/", {}),
        ("get", "/admin/briefings/entry/preview/page/", {"entry": entry.pk, "form": "form-1"}),
    ]

    assert find_failing(desk, asked) == []


@pytest.mark.parametrize("number", [FORGED, UNREADABLE, "abc"])
def test_a_forged_theme_of_a_member_is_no_failure(desk, number):
    form = {"email": "wong@example.com", "frequency": "every", **VARIANT, "consent_wording": "同意"}
    form |= {"chosen_themes-TOTAL_FORMS": 1, "chosen_themes-INITIAL_FORMS": 0}
    form |= {"chosen_themes-0-theme": number}

    assert find_failing(desk, [("post", "/admin/subscribers/member/add/", form)]) == []


def test_a_number_made_up_is_no_page_of_the_public(desk):
    desk.logout()
    asked = [
        ("get", address, {name: number})
        for address in ("/", "/search/", "/editions/", "/themes/")
        for name in ("page", "year", "theme", "q")
        for number in (FORGED, UNREADABLE)
    ]

    assert find_failing(desk, asked) == []
