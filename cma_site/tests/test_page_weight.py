"""What a reader's telephone loads to see a page for the first time, as production sends it."""

from urllib.parse import urlsplit

import pytest

from cma_site.supervisor import serve_command
from conftest import Stage, find_free_port, wait_until_served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]

HEAVIEST = 60_000  # bytes, with the headers
# Eight commentaries of 2,000 characters at random, which can be compressed less than real ones.
MAKE_LONG_EDITION = """
import random
from datetime import date
from briefings.models import Entry
from briefings.tests.makers import make_published
characters = "".join(f"{entry.lead}{entry.body}" for entry in Entry.objects.all())
characters = [one for one in characters if "\\u4e00" <= one < "\\u9fff"]
choose = random.Random(1)
def write(length):
    return "".join(choose.choices(characters, k=length))
entries = [
    {"headline": write(20), "lead": write(150), "body": f"<p>{write(2000)}</p>"} for _ in range(8)
]
make_published(*entries, date=date(2026, 11, 20))
print(Entry.objects.get(edition__date=date(2026, 11, 20), position=1).get_absolute_url())
"""


@pytest.fixture
def production(tmp_path, stage_env):
    port = find_free_port()
    shape = {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'site.sqlite3'}",
        "CELERY_BROKER_URL": "filesystem://",
        **stage_env,
        "SECRET_KEY": "x" * 50,
        "ALLOWED_HOSTS": "127.0.0.1",
        "SITE_URL": f"http://127.0.0.1:{port}",
        "EMAIL_URL": "smtp://127.0.0.1:1",
    }
    stage = Stage(tmp_path, shape)
    stage.manage("migrate", "--verbosity", "0")
    stage.manage("collectstatic", "--noinput", "--verbosity", "0")
    stage.manage("load_samples")
    stage.entry = stage.python(MAKE_LONG_EDITION)
    with stage.processes:
        stage.processes.start("web", serve_command(port))
        stage.url = shape["SITE_URL"]
        wait_until_served(stage)
        yield stage


def list_pages(entry: str) -> list[str]:
    pages = [
        *("/", "/editions/", "/editions/2026-11-20/", entry, "/themes/", "/themes/供應鏈/"),
        *("/search/", "/search/?q=經濟", "/search/?q=沒有的字", "/about/", "/privacy/"),
    ]
    others = ["/subscribe/", "/api/", "/no-such-page/"]
    return [f"{prefix}{page}" for prefix in ("", "/zh-hans", "/en") for page in pages] + others


def weigh(page, address: str) -> tuple[int, list[str]]:
    """Bytes over the wire of everything that was loaded, and the addresses it came from."""
    context = page.context.browser.new_context(viewport={"width": 390, "height": 844})
    tab, loaded = context.new_page(), []
    tab.on("requestfinished", lambda request: loaded.append(request))  # noqa: PLW0108  (it marks what it calls)
    tab.goto(address, wait_until="networkidle")
    sizes = [request.sizes() for request in loaded]
    context.close()
    weight = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)
    return weight, [request.url for request in loaded]


def test_no_page_is_heavy_or_loads_from_elsewhere(page, production):
    weights, foreign = {}, []
    for address in list_pages(production.entry):
        weight, loaded = weigh(page, f"{production.url}{address}")
        weights[address] = weight
        foreign += [url for url in loaded if urlsplit(url).hostname != "127.0.0.1"]

    assert {address: weight for address, weight in weights.items() if weight > HEAVIEST} == {}
    assert foreign == []
