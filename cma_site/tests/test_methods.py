"""What can only be read refuses to be written, and says so."""

import pytest
from django.test import Client
from django.urls import get_resolver

from cma_site.tests.walking import fill, list_parameters, list_patterns

pytestmark = pytest.mark.django_db

API = "/api/v1/"
# Beside the archive: what has forms, and what is not Django's to answer.
WITH_FORMS = ("/admin/", "/mailbox/")
# What has to look like something to be an address.
NAMES = {"digest": "0" * 16, "name": f"{'0' * 64}.jpg"}


def list_readable() -> list[str]:
    """Addresses of the archive and of what tells of it; whether something is there is no matter."""
    return [
        fill(route, {name: NAMES.get(name, 1) for name in list_parameters(route)})
        for route, pattern in list_patterns(get_resolver())
        if not route.startswith(WITH_FORMS)
        if pattern.callback.__module__.startswith(("briefings", "django", "cma_site"))
        if not route.startswith(API)
    ]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_another_method_is_refused_as_such(method):
    client = Client(enforce_csrf_checks=True)
    answers = {address: client.generic(method, address) for address in list_readable()}

    assert len(answers) > 25
    assert {address: a.status_code for address, a in answers.items() if a.status_code != 405} == {}
    assert all("GET" in answer["Allow"] for answer in answers.values())


def test_who_asks_for_the_methods_gets_no_document():
    answers = {address: Client().options(address) for address in list_readable()}

    assert [address for address, answer in answers.items() if answer.content] == []
    assert all("GET" in answer["Allow"] for answer in answers.values())


@pytest.mark.parametrize("prefix", ["/en", "/zh-hans"])
def test_so_it_is_in_other_languages(prefix):
    answer = Client(enforce_csrf_checks=True).generic("BREW", f"{prefix}/search/")

    assert answer.status_code == 405
