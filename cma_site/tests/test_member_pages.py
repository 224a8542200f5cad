"""What members see, in each of the languages that pages are to be had in."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import time
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation.template import templatize

from briefings.languages import ENGLISH, LANGUAGES, SIMPLIFIED, TRADITIONAL, PageLanguage
from briefings.models import Audience, Theme
from briefings.publishing import withdraw_edition
from briefings.simplified import simplify_page
from briefings.tests.makers import make_published
from briefings.tests.test_languages import find_unmarked_chinese
from cma_site.tests.reading import Page, find_english
from cma_site.tests.test_no_english import ALLOWED
from subscribers.forms import make_stamp
from subscribers.links import Purpose, make_token
from subscribers.models import (
    AddressChange,
    LoginLink,
    MailReport,
    Member,
    MemberState,
    ReportWay,
    Suppression,
)
from subscribers.preference_pages import ASKED_BY_CLIENT
from subscribers.tests.makers import make_mailing, make_member
from subscribers.urls import PAGES

pytestmark = pytest.mark.django_db

ROOT = Path(settings.BASE_DIR)
HAN = re.compile(r"[\u3400-\u9fff]")


@pytest.fixture(autouse=True)
def mails_are_sent_at_once() -> Iterator[None]:
    cache.clear()
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


class Tour:
    """Every page that somebody who joins, reads and leaves can come to, by what it shows."""

    def __init__(self, language: PageLanguage) -> None:
        self.language = language
        self.client = Client()
        self.pages: dict[str, str] = {}
        self.theme = Theme.objects.create(name="供應鏈")
        make_published({"themes": [self.theme]}, number=1)
        self.join()
        self.choose()
        self.move()
        self.read()
        self.leave()
        self.go_astray()

    def see(self, what: str, path: str, data: Any = None, *, status: int = 200) -> None:
        address = self.language.place(path)
        answer = self.client.get(address) if data is None else self.client.post(address, data)
        assert answer.status_code == status, what
        self.pages[what] = answer.content.decode()

    def join(self) -> None:
        self.see("the form", "/subscribe/")
        self.see("an empty form", "/subscribe/", {"email": "", "script": "x", "frequency": "x"})
        faulty = {"email": "a@．.hk", "consent": "on", "themes": ["x"], "shown": make_stamp(time())}
        self.see("a faulty form", "/subscribe/", faulty)
        self.see("the form is sent", "/subscribe/sent/")
        pending = make_member(state=MemberState.PENDING, confirmed_at=None)
        token = make_token(Purpose.CONFIRM, pending.pk)
        self.see("to confirm", f"/subscribe/confirm/{token}/")
        self.see("confirmed", f"/subscribe/confirm/{token}/", {})
        pending.unsubscribe()
        self.see("not confirmed", f"/subscribe/confirm/{token}/", {})

    def choose(self) -> None:
        member = make_member(themes=[self.theme])
        page = f"/preferences/{make_token(Purpose.PREFERENCES, member.pk)}/"
        self.see("preferences", page)
        chosen = {"frequency": "weekly", "script": "hant", "notice_language": "both", "name": "陳"}
        self.see("preferences are saved", page, chosen)
        wrong = {"frequency": "x", "script": "", "paused_until": "2001-01-01", "themes": ["x"]}
        self.see("faulty preferences", page, wrong)
        for reason in ("hard", "soft", "complaint"):
            suppress(member, reason)
            self.see(f"no mail: {reason}", page)
        self.see("resumed", f"{page}resume/", {})
        self.see("data is on its way", f"{page}data/", {})
        self.see("the link to delete it is on its way", f"{page}erase/", {})
        for _ in range(ASKED_BY_CLIENT):
            self.client.post(f"{page}data/", {})
        self.see("data is asked for too often", f"{page}data/", {}, status=429)
        token = make_token(Purpose.ERASE, member.pk)
        self.see("to delete it", f"/erase/{token}/")
        self.see("it is deleted", f"/erase/{token}/", {})

    def move(self) -> None:
        member = make_member()
        page = f"/preferences/{make_token(Purpose.PREFERENCES, member.pk)}/address/"
        self.see("a faulty new address", page, {"email": "x"})
        self.see("the change is on its way", page, {"email": "new@example.com"})
        for _ in range(3):
            self.client.post(page, {"email": "newer@example.com"})
        self.see("too many changes", page, {"email": "newest@example.com"})
        change = member.address_changes.first()
        move, keep = (
            f"/{purpose}/{make_token(purpose, change.pk)}/"
            for purpose in (Purpose.MOVE, Purpose.KEEP)
        )
        self.see("to move", move)
        self.see("moved", move, {})
        self.see("to move back", keep)
        self.see("moved back", keep, {})
        self.see("not moved", move, {}, status=410)
        AddressChange.objects.update(asked_at=timezone.now() - timedelta(days=60))
        AddressChange.objects.update(cancelled_at=None)
        self.see("too late to move", move, status=410)

    def read(self) -> None:
        for number, opens in ((2, None), (3, timezone.now() + timedelta(days=9))):
            edition = make_published(number=number, audience=Audience.MEMBERS, public_from=opens)
            delivery = make_mailing(1, edition).deliveries.latest("pk")
            enter, mail = (
                f"/{purpose}/{make_token(purpose, delivery.pk)}/"
                for purpose in (Purpose.ENTER, Purpose.MAIL)
            )
            self.see(f"to enter {number}", enter)
        withdraw_edition(edition)
        self.see("a withdrawn edition", enter, status=410)
        self.see("a withdrawn mail", mail, status=410)
        self.see("login", "/login/")
        self.see("a faulty login", "/login/", {"email": "x"})
        self.see("the login link is on its way", "/login/sent/")
        link = LoginLink.objects.create(member=delivery.member, made_at=timezone.now())
        log_in = f"/login/{make_token(Purpose.LOGIN, link.pk)}/"
        self.see("to log in", log_in)
        self.client.post(self.language.place(log_in))
        self.see("used up", log_in, status=410)
        self.see("logged in", "/login/")

    def leave(self) -> None:
        member = make_member()
        page = f"/unsubscribe/{make_token(Purpose.UNSUBSCRIBE, member.pk)}/"
        self.see("to leave", page)
        self.see("left", page, {})
        self.see("nobody", f"/preferences/{make_token(Purpose.PREFERENCES, member.pk)}/")

    def go_astray(self) -> None:
        for place in ("subscribe/confirm", "preferences", "mail", "move", "erase", "login"):
            self.see(f"a bad link: {place}", f"/{place}/1.forged/", status=404)
        self.see("nothing", "/preferences/", status=404)
        self.client = Client(enforce_csrf_checks=True)
        self.see("an old form", "/subscribe/", {}, status=403)


def suppress(member: Member, reason: str) -> None:
    now = timezone.now()
    Suppression.objects.of(member.email).lift(now)
    report = MailReport.objects.create(
        member=member,
        address=member.email,
        kind=reason,
        way=ReportWay.IMAP,
        message_id=reason,
        received_at=now,
    )
    Suppression.objects.create(address=member.email, reason=reason, report=report, since=now)


def find_han_in_title(page: str) -> str:
    (title,) = re.findall("<title>(.*?)｜政策短評</title>", page)
    return "".join(HAN.findall(title))


def test_an_english_page_is_english():
    pages = Tour(ENGLISH).pages

    for what, page in pages.items():
        assert '<html lang="en">' in page, what
        assert find_unmarked_chinese(page, apart_from="") == [], what
        assert find_han_in_title(page) == "", what


def test_on_an_english_page_only_names_stay_chinese():
    theirs = {"政策短評", "供應鏈"}
    asked = ("本人同意",)  # what is agreed to, below the English of it

    for what, page in Tour(ENGLISH).pages.items():
        main = page.partition("<main")[2].partition("</main>")[0]
        said = re.findall(r'lang="zh-Hant-HK">((?:<[^>]*>|[^<])*?)</(?:span|div)>', main)
        for text in (re.sub(r"<[^>]*>|\s", "", one) for one in said):
            is_sender = text.endswith("政策研究部")
            assert text in theirs or is_sender or text.startswith(asked), (what, text)


def test_a_chinese_page_is_chinese():
    for what, page in Tour(TRADITIONAL).pages.items():
        found = [found for said in Page(page).said for found in find_english(said, ALLOWED)]
        assert found == [], what


def test_a_simplified_page_is_simplified():
    for what, page in Tour(SIMPLIFIED).pages.items():
        assert '<html lang="zh-Hans">' in page, what
        assert simplify_page(page) == page, what


@pytest.mark.parametrize("language", [SIMPLIFIED, ENGLISH])
def test_links_and_forms_stay_within(language):
    for what, page in Tour(language).pages.items():
        main = page.partition("<main")[2].partition("</main>")[0]
        found = re.findall(r'(?:href|action)="(/[^"]*)"', main)
        assert [one for one in found if not one.startswith(f"{language.prefix}/")] == [], what


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_page_leads_to_itself_in_the_other_languages(language):
    tour = Tour(language)

    for what, page in tour.pages.items():
        if what in ("nothing",):
            continue
        places = re.findall(r'<a href="([^"]*)" lang="[^"]*" hreflang="([^"]*)"', page)
        assert [tag for _, tag in places] == [one.tag for one in LANGUAGES], what
        for address, _ in places:
            assert Client().get(address).status_code != 405, (what, address)


def test_only_who_is_invited_by_everybody_states_an_address(settings):
    settings.SITE_URL = "https://news.example"

    for what, page in Tour(ENGLISH).pages.items():
        is_public = what in ("the form", "an empty form", "a faulty form", "login", "logged in")
        states = '<link rel="canonical" href="https://news.example/en/' in page
        assert states == is_public, what
        assert ('hreflang="x-default"' in page) == is_public, what
        is_hidden = '<meta name="robots" content="noindex">' in page
        assert is_hidden or is_public or what.endswith(("is sent", "way", "faulty login")), what


def test_a_form_needs_its_token_in_whatever_language():
    client = Client(enforce_csrf_checks=True)
    page = client.get("/en/login/").content.decode()
    token = re.search('name="csrfmiddlewaretoken" value="([^"]*)', page)[1]
    form = {"email": "nobody@example.com"}

    assert client.post("/en/login/", form).status_code == 403
    answer = client.post("/en/login/", form | {"csrfmiddlewaretoken": token})
    assert (answer.status_code, answer["Location"]) == (302, "/en/login/sent/")


def test_who_logs_in_on_an_english_page_reads_on_in_english():
    edition = make_published(number=1)
    link = LoginLink.objects.create(
        member=make_member(), made_at=timezone.now(), leads_to=edition.get_absolute_url()
    )

    answer = Client().post(f"/en/login/{make_token(Purpose.LOGIN, link.pk)}/")

    assert answer["Location"] == f"/en{edition.get_absolute_url()}"


def test_pages_are_named_as_their_addresses_are():
    """One that was renamed would silently lose its other languages."""
    for name in {*PAGES, *PAGES.values()}:
        takes_none = name.endswith((":subscribe", "sent", "login", "logout"))
        assert reverse(name, args=[] if takes_none else ["token"])


# --------------------------------------------------------------------------------- the catalogue
def list_marked_in_python(path: Path) -> Iterator[str]:
    marks = {"_", "gettext", "gettext_lazy", "gettext_noop"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in marks:
            yield from (one.value for one in node.args if isinstance(one, ast.Constant))


def list_marked_in_template(path: Path) -> Iterator[str]:
    text = r"""u?('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
    for found in re.finditer(rf"(?:\b_|gettext)\({text}", templatize(path.read_text())):
        yield ast.literal_eval(found[1])


def test_all_that_is_marked_for_translation_is_in_english():
    catalogue = translation.trans_real.DjangoTranslation("en")
    marked: list[tuple[str, str]] = []
    for path in (*ROOT.glob("subscribers/**/*.py"), ROOT / "cma_site/errors.py"):
        marked += [(path.name, text) for text in list_marked_in_python(path)]
    for path in ROOT.glob("templates/**/*.html"):
        marked += [(path.name, text) for text in list_marked_in_template(path)]

    assert ("forms.py", "電郵地址") in marked
    assert ("subscribe.html", "請勿填寫") in marked
    assert any(name == "confirm.html" and "%(email)s" in text for name, text in marked)
    lacking = [
        (name, text)
        for name, text in marked
        # What is counted has forms; before Python 3.11.4 gettext knows none of them.
        if catalogue.gettext(text) == text == catalogue.ngettext(text, text, 2)
    ]
    assert [one for one in lacking if HAN.search(one[1])] == []


def test_nothing_on_members_pages_is_left_unmarked():
    """Chinese in a template that no mark stands round."""
    for path in sorted((ROOT / "templates/subscribers").glob("*.html")):
        if path.name.startswith("mailbox"):
            continue  # of the laptop alone
        bare = re.sub(r"\{% comment %\}.*?\{% endcomment %\}", "", path.read_text(), flags=re.S)
        bare = re.sub(r"\{% blocktranslate.*?\{% endblocktranslate %\}|\{%.*?%\}", "", bare)
        assert HAN.findall(bare) == [], path.name
