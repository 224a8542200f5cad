import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection

from subscribers.mailbox import PAGE, list_keys, open_maildir
from subscribers.tests.makers import at_once

BACKEND = "subscribers.mailbox.CapturingBackend"


@pytest.fixture(autouse=True)
def maildir(settings, tmp_path):
    settings.MAILBOX_DIR = tmp_path / "mailbox"


def capture(subject="主旨", number=1):
    message = EmailMultiAlternatives(subject, "純文字", "a@example.org", ["陳 <b@example.com>"])
    message.attach_alternative("<html><head></head><body><b>網頁</b></body></html>", "text/html")
    get_connection(BACKEND).send_messages([message] * number)


def test_a_captured_message_is_kept_whole():
    capture()

    (message,) = open_maildir()
    assert message.is_multipart()


def test_many_threads_lose_nothing():
    at_once(8, lambda: capture(number=10))

    assert len(list_keys()) == 80


@pytest.mark.django_db
def test_the_list_shows_the_newest_first_a_page_at_a_time(client):
    for number in range(PAGE + 1):
        capture(f"第{number}封")

    page = client.get("/mailbox/").content.decode()

    assert page.index(f"第{PAGE}封") < page.index(f"第{PAGE - 1}封")
    assert "第0封" not in page
    assert "第0封" in client.get("/mailbox/?page=2").content.decode()


@pytest.mark.django_db
def test_a_message_shows_its_headers_and_text(client):
    capture("新質生產力")

    page = client.get(f"/mailbox/{list_keys()[0]}/").content.decode()

    assert "新質生產力" in page
    assert "b@example.com" in page
    assert "純文字" in page
    assert 'sandbox="allow-popups' in page


@pytest.mark.django_db
def test_it_names_what_is_attached(client):
    message = EmailMultiAlternatives("主旨", "純文字", "a@example.org", ["b@example.com"])
    message.attach("2026-11-20.pdf", b"%PDF", "application/pdf")
    get_connection(BACKEND).send_messages([message])

    assert "2026-11-20.pdf" in client.get(f"/mailbox/{list_keys()[0]}/").text


@pytest.mark.django_db
def test_a_message_without_html_has_no_frame(client):
    EmailMessage(
        "主旨", "純文字", "a@example.org", ["b@example.com"], connection=get_connection(BACKEND)
    ).send()

    assert "<iframe" not in client.get(f"/mailbox/{list_keys()[0]}/").content.decode()


def test_the_html_part_runs_no_script_and_opens_links_outside(client):
    capture()

    response = client.get(f"/mailbox/{list_keys()[0]}/html/")

    assert "<b>網頁</b>" in response.content.decode()
    assert '<base target="_blank">' in response.content.decode()
    policy = response["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy


def test_the_source_is_shown_as_it_was_captured(client):
    capture()

    response = client.get(f"/mailbox/{list_keys()[0]}/source/")

    assert response["Content-Type"].startswith("text/plain")
    assert b"multipart/alternative" in response.content


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["nothing", "..%2Fsecret", "%00"])
def test_an_unknown_message_is_not_found(client, key):
    assert client.get(f"/mailbox/{key}/").status_code == 404


@pytest.mark.django_db
def test_headers_that_only_machines_read_are_folded_away(client):
    capture()

    page = client.get(f"/mailbox/{list_keys()[0]}/").content.decode()

    shown, _, folded = page.partition("<details")
    assert "a@example.org" in shown
    assert "MIME-Version" not in shown
    assert "MIME-Version" in folded


@pytest.mark.django_db
def test_a_header_that_cannot_be_parsed_is_shown_as_it_is(client):
    open_maildir().add(b"To: =?utf-8?q?a=0d=0ab?= <b@example.com>\nSubject: x\n\ny\n")

    pages = [client.get(address) for address in ("/mailbox/", f"/mailbox/{list_keys()[0]}/")]

    assert [page.status_code for page in pages] == [200, 200]
    assert all("b@example.com" in page.content.decode() for page in pages)


@pytest.mark.django_db
def test_a_folder_that_somebody_else_has_made_is_an_empty_mailbox(client, settings):
    settings.MAILBOX_DIR.mkdir()

    assert client.get("/mailbox/").status_code == 200
