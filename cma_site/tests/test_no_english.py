"""The desk and the archive speak Chinese, to the last word of their libraries."""

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import get_resolver

from briefings.models import Entry, Theme
from cma_site.tests.furnish import furnish
from cma_site.tests.makers import PASSWORD, give_telephone, make_staff
from cma_site.tests.reading import Page, find_english
from cma_site.tests.walking import list_addresses
from subscribers.links import Purpose, make_token
from subscribers.models import Delivery, Member

pytestmark = pytest.mark.django_db

# What Chinese editors call by these names too, and the texts and people of these tests.
ALLOWED = re.compile(
    r"""(?<![A-Za-z])(
        [A-Z]+(_[A-Z]+)+  # a setting, by its name in the environment
        | Atom | RSS | JSON(\ Feed)? | PDF | HTML | Word | TOTP | URL | SMTP | XML | API
        | OpenAPI | RFC | ISO | CORS
        | GIF | PNG | JPEG | WebP | KB | MB | https?
        | CSV | XLSX | UTF-8 | csv | tsv | xlsx
        | SPF | DKIM | DMARC | DNS | TLS | MX | TXT | Gmail | Yahoo | Outlook | selector
        | (_dmarc\.)?cma\.org\.hk
        | docx | txt | pdf | png | svg | jpe?g | webp | MPF | Reply-To | Message-ID
        | Ctrl | Control | Command | Mac | Enter | Tab | Esc
        | Cookie
        | chan | lee | staff\d* | member\d*
        | The\ Chinese\ Manufacturers['’]\ Association\ of\ Hong\ Kong
        | GB(/T)? | APA | BibTeX | RIS  # styles and formats of citing
        | \d{4},\ (January|February|March|April|May|June|July|August|September|October
          |November|December)\ \d+  # as the APA writes dates
        | If\ you\ no\ longer\ wish.*?free\ of\ charge  # the law asks for it in English too
    )(?![A-Za-z])""",
    re.VERBOSE,
)
# No pages for people: `/readyz` waits for a worker, and a PDF takes seconds.
NOT_WALKED = re.compile(
    r"/(healthz|readyz|metrics)$|\.pdf$|\.svg$|\.csv$|/logout/$|/log-out-everywhere/$"
)


@pytest.fixture
def chan(settings, tmp_path: Path) -> User:
    settings.MEDIA_ROOT = tmp_path
    return make_staff("chan")


@pytest.fixture
def client(chan) -> Client:
    client = Client(raise_request_exception=False)
    client.post("/admin/login/", {"username": "chan", "password": PASSWORD})
    return client


@pytest.fixture
def addresses(chan) -> list[str]:
    furnish(chan)
    values = {
        "name": "mail",
        "kind": "web",
        "slug": Theme.objects.get().slug,
        "app_label": "briefings",
    }
    return list_pages(values)


def list_pages(values) -> list[str]:
    return [
        address
        for address in list_addresses(get_resolver(), values)
        if not NOT_WALKED.search(address)
    ]


def read(answer) -> list[str]:
    """English on a page; none on what is no page."""
    is_page = answer.headers.get("Content-Type", "").startswith("text/html")
    if not is_page or answer.streaming:
        return []
    page = Page(answer.content.decode())
    return [found for said in page.said for found in find_english(said, ALLOWED)]


def walk(ask, addresses) -> dict[str, str]:
    """Each English phrase and the first page it was found on; also whether a page broke."""
    found: dict[str, str] = {}
    for address in addresses:
        answer = ask(address)
        assert answer.status_code < 500, address
        for english in read(answer):
            found.setdefault(english, address)
    return found


def test_no_page_speaks_english(client, addresses):
    assert walk(client.get, addresses) == {}


@pytest.mark.parametrize("value", ["", "？"])
def test_no_refused_form_speaks_english(value, client, addresses):
    def fill_in(address):
        page = Page(client.get(address).content.decode(errors="replace"))
        given: dict[str, str] = {}
        for form in page.forms:
            if form.method == "post":
                given |= form.fill_in(value)
        return client.post(address, given)

    # One of each form: its words are the same whatever it is about.
    forms = {re.sub(r"\d+", "", address): address for address in addresses}.values()
    assert walk(fill_in, forms) == {}


def test_no_action_speaks_english(client, addresses):
    def act(address):
        return [
            client.post(address, {"action": action, "_selected_action": chosen}, follow=True)
            for action, keys in find_actions(client.get(address).content.decode())
            for chosen in (keys, [])
        ]

    lists = [one for one in addresses if re.fullmatch(r"/admin/\w+/\w+/", one)]
    answers = [answer for address in lists for answer in act(address)]

    assert answers
    assert [found for answer in answers if (found := read(answer))] == []


def find_actions(page: str) -> list[tuple[str, list[str]]]:
    """The actions of a list, each with the rows it may be done to."""
    menu = page.partition('<select name="action"')[2].partition("</select>")[0]
    keys = re.findall(r'name="_selected_action" value="(\w+)"', page)
    return [(action, keys) for action in re.findall(r'<option value="(\w+)">', menu)]


def test_an_empty_house_speaks_no_english(client):
    assert walk(client.get, list_pages({"app_label": "briefings"})) == {}


def test_no_page_for_members_speaks_english(client, addresses):
    member, delivery = Member.objects.first(), Delivery.objects.first()
    pages = [
        f"/subscribe/confirm/{make_token(Purpose.CONFIRM, member.pk)}/",
        f"/preferences/{make_token(Purpose.PREFERENCES, member.pk)}/",
        f"/unsubscribe/{make_token(Purpose.UNSUBSCRIBE, member.pk)}/",
        f"/mail/{make_token(Purpose.MAIL, delivery.pk)}/",
        "/search/?q=短評",
        "/search/?q=沒有的",
        "/search/?q=北部&theme=x&year=9999&page=99",
        "/phrases/?q=短評&q=正文&q=沒有的",
        *(entry.get_absolute_url() for entry in Entry.objects.all() if entry.slug),
    ]

    assert walk(client.get, pages) == {}
    assert walk(lambda page: client.post(page, {"email": "x", "frequency": "x"}), pages) == {}


def test_the_way_in_speaks_no_english(chan, addresses):
    give_telephone(chan)
    client = Client()
    wrong = {"username": "chan", "password": "wrong"}
    right = {"username": "chan", "password": PASSWORD}

    answers = [
        client.get("/admin/login/"),
        client.post("/admin/login/", {}),
        client.post("/admin/login/", wrong),
        client.post("/admin/login/", right, follow=True),
        client.post("/admin/two-step/code/", {"code": ""}),
        client.post("/admin/two-step/code/", {"code": "000000"}),
        client.post("/admin/two-step/code/", {"code": "000000"}),
        client.post("/admin/logout/", follow=True),
        *(client.post("/admin/login/", wrong) for _ in range(6)),
    ]

    assert [read(answer) for answer in answers if read(answer)] == []
