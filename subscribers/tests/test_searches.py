"""Searches that members subscribe to: from the page to the mail."""

import re
from datetime import datetime, timedelta
from html import unescape
from time import time

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from briefings.models import Audience, GlossaryTerm, Theme
from briefings.search.query import MAX_QUERY_LENGTH
from briefings.tests.makers import make_draft, make_published
from subscribers.digest_days import find_readers, group_readers, list_offers, open_due_digests
from subscribers.digest_rules import Hits
from subscribers.digests import MOST_HITS, MOST_WEIGHT, weigh
from subscribers.forms import make_stamp
from subscribers.links import Purpose, make_token
from subscribers.messages import build_message
from subscribers.models import (
    MOST_SEARCHES,
    Delivery,
    DeliveryState,
    Digest,
    DigestKind,
    DigestSchedule,
    JoiningRequest,
    Member,
    SearchSubscription,
    add_search,
)
from subscribers.opening import MailingRefused, open_mailing
from subscribers.readership import count_readership
from subscribers.searches import find_hits, subscribe_to_search
from subscribers.sending_days import HONG_KONG
from subscribers.tests.makers import VARIANT, at_once, make_member

pytestmark = pytest.mark.django_db

WEEKLY = DigestKind.WEEKLY
FRIDAY = datetime(2026, 11, 27, 9, tzinfo=HONG_KONG)
DAY = timedelta(days=1)


@pytest.fixture
def scheduled():
    """Digests are sent since the summer."""
    for kind in DigestKind:
        DigestSchedule.objects.create(kind=kind, since=FRIDAY - 100 * DAY)


def make_follower(*searches, since=FRIDAY - 20 * DAY, **fields):
    """A weekly one, who joined the month before and wants nothing but what these find."""
    usual = {"frequency": WEEKLY, "confirmed_at": FRIDAY - 30 * DAY, "only_searches": True}
    member = make_member(**usual | fields)
    for search in searches:
        add_search(member, search, since)
    return member


def publish(*entries, ago=DAY, **fields):
    """A while before Friday."""
    edition = make_published(*entries, date=(FRIDAY - ago).date(), **fields)
    type(edition).objects.filter(pk=edition.pk).update(published_at=FRIDAY - ago)
    edition.refresh_from_db()
    return edition


def list_headlines(delivery):
    return [item.entry.headline for item in delivery.digest.items.select_related("entry")]


def page_of(member, *rest):
    return "/".join(["/preferences", make_token(Purpose.PREFERENCES, member.pk), *rest, ""])


# ----------------------------------------------------------------------------- on the members' page


def follow(client, member, search):
    return client.post(page_of(member, "follow"), {"search": search}).text


def test_a_member_subscribes_to_a_search_and_has_it_once_however_it_is_typed(client):
    member = make_member()

    first = follow(client, member, "  新質生產力   -汽車 ")
    second = follow(client, member, "新质生产力 －汽車")

    assert "已訂閱「新質生產力 -汽車」。" in first
    assert "你早已訂閱" in second
    assert [search.query for search in member.searches.all()] == ["新質生產力 -汽車"]


def test_the_page_has_their_searches_with_a_button_to_remove_each(client):
    member = make_member()
    add_search(member, "關稅 <b>", timezone.now())
    search = member.searches.get()

    page = client.get(page_of(member)).text
    assert "移除「關稅 &lt;b&gt;」" in page
    assert "/search/?q=%E9%97%9C%E7%A8%85%20%3Cb%3E" in page

    told = client.post(page_of(member, "unfollow"), {"search": search.pk}).text
    assert "已移除這個搜尋" in told
    assert not member.searches.exists()


@pytest.mark.parametrize("forged", ["", "x", "²", "9" * 30, "0"])
def test_what_is_not_theirs_is_not_removed(client, forged):
    add_search(make_member(), "關稅", timezone.now())
    other = SearchSubscription.objects.get()

    for key in (forged, str(other.pk)):
        assert client.post(page_of(make_member(), "unfollow"), {"search": key}).status_code == 200

    assert SearchSubscription.objects.exists()


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "請填寫搜尋字詞"),
        ("　", "請填寫搜尋字詞"),
        ("！？…「」", "請輸入要找的文字或數字"),
        ("\u200b", "請輸入要找的文字或數字"),
        ("-關稅", "不能只有要排除的"),
        ("OR", "只用來連接字詞"),
        ("或 AND", "只用來連接字詞"),
        ("關\x00稅", "含有不能顯示的字元"),
        ("稅" * 10_000, f"最多{MAX_QUERY_LENGTH}個字元"),
        (" ".join("甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未"), "字詞太多"),
        ("稅 theme:沒有的", "沒有叫「沒有的」的政策主題"),
        ("稅 year:去年", "不是年份"),
        ("稅 author:沒有的", "沒有叫「沒有的」的作者"),
    ],
)
def test_a_search_that_is_nothing_is_refused_and_stays_to_be_mended(client, typed, why):
    member = make_member()

    page = follow(client, member, typed)

    assert why in page
    assert not SearchSubscription.objects.exists()
    assert typed.replace("\x00", "").strip()[:50] in page.replace("\x00", "")


