"""Two themes become one, from the desk's list to the reader who kept the old address."""

import pytest
from playwright.sync_api import expect

from briefings.models import Theme
from briefings.tests.makers import make_published

pytestmark = [
    pytest.mark.slow,
    # The defaults that migrations made must outlive the flush after each test.
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


def test_themes_are_merged_and_readers_sent_on(desk, live_server):
    stays, goes = (Theme.objects.create(name=name) for name in ("北部都會區", "北都"))
    make_published(
        {"headline": "談園區公司", "themes": [stays]},
        {"headline": "談河套", "themes": [goes]},
        {"headline": "兩者都談", "themes": [stays, goes]},
    )

    desk.goto(f"{live_server.url}/admin/briefings/theme/")
    for theme in (stays, goes):
        desk.locator(f'input.action-select[value="{theme.pk}"]').check()
    desk.get_by_label("動作").select_option(label="合併所選的主題…")
    desk.get_by_role("button", name="執行").click()
    kept = desk.get_by_role("rowheader", name="北部都會區")
    expect(desk.locator("tr", has=kept)).to_contain_text("2篇（其中1篇本來兩者都有")
    desk.get_by_label("北部都會區（2篇）").check()
    desk.get_by_role("button", name="合併主題").click()
    expect(desk.locator(".messagelist")).to_contain_text("已將「北都」併入「北部都會區」")
    expect(desk.get_by_role("textbox", name="別稱")).to_have_value("北都")
    desk.goto(f"{live_server.url}{goes.get_absolute_url()}")

    expect(desk).to_have_url(f"{live_server.url}{stays.get_absolute_url()}")
    expect(desk.locator("main h1")).to_have_text("北部都會區")
    expect(desk.locator("main article")).to_have_count(3)
