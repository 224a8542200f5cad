"""How large a request may be, and who may send a large one."""

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

pytestmark = pytest.mark.django_db

BIG = 3_000_000


@pytest.mark.parametrize(
    "path", ["/subscribe/", "/login/", "/admin/login/", "/admin/briefings/picture/add/"]
)
def test_a_stranger_may_send_no_large_file(path):
    client = Client(enforce_csrf_checks=True)
    file = SimpleUploadedFile("big.bin", b"x" * BIG)

    answer = client.post(path, {"file": file})

    assert answer.status_code == 413
    assert "送來的內容太大" in answer.content.decode()


def test_nothing_of_it_is_read():
    class Unreadable:
        def read(self, *args):
            raise AssertionError

        readline = read

    answer = Client().generic(
        "POST", "/subscribe/", **{"CONTENT_LENGTH": str(BIG), "wsgi.input": Unreadable()}
    )

    assert answer.status_code == 413


def test_it_is_no_error_of_ours(caplog):
    Client().post("/subscribe/", {"file": SimpleUploadedFile("big.bin", b"x" * BIG)})

    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_a_program_is_told_by_a_problem():
    answer = Client().post("/api/v1/themes", b"x" * BIG, "application/json")

    assert answer.status_code == 413
    assert answer["Content-Type"] == "application/problem+json"


def test_in_english_it_is_told_in_english():
    answer = Client().post("/en/subscribe/", {"name": "x" * BIG})

    assert answer.status_code == 413
    assert "too large" in answer.content.decode()


def test_editors_may_send_files_that_large_but_no_such_text():
    client = Client()
    client.force_login(User.objects.create_superuser("chan"))
    path = "/admin/briefings/picture/add/"

    files = client.post(path, {"file": SimpleUploadedFile("big.bin", b"x" * BIG)})
    text = client.post(path, {"caption": "x" * BIG})

    assert files.status_code == 200  # that it is no picture, the form says
    assert text.status_code == 413


@pytest.mark.parametrize(
    "form",
    [
        {f"field{number}": "x" for number in range(1001)},
        {f"file{number}": SimpleUploadedFile("a.txt", b"x") for number in range(101)},
    ],
)
def test_neither_may_there_be_any_number_of_fields_or_files(form):
    assert Client().post("/subscribe/", form).status_code == 413


@pytest.mark.parametrize("size", ["", "0", "17"])
def test_what_is_small_is_taken(size):
    answer = Client().generic("POST", "/subscribe/", b"x" * int(size or 0), CONTENT_LENGTH=size)

    assert answer.status_code == 200
