"""No serious fault that axe knows of, on the desk and in the archive, by day and by night."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from celery import current_app
from django.db import connection

from briefings.models import Edition, Entry, Theme
from cma_site.tests.furnish import furnish
from cma_site.tests.makers import PASSWORD, make_staff

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]

BEFORE_LOGIN = ["/admin/login/", "/admin/password_reset/", "/admin/password_reset/sent/"]
GRAVE = ("serious", "critical")
# What a page is like by night differs in nothing but its colours.
RULES = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
SETTLE = "Promise.allSettled(document.getAnimations().map((change) => change.finished))"
# select2's list of what is chosen holds its button for clearing, which isn't ours to move.
OURS = {"exclude": [[".select2-selection__rendered"]]}


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
    entry = Entry.objects.filter(state="draft").first()
    edition, published = Edition.objects.get(number=90), Edition.objects.get(number=91)
    lists = [f"/admin/{name}/" for name in ("briefings/entry", "briefings/picture", "auth/user")]
    return [
        "/admin/",
        *lists,
        "/admin/briefings/entry/add/",
        f"/admin/briefings/entry/{entry.pk}/change/",
        f"/admin/briefings/entry/{entry.pk}/history/",
        f"/admin/briefings/entry/{entry.pk}/delete/",
        f"/admin/briefings/edition/{edition.pk}/change/",
        f"/admin/briefings/edition/{edition.pk}/publish/",
        f"/admin/briefings/edition/{published.pk}/change/",
        f"/admin/briefings/edition/{published.pk}/mail/",
        f"/admin/briefings/theme/{Theme.objects.first().pk}/change/",
        "/admin/briefings/publication/1/change/",
        "/admin/two-step/",
        "/admin/two-step/setup/",
        "/admin/password_change/",
    ]


def list_public_pages() -> list[str]:
    published = Edition.objects.get(number=91)
    return [
        "/",
        "/editions/",
        published.get_absolute_url(),
        published.entries.first().get_absolute_url(),
        Theme.objects.first().get_absolute_url(),
        "/search/?q=正文",
        "/subscribe/",
    ]


def find_faults(page, base: str, addresses: list[str]) -> list[str]:
    """What axe calls serious or worse: the page, the rule, and where it is broken first."""
    faults = []
    for address in addresses:
        page.goto(base + address)
        for scheme, options in RULES.items():
            page.emulate_media(color_scheme=scheme)
            page.evaluate(SETTLE)
            found = Axe().run(page, context=OURS, options=options).response["violations"]
            for violation in found:
                if violation["impact"] in GRAVE:
                    place = violation["nodes"][0]["html"][:160]
                    faults.append(f"{address} {scheme} {violation['id']}: {place}")
    return faults


def test_no_page_has_a_serious_fault(house, live_server):
    base = live_server.url

    faults = find_faults(house, base, BEFORE_LOGIN + list_public_pages())
    house.goto(f"{base}/admin/login/")
    house.get_by_label("用戶名稱").fill("chan")
    house.get_by_label("密碼").fill(PASSWORD)
    house.get_by_role("button", name="登入").click()
    faults += find_faults(house, base, list_desk_pages())

    assert faults == []
