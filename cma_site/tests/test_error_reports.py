"""What a Sentry server is told, read where one would listen."""

import gzip
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import brotli
import pytest

FAIL = """
import sys
from django.conf import settings
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client, RequestFactory
from cma_site.tests.test_logs import FailingSite, fail_at
settings.ROOT_URLCONF = FailingSite
settings.ALLOWED_HOSTS = ["*"]
client = Client()
client.force_login(User.objects.create_user("chan-tai-man", email="chan@example.com"))
request = RequestFactory(REMOTE_ADDR="203.0.113.5", HTTP_X_SECRET="secret").get("/fail/?q=secret")
request.environ["HTTP_COOKIE"] = client.cookies.output(header="", sep=";") + "; a=secret"
answer = {}
WSGIHandler()(request.environ, lambda status, headers: answer.update(headers)).close()
fail_at.apply(args=(7,), kwargs={"email": "chan@example.com"})
if "sentry_sdk" in sys.modules:
    sys.modules["sentry_sdk"].flush(10)
print("loaded" if "sentry_sdk" in sys.modules else "not loaded", answer["X-Request-ID"])
"""

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def sink():
    """A server that keeps what it is told."""
    told: list[bytes] = []

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            open_by = {"gzip": gzip.decompress, "br": brotli.decompress, None: bytes}
            told.append(open_by[self.headers["Content-Encoding"]](body))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    Thread(target=server.serve_forever, daemon=True).start()
    server.told = told
    yield server
    server.shutdown()
    server.server_close()


def read_events(told: list[bytes]) -> list[dict]:
    lines = [line for envelope in told for line in envelope.splitlines() if line]
    return [one for line in lines if "exception" in (one := json.loads(line))]


def test_an_error_is_told_with_its_ids_and_about_nobody(stage, sink):
    stage.env |= {"SENTRY_DSN": f"http://key@127.0.0.1:{sink.server_port}/1"}

    request_id = stage.python(FAIL).split()[-1]

    of_request, of_task = read_events(sink.told)
    everything = b"".join(sink.told).decode()
    assert of_request["exception"]["values"][0]["value"] == "no mail to 陳大文 <…@…>"
    assert of_request["tags"]["request_id"] == request_id
    assert of_request["request"] == {"method": "GET", "url": "http://testserver/fail/"}
    assert set(of_request["user"]) == {"id"}
    assert of_task["tags"]["mailing_id"] == "7"
    for word in ("secret", "chan@example.com", "chan-tai-man", "203.0.113.5"):
        assert word not in everything


def test_without_an_address_nobody_is_told(stage, sink):
    words = stage.python(FAIL).splitlines()[-1]

    assert words.startswith("not loaded")
    assert sink.told == []
