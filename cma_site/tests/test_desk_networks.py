"""The desk, for the networks of ADMIN_NETWORKS alone."""

from ipaddress import ip_network

import pytest
from django.contrib.auth.models import User
from django.test import Client

from briefings.tests.makers import make_published
from cma_site.tests.test_settings import start

pytestmark = pytest.mark.django_db

OFFICE, OFFICE_6 = "203.0.113.9", "2001:db8:5:1::9"
OUTSIDE = "198.51.100.7"
NETWORKS = [ip_network("203.0.113.8/31"), ip_network("2001:db8:5:1::8/125")]


@pytest.fixture(autouse=True)
def only_from_the_office(settings):
    settings.ADMIN_NETWORKS = NETWORKS


def ask(path: str, address: str, method: str = "get", **headers):
    answer = getattr(Client(**headers), method)(path, REMOTE_ADDR=address)
    told = {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}
    return answer.status_code, told, answer.content


@pytest.mark.parametrize("address", [OFFICE, OFFICE_6, f"::ffff:{OFFICE}"])
def test_from_within_there_is_a_desk(address):
    assert ask("/admin/login/", address)[0] == 200


@pytest.mark.parametrize("method", ["get", "head", "post", "options"])
@pytest.mark.parametrize(
    ("path", "never_was"),
    [
        ("/admin/", "/odmin/"),
        ("/admin", "/odmin"),
        ("/admin/login/", "/odmin/login/"),
        ("/admin/password_reset/", "/odmin/password_reset/"),
        ("/admin/briefings/entry", "/odmin/briefings/entry"),
        ("/zh-hans/admin/", "/zh-hans/odmin/"),
    ],
)
def test_from_outside_its_addresses_are_as_any_that_never_was(path, never_was, method):
    asked = ask(path, OUTSIDE, method)

    assert asked == ask(never_was, OUTSIDE, method)
    assert asked[0] == 404


@pytest.mark.parametrize(
    "address", ["2001:db8:5:1::10", "2001:db8:5:1::", "", "unix:", "203.0.113.10"]
)
def test_a_neighbour_and_who_has_no_address_are_outside(address):
    assert ask("/admin/login/", address)[0] == 404


def test_being_logged_in_is_not_being_within(settings):
    client = Client(REMOTE_ADDR=OFFICE)
    client.force_login(User.objects.create_superuser("chan"))

    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/", REMOTE_ADDR=OUTSIDE).status_code == 404


def test_pages_are_the_same_outside_and_for_editors_too():
    edition = make_published({"headline": "甲"})
    paths = ["/", "/subscribe/", "/login/", edition.get_absolute_url(), "/api/v1/themes"]
    editor = Client()
    editor.force_login(User.objects.create_superuser("chan"))

    assert [ask(path, OUTSIDE)[0] for path in paths] == [200] * len(paths)
    assert [editor.get(path, REMOTE_ADDR=OUTSIDE).status_code for path in paths] == [200] * len(
        paths
    )


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        (f"{OFFICE}, 10.0.0.2", 200),
        (f"{OUTSIDE}, {OFFICE}, 10.0.0.2", 200),
        (f"{OFFICE}, {OUTSIDE}, 10.0.0.2", 404),  # the client wrote the first itself
        (OFFICE, 404),  # came round the outer proxy
        (None, 404),
        ("nobody, 10.0.0.2", 404),
    ],
)
def test_behind_proxies_it_is_what_the_outermost_says(settings, forwarded, status):
    settings.BEHIND_TLS_PROXY, settings.TRUSTED_PROXIES = True, 2
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}

    # The inner proxy is within; that says nothing of who asks.
    assert ask("/admin/login/", OFFICE, **headers)[0] == status


def test_what_a_client_claims_counts_nothing_without_a_proxy():
    assert ask("/admin/login/", OUTSIDE, HTTP_X_FORWARDED_FOR=OFFICE)[0] == 404


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["office", "10.0.0.0/33", "10.0.0.1/8"])
def test_what_is_no_network_is_refused_at_the_start(tmp_path, wrong):
    result = start(tmp_path, ADMIN_NETWORKS=f"203.0.113.0/24, {wrong}")

    assert result.returncode != 0
    assert "ADMIN_NETWORKS" in result.stderr
    assert wrong in result.stderr


@pytest.mark.slow
def test_networks_are_read_with_commas(tmp_path):
    shown = start(tmp_path, show="print(s.ADMIN_NETWORKS)", ADMIN_NETWORKS="203.0.113.0/24, ::1")

    assert "203.0.113.0/24" in shown.stdout
    assert "::1/128" in shown.stdout
