"""The list of members: filters, those that were given a name, exports, and one member's history."""

import csv
import io
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from briefings.models import Theme
from subscribers import imports
from subscribers.imports import hand_in, work_on
from subscribers.models import (
    ConsentAct,
    ConsentWay,
    Frequency,
    Member,
    MemberImport,
    MemberState,
    RowKind,
    SavedFilter,
)
from subscribers.tests.makers import VARIANT, make_delivery, make_member
from subscribers.tests.test_imports import CONSENT

pytestmark = pytest.mark.django_db

MEMBERS = "/admin/subscribers/member/"


def list_emails(client, query: str) -> set[str]:
    rows = client.get(f"{MEMBERS}?{query}").context["cl"].result_list
    return {member.email for member in rows}


def export(client, kind: str, query: str = ""):
    return client.post(f"{MEMBERS}export/?{query}", {"kind": kind})


def read_csv(response) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


# ----------------------------------------------------------------------------------- the filters


@pytest.mark.parametrize(
    ("joined", "days"),
    [("7", {0, 6}), ("30", {0, 6, 29}), ("365", {0, 6, 29, 300}), ("older", {400})],
)
def test_members_are_found_by_when_they_joined(admin_client, joined, days):
    for ago in (0, 6, 29, 300, 400):
        member = make_member(email=f"m{ago}@example.com")
        joined_at = timezone.now() - timedelta(days=ago)
        Member.objects.filter(pk=member.pk).update(created_at=joined_at)

    assert list_emails(admin_client, f"joined={joined}") == {f"m{d}@example.com" for d in days}


def test_those_who_never_confirmed_are_found(admin_client):
    make_member(email="yes@example.com")
    make_member(email="never@example.com", state=MemberState.PENDING, confirmed_at=None)

    assert list_emails(admin_client, "confirmed=never") == {"never@example.com"}
    assert list_emails(admin_client, "confirmed=yes") == {"yes@example.com"}


def test_the_members_of_one_import_are_found(admin_client):
    own = MemberImport.objects.create(name="名單", consented_on="2026-10-03")
    make_member(email="one@example.com", member_import=own)
    make_member()

    found = list_emails(admin_client, f"member_import__id__exact={own.pk}")

    assert found == {"one@example.com"}


# ---------------------------------------------------------------------------- those with a name


def save(client, name: str, query: str):
    return client.post(f"{MEMBERS}save-filter/", {"name": name, "query": query}, follow=True)


def test_a_filter_that_one_editor_saved_is_a_link_for_all(admin_client, client):
    save(admin_client, "待確認的新會員", "state__exact=pending&joined=30&p=2&e=1")
    manager = User.objects.create_user("manager", is_staff=True)
    manager.groups.add(Group.objects.get(name="會員管理員"))
    client.force_login(manager)

    page = client.get(MEMBERS).content.decode()

    assert SavedFilter.objects.get().query == "joined=30&state__exact=pending"
    assert 'href="?joined=30&amp;state__exact=pending"' in page
    assert "待確認的新會員" in page


def test_the_filter_in_use_is_marked_and_not_offered_to_be_saved_again(admin_client):
    save(admin_client, "暫停的", "frequency__exact=paused")

    page = admin_client.get(f"{MEMBERS}?frequency__exact=paused").content.decode()

    assert 'aria-current="true">暫停的' in page
    assert "把現在的篩選存為" not in page


@pytest.mark.parametrize(
    ("name", "query", "told"),
    [
        ("", "joined=7", "請先篩選"),
        ("甲", "p=3", "請先篩選"),
        ("有了", "joined=7", "已有「有了」"),
        ("甲", "q=" + "x" * 500, "太長"),
    ],
)
def test_what_can_not_be_saved_is_said(admin_client, name, query, told):
    SavedFilter.objects.create(name="有了", query="joined=30")

    assert told in save(admin_client, name, query).content.decode()
    assert SavedFilter.objects.count() == 1


# ------------------------------------------------------------------------------------ the export


def test_an_export_holds_those_that_the_list_shows(admin_client):
    make_member(email="chan@example.com", frequency=Frequency.PAUSED)
    make_member()

    rows = read_csv(export(admin_client, "csv", "frequency__exact=paused"))

    assert rows[0][:5] == ["電郵", "稱呼", "狀態", "頻率", "政策主題"]
    assert [row[:4] for row in rows[1:]] == [["chan@example.com", "", "有效", "暫停寄送"]]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "＝"])
def test_nothing_in_an_export_is_a_formula(admin_client, start):
    make_member(name=f"{start}cmd|' /C calc'!A1")

    row = read_csv(export(admin_client, "csv"))[1]
    book = load_workbook(io.BytesIO(b"".join(export(admin_client, "xlsx").streaming_content)))

    assert row[1].startswith(f"'{start}")
    assert book.active["B2"].value.startswith(f"'{start}")
    assert book.active["B2"].data_type == "s"


