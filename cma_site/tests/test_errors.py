import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.test import Client, RequestFactory
from django.urls import path

from cma_site import errors, urls


def refuse(request):
    raise PermissionDenied


def break_down(request):
    raise RuntimeError


def suspect(request):
    raise SuspiciousOperation


class BrokenURLs:
    """The site, with addresses where things go wrong."""

    handler400 = urls.handler400
    handler403 = urls.handler403
    handler404 = urls.handler404
    handler500 = urls.handler500
    urlpatterns = [
        path("refuse/", refuse),
        path("break/", break_down),
        path("suspect/", suspect),
        path("api/v1/refuse", refuse),
        path("api/v1/break", break_down),
        path("api/v1/suspect", suspect),
        *urls.urlpatterns,
    ]


@pytest.fixture
def client(settings) -> Client:
    settings.ROOT_URLCONF = BrokenURLs
    return Client(raise_request_exception=False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "status", "words"),
    [("/no-such-page/", 404, "找不到這一頁"), ("/refuse/", 403, "你未獲准查看這一頁")],
)
def test_a_refusal_is_explained_in_chinese(address, status, words, client):
    response = client.get(address)

    assert response.status_code == status
    assert words in response.content.decode()


def test_a_broken_page_is_excused_in_chinese_without_the_database(client):
    # Not marked for the database: pytest would fail the first query.
    response = client.get("/break/")

    assert response.status_code == 500
    assert "網站暫時出了問題" in response.content.decode()


@pytest.mark.django_db
def test_a_stale_form_is_explained_in_chinese():
    response = errors.csrf_failure(RequestFactory().post("/subscribe/"))

    assert response.status_code == 403
    assert "表格已經過時" in response.content.decode()


@pytest.mark.django_db
def test_a_malformed_request_is_answered_in_chinese():
    response = errors.bad_request(RequestFactory().get("/"), SuspiciousOperation())

    assert response.status_code == 400
    assert "未能處理這個請求" in response.content.decode()


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/v1/refuse", 403),
        ("/api/v1/suspect", 400),
        ("/api/v1/break", 500),
        ("/api/v1/no/such", 404),
        ("/api/v1/no%0Asuch", 404),
    ],
)
def test_programs_are_refused_by_a_problem_without_the_database(address, status, client):
    answer = client.get(address)

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_who_writes_where_the_api_has_nothing_is_told_so():
    answer = Client(enforce_csrf_checks=True).post("/api/v1/no/such")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


def test_a_host_that_is_not_ours_is_refused_by_a_problem_too(client, settings):
    settings.ALLOWED_HOSTS = ["testserver"]

    answer = client.get("/api/v1/", headers={"host": "evil.example"})

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
