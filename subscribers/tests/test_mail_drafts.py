"""The subject and the preheader that an editor writes for an edition's mail."""

import pytest
from django.contrib.auth.models import Permission, User

from briefings.models import Theme
from briefings.publishing import publish_edition
from briefings.tests.makers import make_draft, make_published
from subscribers.models import MailDraft, Mailing
from subscribers.opening import open_mailing
from subscribers.tests.makers import make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor(client):
    user = User.objects.create_user("chan", is_staff=True)
    codes = ("view_edition", "view_mailing", "add_mailing")
    user.user_permissions.add(*Permission.objects.filter(codename__in=codes))
    client.force_login(user)
    return user


def page_of(edition, tool="mailing"):
    return f"/admin/briefings/edition/{edition.pk}/{tool}/"


def test_both_are_proposed_from_the_headlines(client, editor):
    edition = make_published({"headline": "甲題"}, {"headline": "乙題"}, number=3)
    make_member()

    page = client.get(page_of(edition)).text

    assert 'placeholder="政策短評 第3期：甲題"' in page
    assert 'placeholder="甲題；乙題"' in page
    digest = open_mailing(edition, by=None).deliveries.get().digest
    assert digest.subject == "政策短評 第3期：甲題"
    assert ">甲題；乙題</div>" in digest.html


def test_what_is_written_stays_until_the_mail_goes_out_and_is_in_every_copy(client, editor):
    theme = Theme.objects.create(name="貿易")
    edition = make_draft({"headline": "甲題", "themes": [theme]}, {"headline": "乙題"}, number=3)
    words = {"subject": "關稅之後怎麼辦", "preheader": "三個建議 <b>"}

    client.post(page_of(edition), {**words, "keep": ""})

    assert not Mailing.objects.exists()
    page = client.get(page_of(edition)).text
    assert 'value="關稅之後怎麼辦"' in page
    assert "<strong>關稅之後怎麼辦</strong>" in client.get(page_of(edition, "mail")).text
    make_member()
    make_member(themes=[theme])
    publish_edition(edition, audience="public")
    mailing = open_mailing(edition, by=None)
    assert mailing.subject == "關稅之後怎麼辦"
    assert mailing.digests.count() == 2
    for digest in mailing.digests.all():
        assert digest.subject == "關稅之後怎麼辦"
        assert "三個建議 &lt;b&gt;</div>" in digest.html


def test_sending_keeps_what_was_just_written(client, editor):
    edition = make_published()
    make_member()

    client.post(page_of(edition), {"subject": "新主旨", "preheader": "", "send": ""})

    assert Mailing.objects.get().subject == "新主旨"


def test_what_is_too_long_is_told_and_nothing_is_sent(client, editor):
    edition = make_published()
    make_member()

    answer = client.post(page_of(edition), {"subject": "長" * 121, "preheader": "", "send": ""})

    assert "121" in answer.text[answer.text.index("errorlist") :].partition("</ul>")[0]
    assert "長" * 121 in answer.text, "nothing typed is lost"
    assert not Mailing.objects.exists()
    assert not MailDraft.objects.exists()


def test_after_the_mail_went_out_nothing_is_changed(client, editor):
    edition = make_published()
    make_member()
    before = open_mailing(edition, by=None).subject

    answer = client.post(page_of(edition), {"subject": "太遲", "keep": ""}, follow=True)

    assert "已寄過" in answer.text
    assert Mailing.objects.get().subject == before
    assert not MailDraft.objects.exists()


def test_who_may_not_send_writes_nothing(client, editor):
    editor.user_permissions.remove(Permission.objects.get(codename="add_mailing"))
    edition = make_published()

    assert 'name="subject"' not in client.get(page_of(edition)).text
    assert client.post(page_of(edition), {"subject": "甲", "keep": ""}).status_code == 403
    assert not MailDraft.objects.exists()


def test_what_is_amiss_in_the_texts_is_told_before_sending(client, editor):
    theme = Theme.objects.create(name="貿易")
    fine = {"headline": "甲題", "themes": [theme]}
    edition = make_published(fine, {"headline": "乙題", "body": "<p>他說「好。</p>"}, number=3)
    make_member()

    page = client.get(page_of(edition)).text

    assert "寄出前請留意" in page
    assert "「乙題」未有政策主題" in page
    assert "「甲題」未有政策主題" not in page
    told = page[page.index("寄出前請留意") : page.index("</ul>", page.index("寄出前請留意"))]
    assert told.count("「乙題」") == 2, "the bracket that is not closed, by itself"
    assert "href" not in told, "who can't mend it is led nowhere"
    open_mailing(edition, by=None)
    assert "寄出前請留意" not in client.get(page_of(edition)).text
