"""At the desk: handing in, looking at what would become of the rows, deciding."""

import csv
import io
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from subscribers import imports
from subscribers.imports import work_on
from subscribers.models import ImportStep, Member, MemberImport, RowKind

pytestmark = pytest.mark.django_db

ADD = "/admin/subscribers/memberimport/add/"
LIST = "電郵,稱呼,公司\nchan@example.com,陳大文,甲\nlee@,=1+1,乙\nho@,何,丙\n"
CONSENT = {
    "consent_source": "2026 年會登記表",
    "consent_wording": "本人同意。",
    "consented_on": "2026-10-03",
    "joins_as": "pending",
}


@pytest.fixture(autouse=True)
def alone(settings, tmp_path, monkeypatch):
    """No broker is asked."""
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(imports, "_call_out", lambda import_id: None)


def hand_in(client, content: str = LIST, name: str = "名單.csv", **fields):
    upload = SimpleUploadedFile(name, content.encode())
    return client.post(ADD, CONSENT | {"upload": upload} | fields)


def make_previewed(client, **fields) -> MemberImport:
    hand_in(client, **fields)
    own = MemberImport.objects.latest("pk")
    work_on(own.pk)
    own.refresh_from_db()
    return own


def open_page(client, own: MemberImport) -> str:
    return client.get(f"/admin/subscribers/memberimport/{own.pk}/change/").content.decode()


def decide(client, own: MemberImport, decision: str):
    return client.post(reverse(f"admin:member_import_{decision}", args=[own.pk]), follow=True)


def test_a_list_is_handed_in_with_where_people_agreed(admin_client, admin_user):
    hand_in(admin_client)

    own = MemberImport.objects.get()
    assert (own.name, own.consent_source, own.handed_in_by) == (
        "名單.csv",
        "2026 年會登記表",
        admin_user,
    )


@pytest.mark.parametrize("missing", ["consent_source", "consent_wording", "consented_on"])
def test_without_the_record_of_consent_nothing_is_taken(admin_client, missing):
    answer = hand_in(admin_client, **{missing: ""})

    assert list(answer.context["form"].errors) == [missing]
    assert not MemberImport.objects.exists()


def test_nobody_agrees_in_the_future(admin_client):
    tomorrow = timezone.localdate() + timedelta(days=1)

    assert "今天以後" in hand_in(admin_client, consented_on=f"{tomorrow}").content.decode()


@pytest.mark.parametrize(("name", "content"), [("名單.pdf", LIST), ("名單.csv", "")])
def test_another_kind_of_file_or_none_is_refused(admin_client, name, content):
    answer = hand_in(admin_client, content, name)

    assert answer.status_code == 200
    assert not MemberImport.objects.exists()


def test_the_preview_shows_counts_and_the_first_rows_of_each_kind(admin_client):
    page = open_page(admin_client, make_previewed(admin_client))

    assert "未有寫入任何會員" in page
    assert "chan@example.com" in page
    assert "第 3 行" in page
    assert "電郵無效" in page
    assert "「公司」<strong>不讀取</strong>" in page
    assert not Member.objects.exists()


def test_accepting_writes_and_says_so(admin_client):
    own = make_previewed(admin_client)

    decide(admin_client, own, "accept")
    work_on(own.pk)

    page = open_page(admin_client, own)
    assert Member.objects.get().email == "chan@example.com"
    assert "已匯入：3 行，新會員 1 位，不匯入 2 行。" in page
    assert LogEntry.objects.filter(change_message__contains="接受匯入").exists()


def test_rejecting_writes_nothing(admin_client):
    own = make_previewed(admin_client)

    answer = decide(admin_client, own, "reject")

    own.refresh_from_db()
    assert own.step == ImportStep.REJECTED
    assert "沒有寫入任何會員" in answer.content.decode()


def test_who_decides_second_is_told(admin_client):
    own = make_previewed(admin_client)
    decide(admin_client, own, "accept")

    assert "已有人作了決定" in decide(admin_client, own, "reject").content.decode()


def test_the_page_tells_how_far_it_is_while_it_is_open(admin_client):
    own = make_previewed(admin_client)
    MemberImport.objects.update(step=ImportStep.WRITING, percent=40)

    told = admin_client.get(reverse("admin:member_import_progress", args=[own.pk])).json()

    assert (told["done"], told["total"]) == (40, 100)
    assert told["summary"].startswith("匯入中：3 行")


def test_the_rows_that_were_left_out_come_as_a_file_without_formulas(admin_client):
    own = make_previewed(admin_client)

    answer = admin_client.get(reverse("admin:member_import_refused", args=[own.pk]))

    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["行", "結果", "原因", "電郵", "稱呼", "公司"]
    assert [row[0] for row in rows[1:]] == ["3", "4"]
    assert rows[1][1] == RowKind.FORMULA.label
    assert rows[1][3:] == ["lee@", "'=1+1", "乙"]


def test_the_page_of_a_failed_list_gives_the_reason(admin_client):
    own = make_previewed(admin_client, content="姓名\n陳大文\n")

    assert "沒有「電郵」" in open_page(admin_client, own)


def test_the_page_asks_a_few_questions_of_the_database(admin_client, django_assert_max_num_queries):
    own = make_previewed(admin_client)

    with django_assert_max_num_queries(16):
        open_page(admin_client, own)