@pytest.mark.parametrize("name", ["陳　大文", "陳\ue000文"], ids=["wide space", "private code"])
def test_a_name_is_exported_as_it_is_written(admin_client, name):
    make_member(name=name)

    assert read_csv(export(admin_client, "csv"))[1][1] == name


def test_a_workbook_holds_the_same_as_the_csv(admin_client):
    tax = Theme.objects.create(name="稅務", slug="tax")
    make_member(name="陳大文", themes=[tax], consent_source="年會")

    rows = read_csv(export(admin_client, "csv"))
    content = b"".join(export(admin_client, "xlsx").streaming_content)
    book = load_workbook(io.BytesIO(content))

    in_book = [[cell or "" for cell in row] for row in book.active.iter_rows(values_only=True)]
    assert in_book == rows


def test_the_chosen_members_are_exported(admin_client):
    chosen, _ = make_member(), make_member()
    form = {"action": "export_as_csv", "_selected_action": [chosen.pk]}

    rows = read_csv(admin_client.post(MEMBERS, form))

    assert [row[0] for row in rows[1:]] == [chosen.email]


def test_who_exported_how_many_is_on_record(admin_client, admin_user):
    make_member()

    export(admin_client, "xlsx")

    entry = LogEntry.objects.get(user=admin_user)
    assert entry.get_change_message() == "匯出 1 位會員（XLSX）"


def test_a_large_export_asks_as_many_questions_as_a_small_one(
    admin_client, django_assert_max_num_queries
):
    tax = Theme.objects.create(name="稅務", slug="tax")
    for _ in range(30):
        make_member(themes=[tax])

    with django_assert_max_num_queries(14):
        assert len(read_csv(export(admin_client, "csv"))) == 31


def test_what_was_exported_is_read_by_the_import(admin_client, monkeypatch, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(imports, "_call_out", lambda import_id: None)
    tax = Theme.objects.create(name="稅務", slug="tax")
    make_member(name="陳大文", themes=[tax], frequency=Frequency.WEEKLY)
    content = b"".join(export(admin_client, "csv").streaming_content)
    Member.objects.all().delete()

    own = hand_in(ContentFile(content, name="list.csv"), by=None, **CONSENT)
    work_on(own.pk)

    own.refresh_from_db()
    assert own.counts == {RowKind.NEW: 1}


# ------------------------------------------------------------------------------- one's history


def test_a_members_page_tells_all_that_happened_in_order(admin_client):
    now = timezone.now()
    delivery = make_delivery(state="sent", sent_at=now - timedelta(days=1))
    member = delivery.member
    Member.objects.filter(pk=member.pk).update(created_at=now - timedelta(days=9))
    member.record(ConsentAct.ASKED, ConsentWay.PAGE, now - timedelta(days=8))
    member.record(ConsentAct.GIVEN, ConsentWay.LINK, now - timedelta(days=7))
    form = {"email": member.email, "name": "改了", "frequency": "every", **VARIANT}
    form |= {"chosen_themes-TOTAL_FORMS": "0", "chosen_themes-INITIAL_FORMS": "0"}
    admin_client.post(f"{MEMBERS}{member.pk}/change/", form)

    answer = admin_client.get(f"{MEMBERS}{member.pk}/change/")

    told = [event.what for event in answer.context["events"]]
    assert told == ["在編輯台修改", "投遞", "確認同意", "要求訂閱", "登記"]
    assert f"{delivery.mailing.subject}：已寄出" in answer.content.decode()


def test_of_who_came_by_a_list_it_tells_which(admin_client):
    own = MemberImport.objects.create(name="年會名單.csv", consented_on="2026-10-03")
    member = make_member(member_import=own, consent_source="年會登記表")

    page = admin_client.get(f"{MEMBERS}{member.pk}/change/").content.decode()

    assert "年會名單.csv" in page
    assert "年會登記表" in page


def test_who_may_not_see_deliveries_is_not_told_of_them(client):
    member = make_delivery().member
    person = User.objects.create_user("lee", is_staff=True)
    person.user_permissions.set(
        Group.objects.get(name="會員管理員").permissions.filter(codename="view_member")
    )
    client.force_login(person)

    events = client.get(f"{MEMBERS}{member.pk}/change/").context["events"]

    assert "投遞" not in [event.what for event in events]


def test_no_list_is_grouped_by_days_that_each_row_has_to_be_asked_for(admin_client):
    make_member()

    with CaptureQueriesContext(connection) as asked:
        admin_client.get(MEMBERS)

    assert not [query for query in asked.captured_queries if "trunc" in query["sql"].lower()]
