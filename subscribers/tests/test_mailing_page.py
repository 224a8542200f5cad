"""The page 「寄給會員」: who sees what and may do what there, also by a hand-made form."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone
from django.utils.formats import date_format

from briefings.corrections import correcting
from briefings.models import Entry
from briefings.publishing import unschedule_edition, withdraw_edition
from briefings.tests.makers import make_draft, make_published, make_scheduled, make_writer
from subscribers.mail_scheduling import open_due_mails
from subscribers.mail_steps import return_mail, schedule_mail, submit_mail, write_words
from subscribers.models import MailDraft, Mailing
from subscribers.sending_days import HONG_KONG
from subscribers.tests.makers import make_mail_editor, make_mail_publisher, make_member

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WORDS = {"subject": "關稅之後", "preheader": "三個建議"}


@pytest.fixture
def edition():
    make_member()
    return make_published({"headline": "甲"}, number=3)


@pytest.fixture
def chan():
    return make_mail_editor()


@pytest.fixture
def wong():
    return make_mail_publisher()


@pytest.fixture
def editor(client, chan):
    client.force_login(chan)
    return client


@pytest.fixture
def publisher(client, wong):
    client.force_login(wong)
    return client


@pytest.fixture
def tomorrow():
    return (timezone.localtime() + DAY).replace(second=0, microsecond=0)


def page_of(edition):
    return f"/admin/briefings/edition/{edition.pk}/mailing/"


def post(client, edition, step, **fields):
    return client.post(page_of(edition), {**fields, step: ""}, follow=True)


def write(at):
    return at.astimezone(HONG_KONG).strftime("%Y-%m-%dT%H:%M")


def read(edition):
    return MailDraft.of(edition)


# --------------------------------------------------------------------------------- the editor
def test_an_editor_writes_and_asks_for_approval(editor, edition, chan):
    shown = editor.get(page_of(edition)).text
    assert "由出版人審批和寄出" in shown
    assert "寄給 1 位會員" not in shown
    assert "排程寄出" not in shown

    page = post(editor, edition, "submit", **WORDS).text

    draft = read(edition)
    assert (draft.state, draft.subject, draft.moved_by) == ("in_review", "關稅之後", chan)
    assert "已送審，等候出版人審批。" in page
    assert "郵件送審：主旨「關稅之後」，預覽文字「三個建議」" in page


def test_who_may_not_count_members_is_told_no_numbers(editor, edition):
    page = editor.get(page_of(edition)).text

    assert "收到整封" not in page
    assert "會員 1 位" not in page


@pytest.mark.parametrize("step", ["return", "schedule", "cancel", "send"])
@pytest.mark.parametrize("state", ["draft", "in_review", "scheduled"])
def test_what_an_editor_may_not_do_they_dont_by_a_form_of_their_own(
    editor, edition, tomorrow, state, step
):
    time = tomorrow if state == "scheduled" else None
    MailDraft.objects.create(edition=edition, state=state, scheduled_for=time)

    answer = post(editor, edition, step, reason="甲", at=write(tomorrow), **WORDS)

    assert answer.status_code == 403
    assert not Mailing.objects.exists()
    assert (read(edition).state, read(edition).subject) == (state, "")


def test_a_step_hidden_behind_another_name_is_not_taken(editor, edition):
    answer = editor.post(page_of(edition), {"keep": "", "send": "", **WORDS}, follow=True)

    assert answer.status_code == 200
    assert not Mailing.objects.exists()


def test_in_review_an_editor_reads_and_may_take_it_back(editor, edition, chan):
    write_words(edition, **WORDS, by=chan, now=timezone.now())
    submit_mail(edition, by=chan, now=timezone.now())

    page = editor.get(page_of(edition)).text
    assert "readonly" in page
    assert "等候出版人審批" in page
    refused = post(editor, edition, "keep", subject="改", preheader="").text
    assert "請先按「收回」" in refused
    assert read(edition).subject == "關稅之後"

    post(editor, edition, "take_back", **WORDS)

    assert read(edition).state == "draft"


def test_an_editors_new_words_take_the_approval_back_which_they_are_told_before(
    editor, edition, wong, tomorrow
):
    schedule_mail(edition, at=tomorrow, by=wong, now=timezone.now())

    assert "審批和排程即作廢" in editor.get(page_of(edition)).text
    page = post(editor, edition, "keep", **WORDS).text

    assert read(edition).state == "in_review"
    assert "已儲存，等候出版人審批。" in page
    assert "原有的審批和排程作廢，重新送審" in page


def test_what_goes_out_on_publication_an_editor_only_reads(editor, wong, tomorrow):
    edition = make_scheduled(at=tomorrow, by=wong, options=["send_to_members"])

    page = editor.get(page_of(edition)).text

    assert "隨即寄給會員，主旨和預覽文字由出版人決定" in page
    assert "readonly" in page
    assert "儲存並送審" not in page
    assert "請交出版人" in post(editor, edition, "keep", **WORDS).text


def test_what_was_returned_is_shown_with_the_reason_and_who_did_it(editor, edition, chan, wong):
    now = timezone.now()
    submit_mail(edition, by=chan, now=now)
    return_mail(edition, note="主旨<太長>。", by=wong, now=now)

    page = editor.get(page_of(edition)).text

    assert "退回：主旨&lt;太長&gt;。" in page
    assert "儲存並送審" in page


@pytest.mark.parametrize("step", ["keep", "submit"])
def test_a_writer_gets_nowhere(client, edition, step):
    client.force_login(make_writer())

    assert client.get(page_of(edition)).status_code == 403
    assert post(client, edition, step, **WORDS).status_code == 403
    assert not MailDraft.objects.exists()


# ------------------------------------------------------------------------------ the publisher
def test_a_publisher_approves_for_a_time(publisher, edition, chan, wong, tomorrow):
    submit_mail(edition, by=chan, now=timezone.now())
    assert "chan於" in publisher.get(page_of(edition)).text

    page = post(publisher, edition, "schedule", at=write(tomorrow), **WORDS).text

    draft = read(edition)
    assert (draft.scheduled_for, draft.moved_by) == (tomorrow, wong)
    assert f"將於{date_format(tomorrow, 'DATETIME_FORMAT')}自動寄出" in page
    assert "取消排程" in page
    assert "寄給 1 位會員" not in page


def test_the_time_is_hong_kongs(publisher, edition):
    year = timezone.localdate().year + 1

    post(publisher, edition, "schedule", at=f"{year}-06-01T09:00", **WORDS)

    assert read(edition).scheduled_for.isoformat() == f"{year}-06-01T01:00:00+00:00"


def test_a_refused_time_is_told_and_nothing_typed_is_lost(publisher, edition):
    past = write(timezone.now() - HOUR)

    page = post(publisher, edition, "schedule", at=past, **WORDS).text

    assert "時間已過，請填寫將來的時間。" in page
    assert f'value="{past}"' in page
    assert 'value="關稅之後"' in page
    assert read(edition).state == "draft"


@pytest.mark.parametrize("at", ["", "明天"])
def test_no_time_is_told_at_its_field(publisher, edition, at):
    page = post(publisher, edition, "schedule", at=at, **WORDS).text

    assert "errorlist" in page
    assert read(edition).state == "draft"


def test_a_time_before_publication_is_told_with_that_time(publisher, tomorrow):
    make_member()
    edition = make_scheduled(at=tomorrow, number=3)

    page = post(publisher, edition, "schedule", at=write(tomorrow - HOUR), **WORDS).text

    assert f"排程於{date_format(tomorrow, 'DATETIME_FORMAT')}才出版" in page


def test_a_draft_edition_is_not_scheduled(publisher):
    page = post(publisher, make_draft(), "schedule", at=write(timezone.now() + DAY), **WORDS).text

    assert "這一期尚未出版，亦未排程出版。" in page


def test_the_time_of_publication_is_proposed(publisher, tomorrow):
    edition = make_scheduled(at=tomorrow)

    assert f'value="{write(tomorrow)}"' in publisher.get(page_of(edition)).text


def test_a_rest_day_may_be_chosen_and_is_told(publisher, edition):
    new_year = f"{timezone.localdate().year + 1}-01-01T09:00"

    page = post(publisher, edition, "schedule", at=new_year, **WORDS).text

    assert "當日是星期日或公眾假期。" in page


def test_a_publisher_returns_it_with_a_reason(publisher, edition, chan):
    submit_mail(edition, by=chan, now=timezone.now())

    assert "請寫明為何退回。" in post(publisher, edition, "return", reason=" ", **WORDS).text
    post(publisher, edition, "return", reason="主旨太長。", **WORDS)

    assert (read(edition).state, read(edition).note) == ("draft", "主旨太長。")


def test_a_publisher_cancels(publisher, edition, wong, tomorrow):
    schedule_mail(edition, at=tomorrow, by=wong, now=timezone.now())

    page = post(publisher, edition, "cancel", **WORDS).text

    assert "已取消排程，到時不會寄出。" in page
    assert read(edition).state == "draft"


def test_sending_wants_its_button(publisher, edition):
    publisher.post(page_of(edition), WORDS)

    assert not Mailing.objects.exists()
    assert read(edition).subject == "關稅之後"


def test_what_is_approved_is_what_was_seen(publisher, edition, chan):
    seen = read(edition).mark
    write_words(edition, subject="剛改的", preheader="", by=chan, now=timezone.now())

    page = post(publisher, edition, "send", seen=seen, **WORDS).text

    assert "剛有人改動了這封郵件（主旨「剛改的」" in page
    assert not Mailing.objects.exists()
    assert read(edition).subject == "剛改的"
    assert 'value="關稅之後"' in page


def test_pressed_on_a_page_that_is_still_true_it_is_done(publisher, edition):
    page = publisher.get(page_of(edition)).text
    seen = page.split('name="seen" value="')[1].split('"')[0]

    post(publisher, edition, "send", seen=seen, **WORDS)

    assert Mailing.objects.get().subject == "關稅之後"


def test_a_correction_after_the_approval_is_shown(publisher, edition, wong, tomorrow):
    schedule_mail(edition, at=tomorrow, by=wong, now=timezone.now())
    entry = edition.entries.get()
    with correcting(entry, note="數字有誤。", by=wong):
        Entry.objects.filter(pk=entry.pk).update(lead="改了。")

    page = publisher.get(page_of(edition)).text

    assert "審批之後，以下短評曾經更正" in page
    assert "「甲」：數字有誤。" in page


def test_what_will_be_in_the_way_is_shown_before(publisher, wong, tomorrow):
    edition = make_scheduled(at=tomorrow)
    schedule_mail(edition, at=tomorrow, by=wong, now=timezone.now())
    unschedule_edition(edition)

    page = publisher.get(page_of(edition)).text

    assert "照現況，到時不會寄出：這一期尚未出版" in page


def test_one_that_is_overdue_is_told(publisher, edition, wong):
    now = timezone.now()
    schedule_mail(edition, at=now - HOUR, by=wong, now=now - DAY)

    assert "時間已過而仍未寄出" in publisher.get(page_of(edition)).text


def test_who_may_only_see_mailings_changes_nothing(client, edition, wong):
    wong.user_permissions.set(
        Permission.objects.filter(codename__in=["view_edition", "view_mailing"])
    )
    client.force_login(wong)

    assert "<form" not in client.get(page_of(edition)).text.split('id="content-main"')[1]
    for step in ("keep", "submit", "send", "schedule"):
        assert post(client, edition, step, **WORDS).status_code == 403


def test_afterwards_it_is_still_told_who_asked_and_who_approved(
    editor, edition, chan, wong, tomorrow
):
    submit_mail(edition, by=chan, now=timezone.now())
    schedule_mail(edition, at=tomorrow, by=wong, now=timezone.now())
    open_due_mails(tomorrow)

    page = editor.get(page_of(edition)).text

    assert "寄送中" in page
    assert page.index("郵件寄給會員") < page.index("郵件審批並排程") < page.index("郵件送審")
    assert "發送成效" not in page, "which this editor may not see"


# ---------------------------------------------------------------------- elsewhere at the desk
def card(client):
    page = client.get("/admin/").text
    return page.split('class="card card-pending-mails"')[1].split("</section>")[0]


def test_the_first_page_shows_what_waits_and_what_went_wrong(publisher, edition, wong, chan):
    now = timezone.now()
    other = make_published(number=4)
    submit_mail(other, by=chan, now=now)
    schedule_mail(edition, at=now - HOUR, by=wong, now=now - DAY)
    withdraw_edition(edition)
    open_due_mails(now)

    shown = card(publisher)

    assert shown.index("第3期") < shown.index("第4期"), "what went wrong comes first"
    assert "未能寄出" in shown
    assert "這一期已撤回。" in shown
    assert page_of(edition) in shown


def test_an_editor_finds_there_what_was_returned(editor, edition, chan, wong):
    submit_mail(edition, by=chan, now=timezone.now())
    return_mail(edition, note="主旨太長。", by=wong, now=timezone.now())

    assert "已退回" in card(editor)
    assert "主旨太長。" in card(editor)


def test_with_nothing_to_do_there_is_no_card(editor, edition):
    assert "card-pending-mails" not in editor.get("/admin/").text


def test_who_may_not_write_mails_sees_no_card(client, edition, chan):
    submit_mail(edition, by=chan, now=timezone.now())
    client.force_login(make_writer())

    assert "card-pending-mails" not in client.get("/admin/").text


def test_the_editions_history_tells_it(editor, edition, chan, wong):
    submit_mail(edition, by=chan, now=timezone.now())
    return_mail(edition, note="主旨太長。", by=wong, now=timezone.now())

    page = editor.get(f"/admin/briefings/edition/{edition.pk}/history/").text

    assert page.index("wong：郵件退回修改：主旨太長。") < page.index("chan：郵件送審")
    assert page.count("最早的紀錄") == 1
