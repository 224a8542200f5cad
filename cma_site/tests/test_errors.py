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

    handler403 = urls.handler403
    handler404 = urls.handler404
    handler500 = urls.handler500
    urlpatterns = [
        path("refuse/", refuse),
        path("break/", break_down),
        path("suspect/", suspect),
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
