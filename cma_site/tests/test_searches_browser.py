"""Subscribing to a search in a browser, and having done with it: at a desk and on a telephone,
without a script.
"""

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import expect

from briefings.tests.makers import make_published
from cma_site.tests.axe import ANY, list_faults
from subscribers import forms
from subscribers.links import Purpose, make_url
from subscribers.models import JoiningRequest, add_search
from subscribers.tasks import answer_joining_request
from subscribers.tests.makers import make_member

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, serialized_rollback=True)]

IS_TOO_WIDE = "document.documentElement.scrollWidth > innerWidth"
LONG = "新質生產力 OR 北部都會區 OR 粵港澳大灣區 -樓市 theme:創新科技 year:2023-2026"


@pytest.fixture(autouse=True)
def at_ease(settings, live_server, monkeypatch):
    settings.SITE_URL = live_server.url
    monkeypatch.setattr(forms, "FILLED_IN_AFTER", 0)  # a browser that types at once
    cache.clear()
    monkeypatch.setattr(answer_joining_request, "apply_async", lambda *args, **kwargs: None)


@pytest.fixture(params=[1280, 390])
def narrow(page, request):
    page.set_viewport_size({"width": request.param, "height": 844})
    return page


def look(page) -> list[str]:
    found = list_faults(page, impacts=ANY)
    return [*found, "scrolls sideways"] if page.evaluate(IS_TOO_WIDE) else found


def test_a_stranger_subscribes_from_the_page_of_a_search(narrow, live_server):
    make_published({"headline": "論關稅", "themes": ["貿易"]})
    page = narrow
    page.goto(f"{live_server.url}/search/?q=關稅&theme=貿易")
    page.get_by_role("link", name="以電郵訂閱這個搜尋").click()
    expect(page.get_by_label("訂閱的搜尋")).to_have_value('關稅 theme:"貿易"')
    expect(page.get_by_label("只收這個搜尋找到的短評")).to_be_checked()
    assert look(page) == []

    page.get_by_label("電郵地址", exact=True).fill("chan@example.com")
    page.get_by_label("本人同意").check()
    page.get_by_role("button", name="訂閱", exact=True).click()
    expect(page.get_by_role("heading", name="請查看電郵")).to_be_visible()

    asked = JoiningRequest.objects.get()
    assert (asked.search, asked.only_searches) == ('關稅 theme:"貿易"', True)


def test_a_member_subscribes_on_the_page_of_their_preferences_and_removes_it(narrow, live_server):
    make_published({"themes": ["創新科技"]})
    member = make_member()
    add_search(member, LONG, timezone.now())
    page = narrow
    page.goto(make_url(Purpose.PREFERENCES, member.pk))
    page.get_by_label("搜尋字詞").fill("關稅")
    page.get_by_role("button", name="訂閱搜尋").click()
    expect(page.get_by_role("status")).to_have_text("已訂閱「關稅」。")
    expect(page.get_by_role("status")).to_be_in_viewport()
    expect(page.get_by_role("link", name="關稅", exact=True)).to_be_visible()
    assert look(page) == []

    page.get_by_role("button", name="移除「關稅」").click()
    expect(page.get_by_role("status")).to_have_text("已移除這個搜尋。")
    expect(page.get_by_role("link", name="關稅", exact=True)).to_have_count(0)
    assert [search.query for search in member.searches.all()] == [LONG]


def test_it_takes_no_script(page, live_server):
    member = make_member()
    context = page.context.browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(make_url(Purpose.PREFERENCES, member.pk))
    plain.get_by_label("搜尋字詞").fill("！？")
    plain.get_by_role("button", name="訂閱搜尋").click()
    expect(plain.get_by_role("alert")).to_have_text("請輸入要找的文字或數字。")
    expect(plain.get_by_label("搜尋字詞")).to_have_value("！？")

    plain.get_by_label("搜尋字詞").fill("港口")
    plain.get_by_role("button", name="訂閱搜尋").click()
    expect(plain.get_by_role("status")).to_have_text("已訂閱「港口」。")
    plain.get_by_label("只收訂閱的搜尋").check()
    plain.get_by_role("button", name="儲存").click()
    expect(plain.get_by_role("status")).to_have_text("偏好已儲存。")
    context.close()

    member.refresh_from_db()
    assert member.only_searches
    assert member.searches.get().query == "港口"
