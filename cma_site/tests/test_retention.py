"""What is over its time goes, some at a time; what is not, and what is needed, stays."""

import os
from datetime import timedelta
from io import StringIO

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from briefings import retention as of_the_archive
from briefings.cards import draw_missing
from briefings.models import (
    Autosave,
    Entry,
    Printout,
    PrintoutState,
    SearchMiss,
    SharedDraft,
)
from briefings.publishing import withdraw_edition
from briefings.tests.makers import make_draft, make_published, store_edition_pdf
from cma_site.retention import RULES, count, purge
from subscribers.models import (
    AttachedPDF,
    AttachmentState,
    ConsentAct,
    ConsentRecord,
    ConsentWay,
    Delivery,
    DeliveryState,
    Mailing,
)
from subscribers.personal_data import COPIES_KEPT
from subscribers.tests.makers import make_mailing, make_member

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
NOW = timezone.now()


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def age(name: str, days: int) -> str:
    moment = (NOW - days * DAY).timestamp()
    os.utime(default_storage.path(name), (moment, moment))
    return name


def store(name: str, days: int) -> str:
    return age(default_storage.save(name, ContentFile(b"%PDF-1.7")), days)


def list_gone(counts: dict[str, int]) -> dict[str, int]:
    return {what: number for what, number in counts.items() if number}


# ------------------------------------------------------------------------------------------ PDFs
def make_printout(edition, days: int, name: str, **fields) -> Printout:
    store(name, days)
    facts = {"state": PrintoutState.READY, "heard_at": NOW - days * DAY}
    return Printout.objects.create(edition=edition, name=name, **facts | fields)


def test_a_pdf_goes_a_month_after_there_was_a_newer_one():
    edition = make_published({"headline": "甲"})
    old = make_printout(edition, 40, "pdf/old.pdf")
    late = make_printout(edition, 20, "pdf/late.pdf")
    newest = make_printout(edition, 10, "pdf/newest.pdf")

    assert list_gone(purge(NOW)) == {"不再使用的 PDF": 1}

    assert set(Printout.objects.all()) == {late, newest}
    assert not default_storage.exists(old.name)
    assert default_storage.exists(late.name)


def test_the_newest_pdf_stays_however_old_it_is():
    edition = make_published({"headline": "甲"})
    make_printout(edition, 900, "pdf/newest.pdf")

    assert list_gone(purge(NOW)) == {}


def test_the_pdf_of_a_withdrawn_edition_goes():
    edition = make_published({"headline": "甲"})
    make_printout(edition, 40, "pdf/newest.pdf")
    withdraw_edition(edition)

    assert list_gone(purge(NOW)) == {"不再使用的 PDF": 1}


def test_a_file_that_no_row_knows_goes_and_one_that_is_being_written_does_not():
    stray = store("pdf/volumes/stray.pdf", 40)
    fresh = store("pdf/fresh.pdf", 0)

    purge(NOW)

    assert not default_storage.exists(stray)
    assert default_storage.exists(fresh)


def test_a_pdf_that_was_dropped_and_is_wanted_again_is_built_again():
    edition = make_published({"headline": "甲"})
    name = store_edition_pdf(edition)
    Printout.objects.update(heard_at=NOW - 40 * DAY)
    make_printout(edition, 10, "pdf/newest.pdf")
    purge(NOW)
    assert not default_storage.exists(name)

    assert store_edition_pdf(edition) == name
    assert default_storage.exists(name)


def make_attached(days: int, state: DeliveryState, name: str) -> Mailing:
    mailing = make_mailing(members=1)
    Mailing.objects.filter(pk=mailing.pk).update(opened_at=NOW - days * DAY)
    Delivery.objects.filter(mailing=mailing).update(state=state)
    AttachedPDF.objects.create(
        mailing=mailing, state=AttachmentState.ATTACHED, filename="a.pdf", name=store(name, days)
    )
    return mailing


def test_an_attached_pdf_stays_as_long_as_a_copy_may_need_it():
    long_ago = COPIES_KEPT.days + 10
    make_attached(long_ago, DeliveryState.SENT, "attached/sent.pdf")
    make_attached(long_ago, DeliveryState.SENDING, "attached/unsent.pdf")
    make_attached(30, DeliveryState.SENT, "attached/recent.pdf")

    assert purge(NOW)["郵件附上的 PDF"] == 1

    assert set(default_storage.listdir("attached")[1]) == {"unsent.pdf", "recent.pdf"}


