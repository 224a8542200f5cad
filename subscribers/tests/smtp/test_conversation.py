"""What is said and concluded, without a connection."""

import pytest

from subscribers.smtp.conversation import (
    BATCH,
    Closing,
    Conversation,
    Copy,
    Settled,
    Unwanted,
)
from subscribers.smtp.replies import Blame, Fate, NoReply, Reply, ReplyReader, find_blame

ENVELOPE = b"MAIL FROM:<s@a.hk>\r\nRCPT TO:<r@b.hk>\r\nDATA\r\n"
YES = Reply(250, "250 OK")
GO_ON = Reply(354, "354 go on")


def make_copy(place: int = 0) -> Copy:
    return Copy(place, "s@a.hk", "r@b.hk", [b"Subject: x\r\n", b"\r\ntext\r\n"])


@pytest.fixture
def pipelining():
    return Conversation(is_pipelining=True, is_wanted=lambda place: True)


@pytest.fixture
def lock_step():
    return Conversation(is_pipelining=False, is_wanted=lambda place: True)


def take(conversation) -> tuple[bytes, list[int]]:
    outgoing = conversation.take_outgoing()
    said = b"".join(outgoing.pieces)
    assert len(said) == outgoing.size
    return said, outgoing.ending


def say(conversation) -> bytes:
    return take(conversation)[0]


def test_the_envelope_leaves_at_once_and_the_content_only_when_asked_for(pipelining):
    pipelining.begin(make_copy())

    assert take(pipelining) == (ENVELOPE, [])
    for reply in (YES, YES):
        assert pipelining.receive(reply) is None
        assert say(pipelining) == b""
    assert pipelining.receive(GO_ON) is None
    assert take(pipelining) == (b"Subject: x\r\n\r\ntext\r\n.\r\n", [0])
    assert pipelining.receive(YES) == Settled(0, Fate.ACCEPTED, "250 OK")
    assert pipelining.is_idle


def test_the_next_envelope_leaves_with_the_content(pipelining):
    pipelining.begin(make_copy())
    say(pipelining)
    assert not pipelining.wants_copy
    for reply in (YES, YES, GO_ON):
        pipelining.receive(reply)
    assert pipelining.wants_copy
    pipelining.begin(make_copy(1))
    assert not pipelining.wants_copy

    assert take(pipelining) == (b"Subject: x\r\n\r\ntext\r\n.\r\n" + ENVELOPE, [0])
    assert pipelining.receive(YES).place == 0
    for reply in (YES, YES):
        pipelining.receive(reply)
    assert say(pipelining) == b""  # never before the relay has answered about the last
    pipelining.receive(GO_ON)
    assert say(pipelining).startswith(b"Subject")


def test_without_pipelining_one_command_follows_each_answer(lock_step):
    lock_step.begin(make_copy())

    said = [say(lock_step)]
    for reply in (YES, YES, GO_ON):
        lock_step.receive(reply)
        said.append(say(lock_step))

    assert said[:3] == [b"MAIL FROM:<s@a.hk>\r\n", b"RCPT TO:<r@b.hk>\r\n", b"DATA\r\n"]
    assert said[3].endswith(b"\r\n.\r\n")
    assert not lock_step.wants_copy


@pytest.mark.parametrize("answer", [GO_ON, Reply(503, "503 no recipients")])
def test_a_refused_recipient_gets_nothing_whatever_the_relay_makes_of_data(pipelining, answer):
    no = Reply(550, "550 5.1.1 no such user")
    pipelining.begin(make_copy())
    say(pipelining)
    pipelining.receive(YES)
    pipelining.receive(no)
    settled = pipelining.receive(answer)
    if answer is GO_ON:
        assert say(pipelining) == b".\r\n"
        settled = pipelining.receive(Reply(554, "554 no recipients"))

    assert settled == Settled(0, Fate.REFUSED, no.text)
    pipelining.begin(make_copy(1))
    assert say(pipelining).endswith(ENVELOPE)


def test_a_transaction_that_was_left_open_is_reset(lock_step):
    lock_step.begin(make_copy())
    lock_step.receive(YES)
    settled = lock_step.receive(Reply(450, "450 4.2.0 later"))
    say(lock_step)
    lock_step.begin(make_copy(1))

    assert settled.fate is Fate.DEFERRED
    assert say(lock_step) == b"RSET\r\n"
    lock_step.receive(YES)
    assert say(lock_step) == b"MAIL FROM:<s@a.hk>\r\n"


def test_when_the_connection_is_lost_after_the_end_one_is_unknown_and_the_next_untouched(
    pipelining,
):
    pipelining.begin(make_copy())
    for reply in (YES, YES, GO_ON):
        pipelining.receive(reply)
    pipelining.begin(make_copy(1))
    say(pipelining)

    assert pipelining.abandon("lost") == ([Settled(0, Fate.UNKNOWN, "lost")], [make_copy(1)])