def test_a_member_has_no_more_than_a_mail_has_room_for(client):
    member = make_member()
    for number in range(MOST_SEARCHES):
        follow(client, member, f"第{number}個")

    assert "最多可訂閱10個搜尋" in follow(client, member, "再一個")
    assert "你早已訂閱" in follow(client, member, "第3個")
    assert member.searches.count() == MOST_SEARCHES


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_nor_if_they_press_several_times_at_once():
    member = make_member()
    for number in range(MOST_SEARCHES - 1):
        add_search(member, f"第{number}個", timezone.now())
    searches = iter(["甲", "乙", "丙", "丁"])

    at_once(4, lambda: follow(Client(), member, next(searches)))

    assert member.searches.count() == MOST_SEARCHES


def test_members_may_want_nothing_but_what_their_searches_find(client):
    member = make_member()

    wish = {"frequency": "every", **VARIANT, "only_searches": "on"}
    page = client.post(page_of(member), wish).text

    member.refresh_from_db()
    assert member.only_searches
    assert "未有訂閱任何搜尋，所以不會收到短評" in page
    assert "未有訂閱任何搜尋" not in follow(client, member, "關稅")


def test_who_has_left_subscribes_to_nothing(client):
    member = make_member()
    member.unsubscribe()

    assert "現時沒有訂閱" in follow(client, member, "關稅")
    assert not SearchSubscription.objects.exists()


# ------------------------------------------------------------------------ from the page of a search


def test_the_page_of_a_search_leads_to_a_form_that_has_it(client):
    theme = Theme.objects.create(name="貿易")
    make_published({"headline": "關稅", "themes": [theme]})
    page = client.get("/search/", {"q": "關稅", "theme": theme.slug}).text
    address = re.search('href="([^"]+)">以電郵訂閱這個搜尋<', page)[1]

    form = client.get(unescape(address)).text

    assert 'value="關稅 theme:&quot;貿易&quot;"' in form
    assert "只收這個搜尋找到的短評" in form
    assert "只收這個搜尋" not in client.get("/subscribe/").text


def test_in_english_the_link_is_english(client):
    make_published({"headline": "關稅"})

    assert "Follow this search by email" in client.get("/en/search/", {"q": "關稅"}).text


@pytest.fixture
def join(client, answered, confirmations, django_capture_on_commit_callbacks):
    cache.clear()

    def post(**fields):
        wish = {"email": "chan@example.com", "consent": "on", "shown": make_stamp(time() - 5)}
        with django_capture_on_commit_callbacks(execute=True):
            return client.post("/subscribe/", wish | fields, follow=True).text

    yield post
    cache.clear()  # one client may ask only so often


def test_who_joins_from_there_gets_what_it_finds_and_nothing_else(join):
    join(search="關稅 -汽車", only_searches="on")

    member = Member.objects.get()
    assert [search.query for search in member.searches.all()] == ["關稅 -汽車"]
    assert member.only_searches


def test_a_search_that_is_nothing_is_refused_there_too(join):
    page = join(search="…", only_searches="on")

    assert "請輸入要找的文字或數字" in page
    assert 'value="…"' in page
    assert not JoiningRequest.objects.exists()


def test_without_a_search_there_is_nothing_to_be_the_only_one(join):
    join(search="", only_searches="on")

    assert not Member.objects.get().only_searches


def test_a_stranger_gives_no_member_a_search_but_the_members_page_proposes_it(join, client):
    member = make_member(email="chan@example.com")

    join(search="關稅 <i>", only_searches="on")

    member.refresh_from_db()
    assert not member.searches.exists()
    assert not member.only_searches
    assert 'value="關稅 &lt;i&gt;"' in client.get(page_of(member)).text
    assert 'value="關稅 &lt;i&gt;"' not in client.get(page_of(make_member())).text
    assert 'value="關稅 &lt;i&gt;"' not in follow(client, member, "關稅 <i>")
    assert 'value="關稅 &lt;i&gt;"' not in client.get(page_of(member)).text


