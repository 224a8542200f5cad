"""Links are asked over real connections, of a server on this machine."""

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from briefings import web_links
from briefings.models import Source, WebLink
from briefings.tests.makers import make_entry
from briefings.web_links import (
    LinkCount,
    check_links,
    count_links,
    find_anchors,
    find_due_urls,
    find_fault,
    find_urls,
    is_public_address,
)

NOON = datetime(2026, 11, 20, 4, tzinfo=UTC)


def anywhere(address: str) -> bool:
    """The guard of a test, whose server is on this very machine."""
    return True


class Site:
    """Answers as each test has it: (method, path) → status and headers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[tuple[str, str]] = []
        self.headers: dict[str, str] = {}
        self.answer: Callable[[str, str], tuple[int, dict[str, str]]] = lambda *_: (200, {})


@pytest.fixture
def site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            site.asked.append((self.command, self.path))
            site.headers = dict(self.headers)
            status, headers = site.answer(self.command, self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_HEAD = respond  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Site(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield site
    server.shutdown()
    server.server_close()


# ------------------------------------------------------------------------------ what is linked to


def test_the_links_of_a_text_are_found_with_their_words():
    anchors = find_anchors(
        '<p>見<a href="https://a.hk/"><b>施政</b>報告</a>，<a href=" b ">乙</a></p>'
    )

    assert [(anchor.url, anchor.text) for anchor in anchors] == [
        ("https://a.hk/", "施政報告"),
        ("b", "乙"),
    ]


@pytest.mark.django_db
def test_addresses_come_from_text_and_sources_once_each():
    link = '<a href="https://a.hk/">甲</a><a href="mailto:a@a.hk">信</a>'
    entry = make_entry(body=f"<p>{link}{link}</p>")
    Source.objects.create(entry=entry, title="施政報告", url="https://b.hk/")
    Source.objects.create(entry=entry, title="同一份", url="https://a.hk/")

    assert find_urls(entry) == ["https://a.hk/", "https://b.hk/"]


# ------------------------------------------------------------------------------- what answers


def test_a_page_that_answers_has_no_fault(site):
    assert find_fault(f"{site.url}/報告?頁=1#二", anywhere) == ""
    assert site.asked == [("HEAD", "/%E5%A0%B1%E5%91%8A?%E9%A0%81=1")]


def test_it_says_who_is_asking(site):
    find_fault(site.url, anywhere)

    assert site.headers["User-Agent"].startswith("PolicyCommentaryLinkCheck/1 (+http")
    assert site.headers["Host"] == site.url.removeprefix("http://")


def test_a_server_that_knows_no_head_is_asked_again(site):
    site.answer = lambda method, _: (405 if method == "HEAD" else 200, {})

    assert find_fault(site.url, anywhere) == ""
    assert [method for method, _ in site.asked] == ["HEAD", "GET"]


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (404, "找不到（404）"),
        (410, "已移除（410）"),
        (400, "對方不接受（400）"),
        (403, "未能自動核對：對方不接受自動查詢（403）"),
        (503, "對方伺服器出錯（503）"),
    ],
)
def test_a_bad_answer_is_put_in_plain_words(site, status, fault):
    site.answer = lambda *_: (status, {})

    assert find_fault(site.url, anywhere) == fault


def test_a_redirect_is_followed_to_its_end(site):
    moves = {"/old": (301, {"Location": "/new"}), "/new": (404, {})}
    site.answer = lambda _, path: moves[path]

    assert find_fault(f"{site.url}/old", anywhere) == "找不到（404）"


def test_going_round_in_circles_ends(site):
    site.answer = lambda *_: (302, {"Location": "/"})

    assert find_fault(site.url, anywhere) == "轉址太多次"
    assert len(site.asked) == web_links.MOST_REDIRECTS + 1


def test_a_redirect_to_no_address_is_a_fault(site):
    site.answer = lambda *_: (302, {"Location": "http://[nowhere"})

    assert find_fault(site.url, anywhere) == "網址寫法有誤"


def test_nobody_there_is_a_fault():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

        assert find_fault(f"http://127.0.0.1:{port}/", anywhere) == "連不上"


@pytest.mark.parametrize(
    "url", ["ftp://a.hk/", "http:///x", "http://a.hk:port/", f"http://{'a' * 70}.hk"]
)
def test_an_address_written_wrongly_is_a_fault(url):
    assert find_fault(url, anywhere) == "網址寫法有誤"


@pytest.fixture
def talk() -> Iterator[Callable[[bytes], str]]:
    """A server that accepts, says a few bytes, and then nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    held = []

    def start(first: bytes) -> str:
        def answer() -> None:
            client, _ = listener.accept()
            held.append(client)
            client.sendall(first)

        threading.Thread(target=answer, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield start
    for client in held:
        client.close()
    listener.close()


def test_silence_ends(talk, monkeypatch):
    monkeypatch.setattr(web_links, "PATIENCE", 0.1)

    assert find_fault(talk(b""), anywhere) == "太久沒有回應"


def test_an_answer_that_drips_is_cut_off(talk, monkeypatch):
    monkeypatch.setattr(web_links, "LONGEST", 0.1)

    assert find_fault(talk(b"HTTP/1.1 20"), anywhere) == "連不上"


def test_what_is_no_http_is_a_fault(talk):
    assert find_fault(talk(b"220 mail.example.com ESMTP\r\n"), anywhere) == "連不上"


# ------------------------------------------------------------------------ what is never reached


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
        *("100.64.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::7f00:1"),
    ],
)
def test_our_own_network_is_no_public_address(address):
    assert not is_public_address(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "203.185.0.34", "2606:4700::1111"])
