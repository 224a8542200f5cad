"""No serious fault that axe knows of, on the desk and in the archive, by day and by night."""

import re
from datetime import timedelta
from urllib.parse import unquote, urlsplit

import pytest
from celery import current_app
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import get_resolver, resolve, reverse
from django.utils import timezone
from reversion.models import Version

from briefings.corrections import correcting
from briefings.history import keep_version
from briefings.imports import hand_in
from briefings.languages import LANGUAGES, PAGES, is_page
from briefings.models import Audience, Autosave, Edition, Entry, GlossaryTerm, Theme
from briefings.previews import make_shared_url, share_draft
from briefings.tests.importer.specimens import make_pieces
from briefings.tests.importer.typesetting import typeset
from briefings.tests.makers import make_published
from cma_site.tests.axe import ANY, GRAVE, list_faults
from cma_site.tests.furnish import furnish
from cma_site.tests.makers import PASSWORD, make_staff
from cma_site.tests.walking import list_addresses
from subscribers.links import Purpose, make_token
from subscribers.models import Delivery, DeliveryState, LoginLink
from subscribers.steering import cancel, pause
from subscribers.tests.makers import make_mailing, make_member
from subscribers.waking import finish_mailings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]

BEFORE_LOGIN = ["/admin/login/", "/admin/password_reset/", "/admin/password_reset/sent/"]
# No pages, or Django's own, which look alike whatever they are about.
NOT_OURS = re.compile(
    r"\.pdf$|\.svg$|/logout/$|/log-out-everywhere/$|/jsi18n/$|/login/$|/(?!entry)\w+/\d+/(delete|history)/$"
)
# More than anybody may, into a field that there is not.
SEND_TOO_MUCH = """
const field = document.createElement("textarea");
field.name = "much";
field.value = "x".repeat(3_000_000);
const form = document.querySelector("main form");
form.append(field);
HTMLFormElement.prototype.submit.call(form);
"""


