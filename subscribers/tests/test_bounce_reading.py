"""Bounces and complaints as the mail systems of the world write them: a folder for each kind.

All are about chan.taiman's mailbox and delivery 42.
"""

from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.bounces.reading import LARGEST, LONGEST_TEXT, read_report
from subscribers.bounces.reports import ReportKind

SPECIMENS = sorted((Path(__file__).parent / "bounces").glob("*/*.eml"))
RETURN_PATH = "bounces+42-aaaaaaaaaaaaaaaa@news.example.org"
ABOUT_A_MAILBOX = {"hard", "soft", "policy", "delayed", "complaint"}
NAMELESS = {"arf-no-recipient"}

each_specimen = pytest.mark.parametrize(
    "specimen", SPECIMENS, ids=lambda path: f"{path.parent.name}/{path.stem}"
)


def read(name: str):
    return read_report((Path(__file__).parent / "bounces" / f"{name}.eml").read_bytes())


def make_bounce(said: str, status: str = "5.0.0", action: str = "failed") -> bytes:
    return (
        "From: MAILER-DAEMON@example.com\nTo: a@example.org\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; example.com\n\n"
        f"Final-Recipient: rfc822; a@example.com\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {said}\n\n--b--\n"
    ).encode()


def test_there_are_specimens_of_every_kind_that_comes_by_mail():
    assert len(SPECIMENS) >= 60
    assert {path.parent.name for path in SPECIMENS} == {*ReportKind} - {ReportKind.UNSUBSCRIBED}


@each_specimen
def test_a_specimen_is_what_its_folder_says(specimen):
    assert read_report(specimen.read_bytes()).kind == specimen.parent.name


@pytest.mark.parametrize(
    "specimen",
    [
        path
        for path in SPECIMENS
        if path.parent.name in ABOUT_A_MAILBOX and path.stem not in NAMELESS
    ],
    ids=lambda path: path.stem,
)
def test_a_specimen_names_the_mailbox(specimen):
    assert read_report(specimen.read_bytes()).address.startswith("chan.taiman@")


@pytest.mark.parametrize(
    "specimen",
    [path for path in SPECIMENS if path.parent.name in ABOUT_A_MAILBOX],
    ids=lambda path: path.stem,
)
def test_a_specimen_carries_its_return_path_and_its_words(specimen):
    report = read_report(specimen.read_bytes())

    assert report.traces.return_paths == (RETURN_PATH,)
    assert report.text


@each_specimen
def test_lines_may_end_as_they_do_on_the_wire(specimen):
    source = specimen.read_bytes()

    assert read_report(source.replace(b"\n", b"\r\n")).kind == read_report(source).kind


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("hard/postfix-user-unknown", "5.1.1"),
        ("hard/qmail-no-mailbox", "5.1.1"),
        ("hard/exim-4.96-dsn", "5.1.1"),
        ("hard/zoho-user-does-not-exist", "5.1.1"),
        ("soft/gmail-over-quota", "4.2.2"),
        ("policy/m365-5.7.515", "5.7.515"),
        ("hard/yahoo-no-account", "5.0.0"),
        ("complaint/yahoo-cfl", ""),
    ],
)
def test_the_status_is_the_most_exact_there_is(name, status):
    assert read(name).status == status


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hard/qq-chinese-gb18030", "收件人邮箱账号不存在"),
        ("hard/hinet-big5-declared-ascii", "查無此人"),
        ("soft/netease-enterprise-full-gbk-undeclared", "对方邮箱空间不足"),
        ("soft/big5-mailbox-full-qp", "的信箱已滿"),
        ("hard/rfc6533-global", "用戶不存在"),
    ],
)
def test_its_own_words_are_kept_readable(name, words):
    assert words in read(name).text


def test_what_is_sent_back_is_not_taken_for_the_systems_own_words():
    assert "talked about" not in read("hard/exim-all-relevant-mx").text


def test_a_report_without_a_message_id_is_known_by_its_bytes():
    one, other = make_bounce("550 user unknown"), make_bounce("550 no such user")

    assert read_report(one).message_id == read_report(one).message_id
    assert read_report(one).message_id != read_report(other).message_id


def test_a_temporary_answer_is_never_hard():
    assert read_report(make_bounce("450 4.1.1 User unknown", "4.1.1")).kind == ReportKind.SOFT


def test_of_several_recipients_the_one_who_came_off_worst_counts():
    both = make_bounce("550 5.1.1 User unknown", "5.1.1").replace(
        b"--b--",
        b"Final-Recipient: rfc822; b@example.com\nAction: delivered\nStatus: 2.0.0\n\n--b--",
    )

    assert read_report(both).kind == ReportKind.HARD


def test_a_huge_one_is_read_by_its_beginning():
    source = make_bounce("550 5.1.1 User unknown") + b"\n" + b"x" * (20 * LARGEST)

    assert read_report(source).kind == ReportKind.HARD


def test_what_is_kept_of_its_words_is_bounded():
    report = read_report(make_bounce("550 5.1.1 User unknown " + "x" * 100_000))

    assert len(report.text) == LONGEST_TEXT


def test_parts_within_parts_without_end_are_nothing():
    within = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3_000)
    )

    assert read_report(b"From: MAILER-DAEMON@example.com\n" + within).kind == ReportKind.OTHER


def make_hostile(content_type: str, unit: bytes) -> bytes:
    head = f"From: MAILER-DAEMON@example.com\nContent-Type: {content_type}\n\n".encode()
    return head + unit * (LARGEST // len(unit))


@pytest.mark.parametrize(
    "source",
    [
        make_hostile("text/plain", b"exceed"),
        make_hostile("text/plain", b"user "),
        make_hostile("text/plain", b"a\n"),
        make_hostile("text/plain; charset=punycode", b"a9-"),
        make_hostile("multipart/mixed; boundary=b", b"--b\n\n"),
        b"From: MAILER-DAEMON@example.com\nSubject: " + b"=?a?q?x" * (LARGEST // 7) + b"\n\n",
    ],
    ids=["stems", "words", "lines", "charset", "parts", "subject"],
)
def test_nobody_makes_reading_take_long(source):
    begun = process_time()

    read_report(source)

    assert process_time() - begun < 10  # seconds; it took minutes, or hours


@pytest.mark.parametrize(
    ("charset", "said"),
    [("unicode-escape", rb"user unknown \ud800"), ("utf-7", b"user unknown +2AA-")],
)
def test_what_is_kept_can_be_stored_whatever_the_charset(charset, said):
    head = f"From: MAILER-DAEMON@example.com\nContent-Type: text/plain; charset={charset}\n"

    report = read_report(head.encode() + b"Message-ID: <a\0b@example.com>\n\n" + said)

    assert report.kind == ReportKind.HARD
    assert report.message_id == "<ab@example.com>"
    report.text.encode()


@given(st.binary(max_size=2_000))
def test_no_bytes_break_the_reading(source):
    assert read_report(source).kind in ReportKind


@given(
    st.sampled_from(SPECIMENS),
    st.integers(min_value=0),
    st.integers(min_value=0, max_value=60),
    st.binary(max_size=40),
)
def test_no_damage_breaks_the_reading(specimen, at, length, put_in):
    source = specimen.read_bytes()
    at %= len(source) + 1

    damaged = source[:at] + put_in + source[at + length :]

    assert read_report(damaged).kind in ReportKind
