"""What a page may load: the headers, and that the pages themselves keep to them in a browser."""

import re

import pytest
from celery import current_app
from django.contrib.admin import site
from django.db import connection
from django.test import Client
from playwright.sync_api import Page, expect

from briefings.models import Edition, Entry, Theme
from cma_site.tests.furnish import furnish
from cma_site.tests.makers import PASSWORD, give_telephone, make_staff, read_code

NOTE_VIOLATIONS = """
    document.addEventListener("securitypolicyviolation", (event) =>
      console.error(`VIOLATION ${event.effectiveDirective} ${event.blockedURI} ${event.sample}
        ${event.sourceFile}:${event.lineNumber}`));
"""


def read_policy(response) -> dict[str, str]:
    directives = response["Content-Security-Policy"].split("; ")
    return {name: rest for name, _, rest in (one.partition(" ") for one in directives)}


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/", "/admin/login/", "/no-such-page/", "/feeds/atom/"])
def test_every_answer_has_the_policy(address, client):
    policy = read_policy(client.get(address))

    assert policy["default-src"] == "'self'"
    assert policy["object-src"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == policy["frame-ancestors"] == "'self'"


@pytest.mark.django_db
def test_no_page_allows_inline_scripts_or_eval(client, admin_client):
    pages = [client.get("/"), admin_client.get("/admin/briefings/entry/add/")]

    assert [page for page in pages if "unsafe" in read_policy(page)["script-src"]] == []


@pytest.mark.django_db
def test_the_import_map_carries_the_nonce_of_its_page(admin_client):
    pages = [admin_client.get("/admin/briefings/entry/add/") for _ in range(2)]

    nonces = [re.search(r"'nonce-([^']+)'", read_policy(page)["script-src"])[1] for page in pages]

    assert nonces[0] != nonces[1]
    for page, nonce in zip(pages, nonces, strict=True):
        assert f'<script type="importmap" nonce="{nonce}">' in page.text


@pytest.mark.django_db
def test_a_page_may_use_none_of_the_devices(client):
    assert "camera=()" in client.get("/")["Permissions-Policy"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("X-Frame-Options", "SAMEORIGIN"),
    ],
)
def test_the_other_headers_are_as_strict(header, value, client):
    assert client.get("/")[header] == value


# ------------------------------------------------------------------------------- in a browser


@pytest.fixture
def visited(page, live_server, settings, tmp_path) -> Page:
    settings.MEDIA_ROOT = tmp_path
    current_app.conf.task_always_eager = True
    page.add_init_script(NOTE_VIOLATIONS)
    page.violations = []
    page.on("console", lambda said: note(page, said))
    page.on("pageerror", lambda error: page.violations.append(f"{page.url}: {error}"))
    page.on("dialog", lambda dialog: dialog.accept())
    yield page
    current_app.conf.task_always_eager = False
    connection.close()


def note(page: Page, said) -> None:
    if "VIOLATION" in said.text or "Content Security Policy" in said.text:
        page.violations.append(f"{page.url}: {said.text[:400]}")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_no_page_breaks_the_policy(visited, live_server):
    chan = make_staff("chan")
    furnish(chan)
    telephone = give_telephone(chan)
    entry = Entry.objects.filter(state="draft").first()
    edition, published = Edition.objects.get(number=90), Edition.objects.get(number=91)
    theme = Theme.objects.first()

    # From the door to the desk.
    visited.goto(f"{live_server.url}/admin/")
    visited.get_by_label("用戶名稱").fill("chan")
    visited.get_by_label("密碼").fill(PASSWORD)
    visited.get_by_role("button", name="登入").click()
    visited.get_by_label("驗證碼").fill(read_code(telephone))
    visited.get_by_role("button", name="繼續").click()
    expect(visited).to_have_url(f"{live_server.url}/admin/")

    # The text editor, which needs most, works.
    visited.goto(f"{live_server.url}/admin/briefings/entry/{entry.pk}/change/")
    expect(visited.locator(".ProseMirror").first).to_be_visible()
    visited.get_by_role("button", name="插入表格").press("Enter")
    expect(visited.locator(".prose-editor-dialog")).to_be_visible()
    visited.keyboard.press("Escape")
    visited.locator(".field-themes .select2-selection").click()
    expect(visited.get_by_role("option", name=theme.name)).to_be_visible()
    visited.keyboard.press("Escape")

    desks = [
        f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in site._registry
    ]
    for address in [
        *desks,
        "/admin/briefings/entry/add/",
        f"/admin/briefings/entry/{entry.pk}/history/",
        f"/admin/briefings/entry/{entry.pk}/delete/",
        f"/admin/briefings/edition/{edition.pk}/change/",
        f"/admin/briefings/edition/{edition.pk}/preview/",
        f"/admin/briefings/edition/{edition.pk}/publish/",
        f"/admin/briefings/edition/{published.pk}/mail/",
        f"/admin/briefings/edition/{published.pk}/mailing/",
        "/admin/briefings/publication/1/change/",
        "/admin/briefings/theme/add/?_popup=1",
        f"/admin/auth/user/{chan.pk}/change/",
        f"/admin/auth/user/{chan.pk}/password/",
        "/admin/auth/user/add/",
        "/admin/auth/group/add/",
        "/admin/password_change/",
        "/admin/password_reset/",
        "/admin/two-step/",
        "/",
        "/editions/",
        published.get_absolute_url(),
        published.entries.first().get_absolute_url(),
        theme.get_absolute_url(),
        "/search/?q=正文",
        "/subscribe/",
        "/about/",
        "/mailbox/",
    ]:
        visited.goto(live_server.url + address, wait_until="load")

    assert visited.violations == []
    visited.evaluate("document.body.setAttribute('style', 'color: red')")
    assert len(visited.violations) > 0, "this test would not hear of a violation"


@pytest.mark.django_db
def test_what_a_popup_answers_keeps_to_the_policy(admin_client: Client):
    answer = admin_client.post(
        "/admin/briefings/theme/add/?_popup=1", {"name": "稅務", "_popup": "1"}
    )

    assert re.findall(r"<script(?![^>]*\bsrc=)", answer.content.decode()) == []