@pytest.fixture
def house(page, live_server, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    current_app.conf.task_always_eager = True
    furnish(make_staff("chan"))
    page.on("dialog", lambda dialog: dialog.accept())
    yield page
    current_app.conf.task_always_eager = False
    connection.close()


def list_desk_pages() -> list[str]:
    """One page of each make: to axe, pages of the same templates are the same page."""
    client = Client()
    client.force_login(User.objects.get(username="chan"))
    values = {"name": "mail", "app_label": "briefings"}
    pages: dict[tuple[str | None, ...], str] = {}
    for address in list_addresses(get_resolver(), values, under="/admin/"):
        if NOT_OURS.search(address):
            continue
        answer = client.get(address)
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            # By the form of which model, too: each has its own scripts beside it.
            make = (re.match(r"/admin/(\w+/\w+/)?", address)[0], answer.templates[0].name)
            pages.setdefault(make, address)
    return sorted(pages.values())


def make_rare_pages() -> list[str]:
    """Pages that stand only where something was done first."""
    chan, entry = User.objects.get(username="chan"), Entry.objects.filter(state="draft").first()
    keep_version(entry, by=chan, why="修改")
    version = Version.objects.get_for_object(entry).first()
    stray = "內部\n".encode()  # before the first headline: a doubt
    upload = SimpleUploadedFile("舊期.txt", stray + typeset(make_pieces(2)).encode())
    file = hand_in([upload], chan).files.get()
    themes = Theme.objects.first().pk, Theme.objects.create(name="新型工業化").pk
    typed = {"headline": ["我的標題"], "lead": ["我的導言。"], "body": ["<p>我的正文。</p>"]}
    mine = Autosave.objects.create(
        user=chan, entry=entry, form_id="mine", fields=typed, saved_at=timezone.now()
    )
    shared = share_draft(entry, by=chan, days=7)
    joined = timezone.now() - timedelta(days=30)
    member = make_member(themes=[Theme.objects.first()], frequency="weekly", confirmed_at=joined)
    term = GlossaryTerm.objects.create(name="再工業化")
    term.wordings.create(text="再工业化")
    return [
        reverse("admin:subscribers_member_change", args=[member.pk]),
        reverse("admin:digest_preview", args=["weekly"]),
        reverse("admin:briefings_glossaryterm_change", args=[term.pk]),
        reverse("admin:entry_merge", args=[entry.pk, mine.form_id]),
        reverse("admin:entry_share", args=[entry.pk]),
        urlsplit(make_shared_url(shared)).path,
        reverse("admin:entry_version", args=[entry.pk, version.pk]),
        reverse("admin:import_review", args=[file.pk]),
        reverse("admin:briefings_importbatch_change", args=[file.batch_id]),
        f"{reverse('admin:briefings_theme_merge')}?theme={themes[0]}&theme={themes[1]}",
        f"{reverse('admin:briefings_entry_changelist')}?q=正文",
    ]


def make_mailing_pages() -> list[str]:
    """A mailing while it is sent with all that can go wrong, and over with some who missed it."""
    sending = make_mailing(12)
    first, *_ = keys = list(sending.deliveries.values_list("pk", flat=True))
    for key, state in zip(keys, DeliveryState, strict=False):
        Delivery.objects.filter(pk=key).update(state=state, claimed_at=timezone.now())
    later = timezone.now() + timedelta(minutes=5)
    sending.deliveries.filter(pk=first).update(attempts=1, not_before=later)
    sending.deliveries.filter(pk__in=keys[-2:]).update(state=DeliveryState.UNKNOWN)
    paused, cancelled, over = make_mailing(3), make_mailing(3), make_mailing(3)
    pause(paused, User.objects.get(username="chan"), "主旨有錯字", timezone.now())
    cancelled.deliveries.update(state=DeliveryState.UNKNOWN)
    cancel(cancelled, None, timezone.now())
    over.deliveries.update(state=DeliveryState.SENT)
    finish_mailings(timezone.now())
    make_member()
    pages = [
        *(("admin:subscribers_mailing_change", one) for one in (sending, paused, cancelled, over)),
        ("admin:mailing_undecided", sending),
        ("admin:mailing_undecided", cancelled),
        ("admin:mailing_cancel", sending),
        ("admin:mailing_catch_up", over),
    ]
    return ["/admin/", *(reverse(name, args=[one.pk]) for name, one in pages)]


def list_public_pages() -> list[str]:
    """Every page of the archive in each of its languages, and others that have them too."""
    published, withdrawn = Edition.objects.get(number=91), Edition.objects.get(number=92)
    entry = published.entries.first()
    with correcting(entry, note="數字有誤。", by=None):
        Entry.objects.filter(pk=entry.pk).update(lead="改過的導言。")
    pages = [
        "/",
        "/editions/",
        published.get_absolute_url(),
        entry.get_absolute_url(),
        f"/e/{entry.pk}/v1",
        withdrawn.get_absolute_url(),
        "/themes/",
        Theme.objects.first().get_absolute_url(),
        "/search/",
        "/search/?q=正文",
        "/search/?q=沒有的字",
        "/phrases/",
        "/phrases/?q=正文&q=導言&q=沒有的",
        "/about/",
        "/privacy/",
        "/no-such-page/",
        "/subscribe/",
        "/login/",
        "/unsubscribe/1.forged/",
        f"/preferences/{make_token(Purpose.PREFERENCES, make_member().pk)}/",
    ]
    prefixes = [language.prefix for language in LANGUAGES]
    in_each = [f"{prefix}{page}" for prefix in prefixes for page in pages]
    return [*in_each, "/api/"]


def list_members_pages() -> list[str]:
    """What members see from the login on; the last ones only once they are in."""
    edition = make_published({"themes": ["工業"]}, number=95, audience=Audience.MEMBERS)
    delivery = make_mailing(1, edition).deliveries.get()
    link = LoginLink.objects.create(member=delivery.member, made_at=timezone.now())
    return [
        "/login/",
        "/login/sent/",
        f"/enter/{make_token(Purpose.ENTER, delivery.pk)}/",
        f"/login/{make_token(Purpose.LOGIN, link.pk)}/",
        "/",
        edition.get_absolute_url(),
        edition.entries.get().get_absolute_url(),
        "/login/?in",
    ]


def find_faults(
    page, base: str, addresses: list[str], *, impacts: tuple[str, ...] = GRAVE
) -> list[str]:
    """What axe calls this bad: the page, the rule, and where it is broken first."""
    faults = []
    for address in addresses:
        page.goto(base + address)
        faults += [f"{address} {fault}" for fault in list_faults(page, impacts=impacts)]
    return faults


def test_no_page_of_members_has_a_serious_fault(page, live_server):
    *outside, log_in, home, edition, entry, inside = list_members_pages()

    faults = find_faults(page, live_server.url, [*outside, log_in])
    page.get_by_role("button", name="登入").click()
    page.wait_for_url(f"{live_server.url}/")
    faults += find_faults(page, live_server.url, [home, edition, entry, inside])
    connection.close()

    assert "你已登入" in page.inner_text("main")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("width", [1280, 390])
def test_no_public_page_has_any_fault(house, live_server, width):
    house.set_viewport_size({"width": width, "height": 844})
    addresses = list_public_pages()

    assert find_faults(house, live_server.url, addresses, impacts=ANY) == []
    paths = [unquote(urlsplit(address).path) for address in addresses]
    seen = {resolve(path).view_name for path in paths if is_page(path)}
    assert seen == PAGES  # so that a new one is looked at too


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_being_asked_to_wait_or_to_send_less_has_no_fault(
    page, live_server, settings, prefix, width
):
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{live_server.url}{prefix}/subscribe/")
    with page.expect_navigation(url="**/subscribe/"):
        page.evaluate(SEND_TOO_MUCH)
    faults = list_faults(page, impacts=ANY)
    assert page.locator("main .kicker").inner_text() == "413"

    settings.SEARCH_RATE = 1
    answers = (page.goto(f"{live_server.url}{prefix}/search/?q=甲") for _ in range(3))
    assert any(answer.status == 429 for answer in answers)  # one of them may begin a new minute
    faults += list_faults(page, impacts=ANY)
    connection.close()

    assert not faults, "\n".join(faults)


def log_in(page, base: str) -> None:
    page.goto(f"{base}/admin/login/")
    page.get_by_label("用戶名稱").fill("chan")
    page.get_by_label("密碼").fill(PASSWORD)
    page.get_by_role("button", name="登入").click()
    page.wait_for_url(f"{base}/admin/")


@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_of_a_mailing_has_any_fault(house, live_server, width):
    house.set_viewport_size({"width": width, "height": 844})
    log_in(house, live_server.url)

    assert find_faults(house, live_server.url, make_mailing_pages(), impacts=ANY) == []


def test_no_page_has_a_serious_fault(house, live_server):
    base = live_server.url

    faults = find_faults(house, base, BEFORE_LOGIN)
    log_in(house, base)
    faults += find_faults(house, base, list_desk_pages() + make_rare_pages())

    assert not faults, "\n".join(faults)