def test_an_address_may_propose_one(client):
    member = make_member()

    assert 'value="港口"' in client.get(page_of(member), {"search": "港口"}).text


def test_who_joins_again_begins_with_what_they_say_now(join):
    member = make_follower("關稅", email="chan@example.com")
    member.unsubscribe()
    assert not SearchSubscription.objects.exists()

    join()

    member.refresh_from_db()
    assert not member.searches.exists()
    assert not member.only_searches


# -------------------------------------------------------------------------------------- what is due


@pytest.mark.parametrize(
    ("search", "headlines"),
    [
        ("新质生产力", ["論新質生產力"]),
        ("強積金", ["MPF改革"]),  # the glossary has it
        ("theme:貿易", ["關稅"]),
        ("關稅 OR 改革", ["MPF改革", "關稅"]),
        ("正文 -關稅", ["論新質生產力", "MPF改革"]),
        ("正文 year:2026", ["論新質生產力", "MPF改革", "關稅"]),
        ("year:2025", None),
        ("沒有人寫過", None),
    ],
)
def test_a_digest_brings_what_the_sites_own_search_finds(scheduled, search, headlines):
    GlossaryTerm.objects.create(name="強積金").wordings.create(text="MPF")
    make_follower(search)
    publish(
        {"headline": "論新質生產力"},
        {"headline": "MPF改革"},
        {"headline": "關稅", "themes": ["貿易"]},
    )

    open_due_digests(FRIDAY)

    delivery = Delivery.objects.first()
    assert (delivery and list_headlines(delivery)) == headlines


def test_it_comes_beside_what_the_themes_bring_and_once(scheduled):
    tax = Theme.objects.create(name="稅務")
    make_follower("關稅", themes=[tax], only_searches=False)
    publish({"headline": "關稅甲", "themes": [tax]}, {"headline": "關稅乙"}, {"headline": "丙"})

    open_due_digests(FRIDAY)
    open_due_digests(FRIDAY + 7 * DAY)

    assert list_headlines(Delivery.objects.get()) == ["關稅甲", "關稅乙"]


def test_a_new_search_brings_nothing_older(scheduled):
    member = make_follower("港口", themes=[])
    publish({"headline": "舊的關稅"}, number=1, ago=2 * DAY)
    add_search(member, "關稅", FRIDAY - DAY)
    publish({"headline": "新的關稅"}, number=2, ago=DAY / 2)

    open_due_digests(FRIDAY)

    assert list_headlines(Delivery.objects.get()) == ["新的關稅"]


def test_what_failed_comes_again_with_the_next(scheduled):
    make_follower("關稅")
    publish({"headline": "關稅"})
    open_due_digests(FRIDAY)
    Delivery.objects.update(state=DeliveryState.FAILED)

    open_due_digests(FRIDAY + 7 * DAY)

    assert list_headlines(Delivery.objects.latest("pk")) == ["關稅"]


def test_members_find_what_only_members_may_read_and_nobody_a_draft(scheduled):
    make_follower("關稅")
    publish({"headline": "關稅甲"}, number=1, audience=Audience.MEMBERS)
    make_draft({"headline": "關稅乙"}, number=2)

    open_due_digests(FRIDAY)

    assert list_headlines(Delivery.objects.get()) == ["關稅甲"]


def test_a_theme_of_which_the_search_found_more_is_no_hit_when_it_was_left_out(scheduled):
    """An old entry that the search finds too, and that is no news, isn't told."""
    make_follower("關稅")
    publish({"headline": "關稅舊"}, number=1, ago=25 * DAY)
    publish({"headline": "關稅新"}, number=2)

    open_due_digests(FRIDAY)

    assert "新增1篇" in Digest.objects.get().text


def test_an_edition_brings_what_a_search_finds_of_it_and_a_paused_one_nothing():
    make_follower("關稅", since=timezone.now() - DAY, frequency="every")
    make_follower("關稅", since=timezone.now() + DAY, frequency="every")
    make_follower("港口", since=timezone.now() - DAY, frequency="every")
    make_follower("關稅", since=timezone.now() - DAY, frequency="paused")
    edition = make_published({"headline": "關稅"}, {"headline": "乙"})

    open_mailing(edition, by=None)

    delivery = Delivery.objects.get()
    assert list_headlines(delivery) == ["關稅"]
    assert "你訂閱的搜尋：關稅" in delivery.digest.text


