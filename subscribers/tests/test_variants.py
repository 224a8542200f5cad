"""The script that a member reads in, and the language that the mail speaks of itself in."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from briefings.models import Audience, Publication
from briefings.simplified import simplify
from briefings.tests.makers import make_published
from subscribers.links import Purpose, make_token, make_url
from subscribers.messages import (
    build_address_confirmation,
    build_address_notice,
    build_confirmation,
    build_erase,
    build_login,
    build_message,
    build_personal_data,
)
from subscribers.models import (
    AddressChange,
    LoginLink,
    Member,
    MemberState,
    NoticeLanguage,
    Script,
    Variant,
)
from subscribers.opening import open_mailing
from subscribers.tests.makers import make_member, read_message

pytestmark = pytest.mark.django_db

CHINESE_STATEMENT = "如不欲再收到此電郵，可隨時免費"
ENGLISH_STATEMENT = "If you no longer wish to receive this newsletter"


@pytest.fixture
def edition():
    return make_published(
        {
            "headline": "頭髮發展與乾淨能源",
            "lead": "後勤與皇后大道",
            "body": "<p>新質生產力的<strong>頭</strong>髮。</p>",
        },
        number=7,
    )


def mail_to(edition, **member):
    """The text and the HTML that this member gets, and the subject."""
    made = make_member(**member)
    delivery = open_mailing(edition, by=None).deliveries.get(member=made)
    message = read_message(
        build_message(delivery, delivery.digest, delivery.mailing).message().as_bytes()
    )
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    return text, html, message["Subject"]


def test_only_the_variants_that_somebody_reads_are_made(edition):
    for script, language in [
        (Script.TRADITIONAL, NoticeLanguage.BOTH),
        (Script.TRADITIONAL, NoticeLanguage.BOTH),
        (Script.SIMPLIFIED, NoticeLanguage.BOTH),
        (Script.SIMPLIFIED, NoticeLanguage.ENGLISH),
        (Script.SIMPLIFIED, NoticeLanguage.ENGLISH),
    ]:
        make_member(script=script, notice_language=language)

    mailing = open_mailing(edition, by=None)

    copies = mailing.deliveries.order_by("pk").values_list("digest", flat=True)
    first, second, third, fourth, fifth = copies
    assert first == second
    assert fourth == fifth
    assert len({first, third, fourth}) == mailing.digests.count() == 3
    assert all(digest.items.count() == 1 for digest in mailing.digests.all())


def test_simplified_is_converted_by_phrase_as_the_pages_are(edition):
    text, html, subject = mail_to(edition, script=Script.SIMPLIFIED)

    for part in (text, html, subject):
        assert "头发发展与干净能源" in part
    for part in (text, html):
        assert "后勤与皇后大道" in part
    assert "头</strong>发。" in html
    assert "头发。" in text
    assert '<html lang="zh-Hans"' in html
    assert "PingFang SC" in html
    assert "取消订阅" in html


def test_simplified_says_what_traditional_says(edition):
    member = {"name": "陳大文"}
    text = mail_to(edition, **member)[0]
    simplified = mail_to(make_copy_of(edition), script=Script.SIMPLIFIED, **member)[0]

    own = [line for line in text.splitlines() if "http" not in line and "陳大文" not in line]
    theirs = [line for line in simplified.splitlines() if "http" not in line]
    assert [simplify(line).replace("第7期", "第8期") for line in own if line] == [
        line for line in theirs if line and "陳大文" not in line
    ]


def make_copy_of(edition):
    entry = edition.entries.get()
    return make_published(
        {"headline": entry.headline, "lead": entry.lead, "body": entry.body}, number=8
    )


def test_links_of_a_simplified_mail_lead_to_the_simplified_pages(edition, settings):
    text, html, _ = mail_to(edition, script=Script.SIMPLIFIED)

    page = f"{settings.SITE_URL}/zh-hans{edition.get_absolute_url()}"
    assert page in text
    assert f'href="{page}"' in html
    assert f'"{settings.SITE_URL}{edition.get_absolute_url()}"' not in html
    assert Client().get(page.removeprefix(settings.SITE_URL)).status_code == 200


def test_links_of_an_english_mail_lead_to_english_pages(edition, settings):
    text, html, _ = mail_to(edition, notice_language=NoticeLanguage.ENGLISH)

    for page in (edition.get_absolute_url(), "/preferences/", "/unsubscribe/", "/mail/"):
        assert f"{settings.SITE_URL}/en{page}" in text
        assert f'href="{settings.SITE_URL}/en{page}' in html
        assert f'"{settings.SITE_URL}{page}' not in html


def test_who_reads_simplified_under_english_notices_gets_each_where_it_matters(edition, settings):
    """English pages have their texts in Traditional."""
    _, html, _ = mail_to(edition, notice_language=NoticeLanguage.ENGLISH, script=Script.SIMPLIFIED)

    for page in (f"/zh-hans{edition.get_absolute_url()}", "/zh-hans/mail/", "/en/preferences/"):
        assert f'href="{settings.SITE_URL}{page}' in html


def test_the_entrances_to_a_closed_edition_lead_to_the_pages_of_the_variant(settings):
    closed = make_published({"headline": "甲"}, number=9, audience=Audience.MEMBERS)

    _, html, _ = mail_to(closed, notice_language=NoticeLanguage.ENGLISH)

    assert re.search(rf'href="{settings.SITE_URL}/en/enter/[^"]*\?to=entry-1"', html)


def test_one_click_has_the_same_address_in_whatever_language(edition, settings):
    member = make_member(notice_language=NoticeLanguage.ENGLISH)
    delivery = open_mailing(edition, by=None).deliveries.get()

    message = build_message(delivery, delivery.digest, delivery.mailing)

    address = make_url(Purpose.UNSUBSCRIBE, member.pk)
    assert message.extra_headers["List-Unsubscribe"] == f"<{address}>"


def test_a_copy_that_is_built_again_leads_where_it_led(edition):
    """Whatever its member has chosen since: what is sent again has the same bytes."""
    member = make_member(notice_language=NoticeLanguage.ENGLISH)
    delivery = open_mailing(edition, by=None).deliveries.get()
    before = build_message(delivery, delivery.digest, delivery.mailing).message().as_bytes()

    Member.objects.filter(pk=member.pk).update(notice_language="zh", script="hans")

    delivery.refresh_from_db()
    after = build_message(delivery, delivery.digest, delivery.mailing).message().as_bytes()
    assert after == before


def test_in_the_browser_a_mail_is_as_it_was_mailed(edition, client):
    make_member(script=Script.SIMPLIFIED, name="陳後發")
    delivery = open_mailing(edition, by=None).deliveries.get()
    token = make_token(Purpose.MAIL, delivery.pk)

    pages = [client.get(f"{prefix}/mail/{token}/") for prefix in ("", "/zh-hans", "/en")]

    assert "陳後發，您好：" in pages[0].text
    assert len({page.content for page in pages}) == 1


def test_a_name_is_written_as_its_owner_writes_it(edition):
    text, html, _ = mail_to(edition, script=Script.SIMPLIFIED, name="陳後發")

    assert "陳後發，您好：" in text
    assert "陳後發，您好：" in html


@pytest.mark.parametrize(
    ("language", "has_chinese", "has_english"),
    [
        (NoticeLanguage.BOTH, True, True),
        (NoticeLanguage.CHINESE, True, False),
        (NoticeLanguage.ENGLISH, False, True),
    ],
)
def test_how_to_leave_is_said_in_both_languages_until_a_member_chooses(
    language, has_chinese, has_english, edition
):
    text, html, _ = mail_to(edition, notice_language=language)

    for part in (text, html):
        assert (CHINESE_STATEMENT in part) == has_chinese
        assert (ENGLISH_STATEMENT in part) == has_english
        assert "新質生產力的" in part, "the commentaries are Chinese in any case"
    assert ("您好：" in text) == has_chinese


def test_who_chose_english_is_greeted_so(edition):
    text, html, _ = mail_to(edition, notice_language=NoticeLanguage.ENGLISH, name="Chan & Co")

    assert "Dear Chan & Co," in text
    assert "Dear Chan &amp; Co," in html
    assert "View it in your browser" in text


# ------------------------------------------------------------------------------------ notices


def build_all_notices(member):
    now = timezone.now()
    change = AddressChange.objects.create(
        member=member, old_email=member.email, new_email="new@example.com", asked_at=now
    )
    pending = make_member(
        state=MemberState.PENDING, script=member.script, notice_language=member.notice_language
    )
    return {
        "confirm": build_confirmation(pending),
        "already_member": build_confirmation(member),
        "login": build_login(member, LoginLink.objects.create(member=member, made_at=now)),
        "move": build_address_confirmation(change),
        "keep": build_address_notice(change),
        "personal_data": build_personal_data(member, "{}"),
        "erase": build_erase(member),
    }


def has_han(text):
    """Beside the newsletter's own name, and who sends it."""
    publication = Publication.load()
    for own in (publication.name, publication.organisation, publication.department):
        text = text.replace(own, "")
    return any("\u4e00" <= character <= "\u9fff" for character in text)