def test_an_attached_pdf_that_two_mailings_have_stays_for_the_later():
    long_ago = COPIES_KEPT.days + 10
    first = make_attached(long_ago, DeliveryState.SENT, "attached/same.pdf")
    second = make_attached(30, DeliveryState.SENT, "attached/other.pdf")
    AttachedPDF.objects.filter(mailing=second).update(name=first.attached_pdf.name)

    purge(NOW)

    assert default_storage.exists("attached/same.pdf")


def test_the_card_of_an_entry_that_was_withdrawn_goes():
    kept, gone = make_published({"headline": "甲"}), make_published({"headline": "乙"})
    for edition in (kept, gone):
        draw_missing(edition)
    withdraw_edition(gone)
    for path in default_storage.listdir("cards")[0]:
        for name in default_storage.listdir(f"cards/{path}")[1]:
            age(f"cards/{path}/{name}", 40)

    assert purge(NOW)["已撤回短評的分享圖"] == 1

    (entry,) = kept.entries.all()
    assert default_storage.listdir(f"cards/{entry.pk}")[1]
    assert default_storage.listdir("cards/publication")[1]


# ------------------------------------------------------------------------------------------ rows
def make_old_rows() -> None:
    """One of each kind that is over its time, and one that is not."""
    chan = User.objects.create_user("chan")
    entry = make_draft().entries.get()
    for days in (100, 80):
        Autosave.objects.create(user=chan, form_id=f"f{days}", fields={}, saved_at=NOW - days * DAY)
        AccessLog.objects.create(username="chan")
        AccessAttempt.objects.create(username="chan", failures_since_start=1)
    for days in (40, 20, -5):
        SharedDraft.objects.create(entry=entry, expires_at=NOW - days * DAY)
    for days in (400, 300):
        SearchMiss.objects.create(text=f"詞{days}", last_day=(NOW - days * DAY).date())
    for model in (AccessLog, AccessAttempt):
        first = model.objects.order_by("pk").first()
        model.objects.filter(pk=first.pk).update(attempt_time=NOW - 100 * DAY)


def test_rows_go_when_their_time_is_over_and_not_before():
    make_old_rows()

    gone = list_gone(purge(NOW))

    assert gone == {
        "沒有儲存的文字": 1,
        "過期的草稿分享連結": 1,
        "找不到的搜尋": 1,
        "登入紀錄": 1,
        "登入失敗": 1,
    }
    assert Autosave.objects.get().form_id == "f80"
    assert SharedDraft.objects.count() == 2


def test_a_dry_run_counts_and_drops_nothing():
    make_old_rows()
    before = count(NOW)
    out = StringIO()

    call_command("purge", "--dry-run", stdout=out)

    assert count(NOW) == before
    assert "       1  登入失敗（保存 90 天）" in out.getvalue()
    assert "以上沒有刪除。" in out.getvalue()


def test_a_second_run_finds_nothing():
    make_old_rows()
    out = StringIO()

    call_command("purge", stdout=out)

    assert "       1  登入失敗（保存 90 天）" in out.getvalue()
    assert list_gone(purge(NOW)) == {}


def test_it_goes_in_batches(monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(of_the_archive, "BATCH", 2)
    chan = User.objects.create_user("chan")
    for number in range(5):
        Autosave.objects.create(
            user=chan, form_id=f"f{number}", fields={}, saved_at=NOW - 100 * DAY
        )
    rule = next(rule for rule in RULES if rule.what == "沒有儲存的文字")
    dropped: list[int] = []
    watched = of_the_archive.Rule(
        rule.what,
        rule.kept,
        rule.find,
        lambda keys, now: (dropped.append(len(keys)), rule.drop(keys, now)),
    )

    assert watched.purge(NOW) == 5
    assert dropped == [2, 2, 1]
    assert not Autosave.objects.exists()


def test_members_are_forgotten_by_the_same_run():
    mailing = make_mailing(members=1)
    Mailing.objects.update(opened_at=NOW - COPIES_KEPT - DAY)
    mailing.deliveries.update(state=DeliveryState.SENT)
    member = make_member(email="gone@example.com")
    ConsentRecord.objects.create(
        member=None,
        email=member.email,
        act=ConsentAct.WITHDRAWN,
        way=ConsentWay.LINK,
        happened_at=NOW - timedelta(days=4 * 365),
    )

    gone = list_gone(purge(NOW))

    assert gone == {"投遞中的姓名和電郵": 1, "離開者的同意紀錄": 1}
    assert list(Delivery.objects.values_list("email", flat=True)) == [""]


def test_what_is_published_and_mailed_stays_to_be_read():
    edition = make_published({"headline": "甲"})
    later = NOW + timedelta(days=10 * 365)

    purge(later)

    assert Entry.objects.get().headline == "甲"
    assert Client().get(edition.get_absolute_url()).status_code == 200
    assert Client().get(reverse("briefings:home")).status_code == 200
