"""A list becomes members once somebody accepts it; exactly as reported, and never twice."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from briefings.models import Theme
from subscribers import imports
from subscribers.confirmations import MOST_WOKEN, wake_confirmations
from subscribers.imports import ImportRefused, accept, hand_in, reject, sweep, work_on
from subscribers.models import (
    ChosenTheme,
    ConsentAct,
    ConsentWay,
    Frequency,
    ImportedRow,
    ImportStep,
    JoinsAs,
    Member,
    MemberImport,
    MemberState,
    RowKind,
)
from subscribers.tests.lists import count_expected, furnish_for_list, write_list
from subscribers.tests.makers import make_member

pytestmark = pytest.mark.django_db

CONSENT = {
    "consent_source": "2026 年會登記表",
    "consent_wording": "本人同意收取短評。",
    "consented_on": date(2026, 10, 3),
}
LIST = "電郵,稱呼,政策主題\nchan@example.com,陳大文,\nlee@example.com,李小明,稅務\n"


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(autouse=True)
def called_out(monkeypatch):
    """The imports that a worker was called for; no broker is asked."""
    called: list[int] = []
    monkeypatch.setattr(imports, "_call_out", called.append)
    return called


def make_import(content: str | bytes = LIST, **fields) -> MemberImport:
    data = content.encode() if isinstance(content, str) else content
    return hand_in(ContentFile(data, name="list.csv"), by=None, **CONSENT | fields)


def make_previewed(content: str | bytes = LIST, **fields) -> MemberImport:
    handed_in = make_import(content, **fields)
    work_on(handed_in.pk)
    handed_in.refresh_from_db()
    return handed_in


def make_written(content: str | bytes = LIST, **fields) -> MemberImport:
    previewed = make_previewed(content, **fields)
    accept(previewed, by=None, now=timezone.now())
    work_on(previewed.pk)
    previewed.refresh_from_db()
    return previewed


def test_nobody_becomes_a_member_before_the_list_is_accepted():
    previewed = make_previewed()

    assert previewed.step == ImportStep.PREVIEWED
    assert previewed.counts == {RowKind.UNKNOWN_THEME: 1, RowKind.NEW: 1}
    assert not Member.objects.exists()


def test_the_report_is_exact_for_every_kind_of_row(monkeypatch):
    monkeypatch.setattr(imports, "BATCH", 17)
    furnish_for_list(400)
    before = Member.objects.count()

    written = make_written(b"".join(write_list(400)))

    assert written.step == ImportStep.DONE
    assert written.counts == written.foreseen == count_expected(400)
    assert set(written.counts) == set(RowKind.values) - {RowKind.UPDATED}
    assert Member.objects.count() == before + written.counts[RowKind.NEW]
    refused = written.total - written.counts[RowKind.NEW]
    assert written.rows.refused().count() == refused


def test_a_row_that_was_left_out_is_kept_with_its_number_and_the_reason():
    previewed = make_previewed("email\nchan@\n")

    row = previewed.rows.get()
    assert (row.number, row.kind, row.cells) == (2, RowKind.BAD_ADDRESS, ["chan@"])
    assert "chan@" in row.reason


def test_new_members_keep_what_they_agreed_to_and_where():
    tax = Theme.objects.create(name="稅務", slug="tax")

    written = make_written()

    lee = Member.objects.get(email="lee@example.com")
    assert (lee.name, lee.state, lee.frequency) == (
        "李小明",
        MemberState.PENDING,
        Frequency.EVERY_EDITION,
    )
    assert (lee.consent_source, lee.consent_wording) == ("2026 年會登記表", "本人同意收取短評。")
    assert lee.consented_at == datetime(2026, 10, 2, 16, tzinfo=UTC)
    assert lee.member_import == written
    assert list(lee.themes.all()) == [tax]


@pytest.mark.parametrize(
    ("joins_as", "act"),
    [(JoinsAs.PENDING, ConsentAct.ASKED), (JoinsAs.ACTIVE, ConsentAct.GIVEN)],
)
def test_whoever_comes_by_a_list_has_the_consent_recorded(joins_as, act):
    written = make_written("email\nchan@example.com\n", joins_as=joins_as)

    record = Member.objects.get().consent_records.get()
    assert (record.act, record.way) == (act, ConsentWay.LIST)
    assert timezone.localdate(record.happened_at) == written.consented_on
    assert (record.wording.text if record.wording else "") == written.consent_wording


def test_members_of_documented_consent_are_active_at_once():
    written = make_written("email\nchan@example.com\n", joins_as=JoinsAs.ACTIVE)

    chan = Member.objects.get()
    assert (chan.state, chan.confirmed_at) == (MemberState.ACTIVE, written.decided_at)
    assert chan.confirmation_due_at is None


def test_confirmations_go_out_at_the_rate_that_is_set(settings, confirmations):
    settings.CONFIRMATION_RATE = 2
    make_written("email\n" + "".join(f"m{i}@example.com\n" for i in range(6)))

    wake_confirmations(timezone.now() + timedelta(seconds=95))

    assert len(confirmations) == 3


def test_the_confirmations_of_the_next_list_wait_for_those_of_the_last(settings):
    settings.CONFIRMATION_RATE = 1
    first = make_written("email\n" + "".join(f"m{i}@example.com\n" for i in range(60)))

    make_written("email\nchan@example.com\n")

    due = Member.objects.get(email="chan@example.com").confirmation_due_at
    assert due == first.mailed_until + timedelta(minutes=1)


def test_a_list_is_not_accepted_while_confirmations_wait_for_days(settings):
    settings.CONFIRMATION_RATE = 1
    MemberImport.objects.create(**CONSENT, mailed_until=timezone.now() + timedelta(hours=48))
    previewed = make_previewed("email\nchan@example.com\n")

    with pytest.raises(ImportRefused, match="確認信"):
        accept(previewed, by=None, now=timezone.now())


def test_one_sweep_wakes_no_more_than_so_many(confirmations):
    now = timezone.now()
    Member.objects.bulk_create(
        Member(email=f"m{i}@example.com", asked_at=now, confirmation_due_at=now)
        for i in range(MOST_WOKEN + 5)
    )

    wake_confirmations(now)

    assert len(confirmations) == MOST_WOKEN


@pytest.mark.parametrize("joins_as", JoinsAs.values)
@pytest.mark.parametrize("updates", [False, True])
def test_who_has_left_is_never_brought_back(joins_as, updates):
    left = make_member(email="Chan@example.com", name="原名")
    left.unsubscribe()

    written = make_written(joins_as=joins_as, updates_members=updates)

    left.refresh_from_db()
    assert (left.state, left.name) == (MemberState.UNSUBSCRIBED, "原名")
    assert written.counts[RowKind.UNSUBSCRIBED] == 1
    assert "本人再登記" in written.rows.get(kind=RowKind.UNSUBSCRIBED).reason


def test_who_leaves_after_the_preview_is_not_touched():
    member = make_member(email="chan@example.com", name="原名")
    previewed = make_previewed(updates_members=True)
    member.unsubscribe()

    accept(previewed, by=None, now=timezone.now())
    work_on(previewed.pk)

    previewed.refresh_from_db()
    member.refresh_from_db()
    assert previewed.foreseen[RowKind.UPDATED] == 1
    assert previewed.counts[RowKind.UNSUBSCRIBED] == 1
    assert member.name == "原名"


def test_a_member_is_left_as_they_are_unless_updating_was_asked_for():
    member = make_member(email="chan@example.com", name="原名")

    make_written()

    member.refresh_from_db()
    assert member.name == "原名"


def test_updating_changes_name_and_themes_and_nothing_else():
    tax, tech = (Theme.objects.create(name=name, slug=name) for name in ("稅務", "科技"))
    member = make_member(
        email="lee@example.com", frequency=Frequency.PAUSED, themes=[tech], consent_wording="甲"
    )
    before = Member.objects.filter(pk=member.pk).values().get()

    written = make_written(
        "電郵,稱呼,政策主題,頻率\nLee@example.com,李小明,稅務,weekly\n", updates_members=True
    )

    assert Member.objects.filter(pk=member.pk).values().get() == before | {"name": "李小明"}
    assert list(member.themes.all()) == [tax]
    assert written.counts == {RowKind.UPDATED: 1}


def test_an_empty_cell_takes_nothing_away_from_a_member():
    tax = Theme.objects.create(name="稅務", slug="tax")
    member = make_member(email="chan@example.com", name="原名", themes=[tax])

    written = make_written("電郵,稱呼,政策主題\nchan@example.com,,\n", updates_members=True)

    member.refresh_from_db()
    assert (member.name, list(member.themes.all())) == ("原名", [tax])
    assert written.counts == {RowKind.KNOWN: 1}


def test_a_rejected_list_leaves_nothing_of_who_was_on_it():
    previewed = make_previewed()
    upload = previewed.upload.name

    reject(previewed, by=None, now=timezone.now())

    assert not default_storage.exists(upload)
    assert not ImportedRow.objects.exists()
    with pytest.raises(ImportRefused, match="已有人"):
        accept(previewed, by=None, now=timezone.now())


def test_the_file_is_gone_once_it_is_written():
    written = make_written()

    assert written.upload.name == ""
    assert default_storage.listdir("member-imports")[1] == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("姓名,電話\n陳大文,23456789\n", "姓名、電話"),
        ("電郵,稱呼\n", "一行也沒有"),
        (b"PK\x03\x04 and nothing", "未能讀取"),
    ],
)
def test_what_is_no_list_fails_with_the_reason(content, told):
    failed = make_previewed(content)

    assert failed.step == ImportStep.FAILED
    assert told in failed.reason
    assert failed.upload.name == ""


def test_a_list_that_is_too_long_fails_and_keeps_no_row(monkeypatch):
    monkeypatch.setattr(imports, "BATCH", 2)
    monkeypatch.setattr(imports, "MOST_ROWS", 3)

    failed = make_previewed("email\n" + "chan@\n" * 5)

    assert "分成幾個檔案" in failed.reason
    assert not ImportedRow.objects.exists()


@pytest.mark.parametrize("size", [0, imports.LARGEST_FILE + 1])
def test_an_empty_or_huge_file_is_not_taken(size):
    upload = ContentFile(b"", name="list.csv")
    upload.size = size

    with pytest.raises(ImportRefused):
        hand_in(upload, by=None, **CONSENT)


# ------------------------------------------------------------------------------ a killed worker


class Killed(BaseException):
    """Ends the work where it stands, as a signal does: nothing tidies up."""


def kill_after(batches: int):
    done = []

    def watch(own: MemberImport) -> None:
        done.append(own.last_row)
        if len(done) == batches:
            raise Killed

    return watch


@pytest.mark.parametrize("step", ["reading", "writing"])
@pytest.mark.parametrize("batches", [1, 3, 5])
def test_who_goes_on_after_a_killed_worker_reports_and_writes_the_same(monkeypatch, step, batches):
    monkeypatch.setattr(imports, "BATCH", 17)
    furnish_for_list(100)
    before = Member.objects.count()
    content = b"".join(write_list(100))
    own = make_import(content) if step == "reading" else make_previewed(content)
    if step == "writing":
        accept(own, by=None, now=timezone.now())
    with pytest.raises(Killed):
        work_on(own.pk, kill_after(batches))
    MemberImport.objects.update(claimed_at=timezone.now() - imports.LEASE * 2)

    work_on(own.pk)

    own.refresh_from_db()
    assert own.counts == count_expected(100)
    assert own.rows.refused().count() == 100 - own.counts[RowKind.NEW]
    written = own.counts[RowKind.NEW] if step == "writing" else 0
    assert Member.objects.count() == before + written
    assert ChosenTheme.objects.count() == (35 if written else 0)


def test_two_workers_are_never_at_one_list():
    own = make_import()
    own.take(timezone.now(), timezone.now() - imports.LEASE)

    work_on(own.pk)

    assert not ImportedRow.objects.exists()


def test_a_worker_that_was_taken_for_dead_writes_nothing_more(monkeypatch):
    monkeypatch.setattr(imports, "BATCH", 1)
    previewed = make_previewed("email\na@example.com\nb@example.com\nc@example.com\n")
    accept(previewed, by=None, now=timezone.now())
    later = timezone.now() + imports.LEASE * 2

    def take_over(own: MemberImport) -> None:
        if own.last_row == 2:
            MemberImport.objects.get(pk=own.pk).take(later, later - imports.LEASE)

    work_on(previewed.pk, take_over)

    assert [member.email for member in Member.objects.all()] == ["a@example.com"]


def test_a_list_at_which_worker_after_worker_dies_is_given_up():
    own = make_import()
    for _ in range(imports.MOST_ATTEMPTS):
        now = timezone.now()
        assert own.take(now, now - imports.LEASE)
        MemberImport.objects.update(claimed_at=now - imports.LEASE * 2)

    work_on(own.pk)

    own.refresh_from_db()
    assert own.step == ImportStep.FAILED
    assert "三次中斷" in own.reason


def test_the_sweep_calls_out_what_no_worker_has(called_out):
    waiting, abandoned, at_work = (make_import() for _ in range(3))
    now = timezone.now() + imports.PATIENCE * 2
    abandoned.take(now - imports.LEASE * 2, now - imports.LEASE * 3)
    at_work.take(now, now - imports.LEASE)
    called_out.clear()

    sweep(now)

    assert set(called_out) == {abandoned.pk, waiting.pk}


def test_the_sweep_forgets_addresses_after_a_while():
    undecided, written = make_previewed("email\na@\n"), make_written("email\na@\n")
    now = timezone.now()

    sweep(now + imports.DECIDED_WITHIN + timedelta(days=1))

    undecided.refresh_from_db()
    assert undecided.step == ImportStep.REJECTED
    assert written.rows.exists()
    sweep(now + imports.KEPT + timedelta(days=1))
    assert not ImportedRow.objects.exists()


def test_somebody_who_signs_up_while_their_row_is_written_is_a_member_already(monkeypatch):
    previewed = make_previewed("email\nchan@example.com\n")
    accept(previewed, by=None, now=timezone.now())
    make_members = imports._make_members

    def sign_up_meanwhile(*args):
        make_member(email="chan@example.com", state=MemberState.PENDING, consent_wording="自己登記")
        return make_members(*args)

    monkeypatch.setattr(imports, "_make_members", sign_up_meanwhile)
    work_on(previewed.pk)

    previewed.refresh_from_db()
    assert previewed.counts == {RowKind.KNOWN: 1}
    assert Member.objects.get().consent_wording == "自己登記"


def test_who_signs_up_anew_did_not_agree_on_a_list():
    make_written("email\nchan@example.com\n")

    member = Member.objects.sign_up(
        email="chan@example.com", name="", frequency="every", themes=[], now=timezone.now()
    )

    member.refresh_from_db()
    assert member.consent_source == ""