def test_notices_are_in_the_language_that_a_member_chose():
    english = build_all_notices(make_member(notice_language=NoticeLanguage.ENGLISH))
    chinese = build_all_notices(make_member(notice_language=NoticeLanguage.CHINESE))
    both = build_all_notices(make_member())

    for notice, message in english.items():
        assert not has_han(message.subject + message.body), notice
        assert "ignore this e-mail" in message.body or notice == "personal_data"
        assert '<html lang="en">' in message.alternatives[0].content
    for notice, message in chinese.items():
        assert "毋須理會此電郵" in message.body, notice
        assert "e-mail" not in message.body
    for notice, message in both.items():
        assert "毋須理會此電郵" in message.body, notice
        assert "ignore this e-mail" in message.body, notice
        assert has_han(message.subject)


def test_notices_come_in_the_script_too():
    for message in build_all_notices(make_member(script=Script.SIMPLIFIED, name="陳後發")).values():
        html = message.alternatives[0].content
        for part in (message.body, html):
            assert "毋须理会此电邮" in part
            assert "毋須理會此電郵" not in part
        assert '<html lang="zh-Hans">' in html


@pytest.mark.parametrize(
    ("chosen", "prefix"),
    [
        ({}, ""),
        ({"script": Script.SIMPLIFIED}, "/zh-hans"),
        ({"notice_language": NoticeLanguage.ENGLISH}, "/en"),
        ({"notice_language": NoticeLanguage.ENGLISH, "script": Script.SIMPLIFIED}, "/en"),
        ({"notice_language": NoticeLanguage.CHINESE}, ""),
    ],
)
def test_the_link_of_a_notice_leads_to_the_page_in_its_language(chosen, prefix, settings, client):
    for notice, message in build_all_notices(make_member(**chosen)).items():
        [link] = re.findall(rf"{settings.SITE_URL}(/\S+/\d+\.\S+)", message.body)
        page = link.removeprefix(prefix)
        assert page.startswith(
            ("/subscribe/", "/preferences/", "/login/", "/move/", "/keep/", "/erase/")
        ), (notice, link)
        assert client.get(link).status_code == 200, notice