def test_when_it_is_lost_before_the_end_has_left_it_was_a_try(pipelining):
    pipelining.begin(make_copy())
    for reply in (YES, YES, GO_ON):
        pipelining.receive(reply)

    assert pipelining.abandon("lost") == ([Settled(0, Fate.DEFERRED, "lost")], [])


def test_a_large_message_is_handed_over_in_pieces_and_its_end_with_the_last(pipelining):
    pipelining.begin(make_copy()._replace(content=[b"x" * 600_000]))
    say(pipelining)
    for reply in (YES, YES, GO_ON):
        pipelining.receive(reply)

    batches = [take(pipelining) for _ in range(3)]

    assert [ending for _, ending in batches] == [[], [], [0]]
    assert b"".join(batch for batch, _ in batches) == b"x" * 600_000 + b".\r\n"


@pytest.mark.parametrize(
    "sizes", [[], [0], [BATCH], [BATCH, 1], [1, BATCH], [BATCH // 3] * 7, [3 * BATCH + 5, 9]]
)
def test_no_content_is_lost_whatever_its_pieces_are(pipelining, sizes):
    content = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
    pipelining.begin(make_copy()._replace(content=content))
    say(pipelining)
    for reply in (YES, YES, GO_ON):
        pipelining.receive(reply)

    batches = []
    while pipelining.has_outgoing:
        batches.append(take(pipelining))

    assert b"".join(said for said, _ in batches) == b"".join(content) + b".\r\n"
    assert [ending for _, ending in batches] == [[]] * (len(batches) - 1) + [[0]]
    assert all(len(said) < 2 * BATCH for said, _ in batches)


@pytest.mark.parametrize("answers", [[], [YES], [YES, YES], [YES, YES, GO_ON]])
def test_a_relay_that_closes_takes_the_copy_later(pipelining, answers):
    pipelining.begin(make_copy())
    for reply in answers:
        pipelining.receive(reply)
    say(pipelining)

    with pytest.raises(Closing):
        pipelining.receive(Reply(421, "421 4.3.2 closing"))
    settled, untouched = pipelining.abandon("closing")
    assert (settled[0].fate, settled[0].text) == (Fate.DEFERRED, "421 4.3.2 closing")
    assert untouched == []


@pytest.mark.parametrize("code", [250, 251, 334])
def test_a_yes_to_data_that_asks_for_nothing_is_no_answer(pipelining, code):
    pipelining.begin(make_copy())
    for reply in (YES, YES):
        pipelining.receive(reply)

    with pytest.raises(NoReply):
        pipelining.receive(Reply(code, f"{code} eh"))


def test_a_relay_is_given_time_only_when_it_has_all_of_a_message(pipelining):
    pipelining.begin(make_copy())
    for reply in (YES, YES, GO_ON):
        assert not pipelining.awaits_verdict
        pipelining.receive(reply)
    assert not pipelining.awaits_verdict
    say(pipelining)

    assert pipelining.awaits_verdict


def test_a_relay_that_refuses_the_sender_refuses_us(pipelining):
    pipelining.begin(make_copy())

    with pytest.raises(Closing):
        pipelining.receive(Reply(550, "550 who are you"))


def test_what_is_no_longer_wanted_is_not_begun():
    conversation = Conversation(is_pipelining=True, is_wanted=lambda place: False)
    conversation.begin(make_copy())
    for reply in (YES, YES):
        conversation.receive(reply)

    with pytest.raises(Unwanted):
        conversation.receive(GO_ON)
    assert conversation.abandon("") == ([], [make_copy()])


@pytest.mark.parametrize(
    ("text", "blame"),
    [
        ("452 4.3.1 no room", Blame.FULL),
        ("452 no room", Blame.FULL),
        ("452 4.2.2 mailbox full", Blame.COPY),
        ("550 5.7.26 not authenticated", Blame.POLICY),
        ("550 5.1.1 nobody", Blame.COPY),
        ("550 relay not permitted", Blame.POLICY),
        ("451 4.7.1 greylisted", Blame.COPY),
    ],
)
def test_whom_a_no_is_about(text, blame):
    assert find_blame(Reply(int(text[:3]), text)) is blame


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_answers_are_put_together_however_they_arrive(size):
    data = b"250-first\r\n250 OK\r\n354 go\n550 5.1.1 no\r\n250\r\n"
    reader = ReplyReader()

    replies = [
        reply
        for start in range(0, len(data), size)
        for reply in reader.feed(data[start : start + size])
    ]

    assert [reply.code for reply in replies] == [250, 354, 550, 250]
    assert replies[0].text == "250 first OK"
    assert replies[2].status == "5.1.1"


@pytest.mark.parametrize(
    "data", [b"hello\r\n", b"25\r\n", b"\xff\xfe\r\n", b"250-" + b"x" * 70_000]
)
def test_what_is_no_answer_is_told(data):
    with pytest.raises(NoReply):
        list(ReplyReader().feed(data))


def test_an_answer_before_what_is_none_counts():
    replies = ReplyReader().feed(b"250 queued\r\ngarbage\r\n")

    assert next(replies).code == 250
    with pytest.raises(NoReply):
        next(replies)
