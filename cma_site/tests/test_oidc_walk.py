"""From the desk's door to the provider and back, in a browser, by real processes."""

import base64
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from cma_site.supervisor import serve_command
from cma_site.tests.makers import calculate_code
from cma_site.tests.provider import CHAN, CLIENT, SECRET, Provider
from conftest import Stage, find_free_port, wait_until_served

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, serialized_rollback=True)]

SET_UP = """
from django.contrib.auth.models import User
from django_otp.plugins.otp_totp.models import TOTPDevice
chan = User.objects.create_superuser("chan", "Chan@example.com", "a password")
print(TOTPDevice.objects.create(user=chan, name="驗證程式").key)
"""


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider().serve() as served:
        served.know()
        yield served


@pytest.fixture
def site(tmp_path, stage_env, provider) -> Iterator[Stage]:
    port = find_free_port()
    env = {
        "SITE_URL": f"http://127.0.0.1:{port}",
        "OIDC_ISSUER": provider.issuer,
        "OIDC_CLIENT_ID": CLIENT,
        "OIDC_CLIENT_SECRET": SECRET,
        "REQUIRE_TOTP": "1",
    }
    stage = Stage(tmp_path, stage_env | env)
    stage.manage("migrate", "--verbosity", "0")
    with stage.processes:
        stage.processes.start("web", serve_command(port))
        stage.url = env["SITE_URL"]
        wait_until_served(stage)
        yield stage


def go_to_provider(page: Page, site: Stage, provider: Provider) -> None:
    """Its style sheet comes from elsewhere, which a test does without."""
    page.route("https://**", lambda route: route.abort())
    page.goto(f"{site.url}/admin/briefings/entry/")
    page.get_by_role("link", name="以機構帳戶登入").click()
    page.wait_for_url(f"{provider.issuer}/**")
    page.get_by_placeholder("sub").fill(CHAN)
    page.get_by_role("button", name="Authorize").click()


def test_staff_log_in_by_the_provider_and_give_their_code(page, site, provider):
    key = base64.b16decode(site.python(SET_UP).upper())
    refused = []
    page.on("console", lambda one: "Content Security" in one.text and refused.append(one.text))

    go_to_provider(page, site, provider)
    expect(page.get_by_role("heading", name="輸入驗證碼")).to_be_visible()
    page.get_by_label("驗證碼").fill(calculate_code(key))
    page.get_by_role("button", name="繼續").click()

    page.wait_for_url(f"{site.url}/admin/briefings/entry/")
    expect(page.locator("#user-tools")).to_contain_text("chan")
    assert refused == []

    page.get_by_role("button", name="登出").click()
    page.goto(f"{site.url}/admin/")
    expect(page.get_by_role("link", name="以機構帳戶登入")).to_be_visible()


def test_a_provider_that_fails_is_told_on_a_page(page, site, provider):
    provider.answer("/oauth2/token", {"error": "invalid_client"}, 401)

    go_to_provider(page, site, provider)
    expect(page.get_by_role("heading", name="未能以機構帳戶登入")).to_be_visible()
    page.get_by_role("link", name="回到登入頁").click()

    expect(page.get_by_label("用戶名稱")).to_be_visible()
    assert "/oauth2/token answered 401 invalid_client" in site.logs()