def test_text_and_html_of_a_notice_say_the_same():
    for notice, message in build_all_notices(make_member()).items():
        html = message.alternatives[0].content
        for line in message.body.splitlines():
            assert line.strip() in html, notice


# -------------------------------------------------------------------------------- choosing it


def test_members_choose_on_the_page_of_their_preferences(client):
    member = make_member()
    page = f"/preferences/{make_token(Purpose.PREFERENCES, member.pk)}/"

    answer = client.post(
        page, {"frequency": "every", "script": "hans", "notice_language": "en", "name": ""}
    )

    member.refresh_from_db()
    assert "偏好已儲存" in answer.content.decode()
    assert member.variant == Variant(Script.SIMPLIFIED, NoticeLanguage.ENGLISH)


def test_a_mailing_that_is_open_keeps_the_variant_it_was_opened_with(edition):
    member = make_member()
    delivery = open_mailing(edition, by=None).deliveries.get()
    member.script = Script.SIMPLIFIED
    member.save(update_fields=["script"])

    delivery.refresh_from_db()
    assert "頭髮發展" in delivery.digest.html
    assert delivery.not_before <= timezone.now() + timedelta(seconds=1)


def test_dates_are_no_chinese_ones_in_english():
    opens = timezone.now() + timedelta(days=3)
    edition = make_published(number=1, audience=Audience.MEMBERS, public_from=opens)

    text, html, _ = mail_to(edition, notice_language="en")

    said = f"it will be public from {timezone.localtime(opens):%Y-%m-%d %H:%M}"
    assert said in text
    assert said in html