def test_an_edition_in_which_nobodys_search_finds_anything_is_refused():
    make_follower("港口", since=timezone.now() - DAY, frequency="every")

    with pytest.raises(MailingRefused, match="沒有會員"):
        open_mailing(make_published(), by=None)


def test_each_different_search_is_asked_once_however_many_members_have_it(
    scheduled, django_assert_max_num_queries
):
    publish({"headline": "關稅"}, {"headline": "港口"})
    for search in ["關稅", "关税", "港口"] * 10:
        make_follower(search)
    table, readers = list_offers(FRIDAY), find_readers(WEEKLY, FRIDAY)
    group_readers(WEEKLY, table, readers, FRIDAY)

    with django_assert_max_num_queries(3 + 1 + 2):
        groups = group_readers(WEEKLY, table, readers, FRIDAY)

    assert sum(map(len, groups.values())) == 30
    assert len(find_hits((reader.wish for reader in readers), table)) == 2


def test_members_who_typed_the_same_share_a_digest(scheduled):
    publish({"headline": "關稅"}, {"headline": "港口"})
    make_follower("關稅", "港口")
    make_follower("港口", "關稅")
    make_follower("港口")

    open_due_digests(FRIDAY)

    assert Digest.objects.count() == 2
    assert Delivery.objects.count() == 3


# -------------------------------------------------------------------------------------- in the mail


def open_one(scheduled=None):
    open_due_digests(FRIDAY)
    delivery = Delivery.objects.get()
    message = build_message(delivery, delivery.digest, delivery.mailing)
    return message.body, message.alternatives[0].content


def test_a_mail_names_each_search_how_many_it_found_and_where_they_stand(scheduled):
    member = make_follower("關稅", "港口 <i>", themes=[], only_searches=False)
    publish({"headline": "關稅與港口<i>"}, {"headline": "別的"}, {"headline": "關稅"}, number=1)

    text, html = open_one()

    assert "你訂閱的搜尋：關稅　新增2篇\n1. 關稅與港口<i>\n3. 關稅\n" in text
    assert "你訂閱的搜尋：港口 <i>　新增1篇\n1. 關稅與港口<i>\n" in text
    assert "你訂閱的搜尋：港口 &lt;i&gt;" in html
    first, _, third = Delivery.objects.get().digest.items.values_list("entry", flat=True)
    assert html.count(f'href="#e{first}"') == 3, "among the contents, and under both searches"
    assert html.count(f'href="#e{third}"') == 2
    assert html.count('class="headline"') == 3, "each is printed once"
    for part in (text, html):
        assert f"{make_token(Purpose.PREFERENCES, member.pk)}/#searches" in part


def test_a_mail_of_an_edition_leads_to_where_they_stand_in_it():
    make_follower("關稅", since=timezone.now() - DAY, frequency="every", only_searches=False)
    edition = make_published({"headline": "甲"}, {"headline": "關稅"})

    open_mailing(edition, by=None)

    digest = Digest.objects.get()
    assert "你訂閱的搜尋：關稅　新增1篇\n2. 關稅\n" in digest.text
    assert digest.html.count('href="#entry-2"') == 2


def test_a_mail_without_hits_says_nothing_of_searches(scheduled):
    make_follower("港口", only_searches=False)
    publish({"headline": "關稅"})

    text, html = open_one()

    assert "訂閱的搜尋" not in text
    assert "訂閱的搜尋" not in html.partition("<body>")[2]


@pytest.mark.parametrize("audience", Audience)
def test_what_is_left_out_by_weight_is_led_to_where_it_can_be_read(scheduled, audience):
    make_follower("末篇")
    entries = [{"headline": f"第{n}篇", "lead": "末篇" + "長" * 9000} for n in range(6)]
    edition = publish(*entries, {"headline": "末篇"}, number=1, audience=audience)

    text, html = open_one()

    last = edition.entries.last()
    assert 'class="headline"' in html
    assert f'id="e{last.pk}"' not in html
    section = html.partition("你訂閱的搜尋")[2].partition("增減訂閱的搜尋")[0]
    address = last.get_absolute_url() if audience == Audience.PUBLIC else f"?to=e{last.pk}"
    assert address in section
    assert address in text.partition("你訂閱的搜尋")[2].partition("增減訂閱的搜尋")[0]