def test_an_address_out_in_the_world_is(address):
    assert is_public_address(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "2130706433"])
def test_nothing_here_is_asked_however_it_is_written(site, host):
    port = site.url.rpartition(":")[2]

    fault = find_fault(f"http://{host}:{port}/", is_public_address)

    assert fault == "只在內部網絡可用的網址"
    assert site.asked == []


def test_a_redirect_leads_nobody_in(site):
    """The first address may be reached, the second not."""
    allowed = iter([True, False])
    site.answer = lambda *_: (302, {"Location": "http://169.254.169.254/latest/meta-data/"})

    assert find_fault(site.url, lambda address: next(allowed)) == "只在內部網絡可用的網址"


def test_the_name_is_looked_up_once_and_never_again(site, monkeypatch):
    """Or a name could mean a public address to the guard, and ours to the connection."""
    lookups = []
    look_up = socket.getaddrinfo

    def count_names(host, *args, **kwargs):
        if host == "localhost":
            lookups.append(host)
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", count_names)
    port = site.url.rpartition(":")[2]

    assert find_fault(f"http://localhost:{port}/", anywhere) == ""
    assert lookups == ["localhost"]


# ------------------------------------------------------------------------------ what is written


@pytest.mark.django_db
def test_what_was_found_is_written_down(site):
    site.answer = lambda _, path: (404 if path == "/gone" else 200, {})

    check_links([f"{site.url}/gone", f"{site.url}/here"], now=NOON, may_connect=anywhere)

    gone, here = WebLink.objects.order_by("url")
    assert (gone.fault, gone.checked_at) == ("找不到（404）", NOON)
    assert (here.fault, here.checked_at) == ("", NOON)


@pytest.mark.django_db
def test_a_link_that_is_mended_loses_its_fault(site):
    WebLink.objects.create(url=site.url, fault="連不上", checked_at=NOON - timedelta(days=2))

    check_links([site.url], now=NOON, may_connect=anywhere)

    assert WebLink.objects.get().fault == ""


@pytest.mark.django_db
@pytest.mark.parametrize(("hours", "asks"), [(1, 0), (25, 1)])
def test_a_link_is_asked_once_a_day(site, hours, asks):
    check_links([site.url], now=NOON, may_connect=anywhere)
    site.asked.clear()

    check_links([site.url], now=NOON + timedelta(hours=hours), may_connect=anywhere)

    assert len(site.asked) == asks


@pytest.mark.django_db
def test_a_check_that_takes_too_long_leaves_the_other_links_due(site):
    slow, other = f"{site.url}/slow", f"{site.url}/other"

    check_links([slow, other], now=NOON, may_connect=anywhere, patience=0)

    assert find_due_urls([slow, other], now=NOON) == [other]


@pytest.mark.django_db
def test_only_links_that_have_rested_are_due():
    WebLink.objects.create(url="https://fresh.hk/", checked_at=NOON - timedelta(hours=1))
    WebLink.objects.create(url="https://old.hk/", checked_at=NOON - timedelta(days=2))

    urls = ["https://fresh.hk/", "https://old.hk/", "https://new.hk/", "https://new.hk/"]

    assert find_due_urls(urls, now=NOON) == ["https://old.hk/", "https://new.hk/"]


@pytest.mark.django_db
def test_links_are_counted_by_what_is_known_of_them():
    WebLink.objects.create(url="https://good.hk/", checked_at=NOON)
    WebLink.objects.create(url="https://bad.hk/", checked_at=NOON, fault="連不上")
    WebLink.objects.create(url="https://unasked.hk/")
    WebLink.objects.create(url="https://elsewhere.hk/", checked_at=NOON)

    urls = [f"https://{name}.hk/" for name in ("good", "bad", "unasked", "new", "new")]

    assert count_links(urls) == LinkCount(good=1, faulty=1, unknown=2)