def test_of_more_than_a_list_has_room_for_it_says_how_many_and_leads_to_the_search(scheduled):
    make_follower("關稅")
    publish(*({"headline": f"關稅{n}"} for n in range(MOST_HITS + 3)), number=1)

    text, html = open_one()

    assert "新增11篇" in html
    for part in (text, html):
        assert "另有3篇，" in part
        assert "/search/?q=%E9%97%9C%E7%A8%85" in part


def test_ten_searches_that_find_much_leave_the_mail_light_enough(scheduled):
    find_all = [f"關稅 -{'長' * 150}{n}" for n in range(MOST_SEARCHES)]
    make_follower(*find_all)
    headline = "關稅" + "甚長的標題" * 8
    publish(*({"headline": headline, "lead": "導言" * 60} for _ in range(40)), number=1)

    _, html = open_one()

    assert html.count("你訂閱的搜尋") == MOST_SEARCHES
    assert 'class="headline"' in html
    assert weigh(html) < MOST_WEIGHT + 3000  # what fills the slots


def test_in_simplified_and_in_english(scheduled):
    publish({"headline": "關稅"}, number=1)
    make_follower("關稅", script="hans", notice_language="zh")
    make_follower("關稅", notice_language="en")

    open_due_digests(FRIDAY)

    simplified, english = (delivery.digest for delivery in Delivery.objects.order_by("member_id"))
    assert "你订阅的搜寻：关税　新增1篇" in simplified.text
    assert "你订阅的搜寻：关税" in simplified.html
    assert "Your search: 關稅 (1 new)" in english.text
    assert "訂閱的搜尋" not in english.html.partition("<body>")[2]


def test_a_search_is_never_taken_for_a_slot(scheduled):
    make_follower("[[unsubscribe]] 關稅")
    publish({"headline": "關稅", "lead": "unsubscribe"})

    text, html = open_one()

    assert "你訂閱的搜尋：［［unsubscribe]] 關稅" in text
    assert "［［unsubscribe]] 關稅" in html


# -------------------------------------------------------------------------------------- at the desk


def test_the_page_of_digests_tells_what_searches_find(admin_client):
    now = timezone.now()
    make_follower("關稅", since=now - DAY, confirmed_at=now - DAY)
    make_published({"headline": "論關稅"}, date=timezone.localdate())

    page = admin_client.get("/admin/subscribers/mailing/digests/").text
    preview = admin_client.get("/admin/subscribers/mailing/digests/weekly/?choice=1").text

    assert "訂閱的搜尋「關稅」：1 篇" in page
    assert "你訂閱的搜尋：關稅" in preview


def test_the_readership_of_an_edition_counts_what_searches_find_of_it_before_and_after():
    now = timezone.now()
    tax = Theme.objects.create(name="稅務")
    usual = {"frequency": "every", "since": now - DAY}
    make_follower("關稅", **usual)
    make_follower("港口", **usual)
    make_follower("港口", only_searches=False, themes=[tax], **usual)
    make_follower("關稅 OR 港口", only_searches=False, **usual)
    make_member()

    for make in (make_draft, make_published):
        readership = count_readership(make({"headline": "關稅"}, {"headline": "乙"}))

        assert (readership.whole, readership.part) == (2, 1)
        assert dict(readership.left_out) == {
            "未選這一期的主題": 1,
            "只收訂閱的搜尋，這一期沒有符合的": 1,
        }


def test_the_members_page_and_history_show_them(admin_client):
    member = make_follower("關稅 -汽車", since=timezone.now())

    page = admin_client.get(f"/admin/subscribers/member/{member.pk}/change/").text

    assert page.count("關稅 -汽車") == 2
    assert "訂閱搜尋" in page
    assert "訂閱的搜尋" in page
    assert "訂閱的搜尋：" not in admin_client.get("/admin/subscribers/member/add/").text


def test_the_choice_knows_the_words_as_the_member_typed_them(scheduled):
    publish({"headline": "關稅"}, number=1)
    make_follower("关税")
    make_follower("關稅")

    groups = group_readers(WEEKLY, list_offers(FRIDAY), find_readers(WEEKLY, FRIDAY), FRIDAY)

    [[first], [second]] = (choice.searches for choice in groups)
    assert {first.query, second.query} == {"关税", "關稅"}
    assert first.entries == second.entries
    assert isinstance(first, Hits)


@pytest.mark.django_db
def test_nothing_is_added_for_who_has_just_left():
    member = make_member()
    member.unsubscribe()

    with pytest.raises(Member.DoesNotExist):
        subscribe_to_search(member, "關稅", timezone.now())

    assert not member.searches.exists()
