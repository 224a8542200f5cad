"""What DNS can answer, and every way in which it may not."""

import time

import pytest

from subscribers.domain_health import resolver
from subscribers.domain_health.answers import Answer, Trouble, tell_unknown
from subscribers.domain_health.findings import Level, write_txt
from subscribers.domain_health.resolver import Resolver, read_server
from subscribers.tests.name_server import SERVFAIL, SILENCE, serving


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(resolver, "PATIENCE", 0.4)


def test_the_pieces_of_a_text_are_joined(look_up_in):
    text = "v=spf1 " + "ip4:101.78.0.25 " * 20

    assert look_up_in({"a.org TXT": [text]})("a.org", "TXT") == Answer((text,))


def test_what_is_too_long_for_udp_comes_over_tcp(look_up_in):
    texts = [f"{n} " + "x" * 240 for n in range(20)]

    assert set(look_up_in({"a.org TXT": texts})("a.org", "TXT").records) == set(texts)


def test_nothing_is_not_the_same_as_no_name(look_up_in):
    look_up = look_up_in({"a.org A": ["1.2.3.4"]})

    assert look_up("a.org", "TXT") == Answer(trouble=Trouble.NO_RECORD)
    assert look_up("b.org", "TXT") == Answer(trouble=Trouble.NO_NAME)


def test_servers_may_fail():
    with serving({"a.org TXT": SERVFAIL}) as server:
        assert Resolver([server.address]).look_up("a.org", "TXT").trouble is Trouble.FAILURE


def test_servers_may_be_silent(impatient):
    with serving({"a.org TXT": SILENCE}) as server:
        assert Resolver([server.address]).look_up("a.org", "TXT").trouble is Trouble.TIMEOUT


def test_there_may_be_no_way_to_them():
    # No route leads to a broadcast address over a socket that may not broadcast.
    server = Resolver(["255.255.255.255"])

    assert server.look_up("a.org", "TXT").trouble is Trouble.NO_NETWORK


def test_one_server_may_stand_in_for_another():
    with serving({"a.org TXT": SERVFAIL}) as bad, serving({"a.org TXT": ["x"]}) as good:
        assert Resolver([bad.address, good.address]).look_up("a.org", "TXT") == Answer(("x",))


@pytest.mark.parametrize("name", ["x" * 64 + ".org", ".".join(["x" * 60] * 5), "a..org", ".a.org"])
def test_what_is_no_name_is_not_there(look_up_in, name):
    assert look_up_in({})(name, "TXT").trouble is Trouble.NO_NAME


def test_all_questions_together_take_bounded_time(impatient):
    with serving({f"a{n}.org TXT": SILENCE for n in range(20)}) as server:
        asked = Resolver([server.address], patience_in_all=0.6)
        started = time.monotonic()
        answers = {asked.look_up(f"a{n}.org", "TXT").trouble for n in range(20)}

    assert answers == {Trouble.TIMEOUT}
    assert time.monotonic() - started < 3


def test_each_question_is_asked_once():
    with serving({"a.org TXT": ["x"]}) as server:
        asked = Resolver([server.address])
        asked.look_up("a.org", "TXT")
        asked.look_up("A.org.", "TXT")

        assert server.asked == ["a.org TXT"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("9.9.9.9", ("9.9.9.9", 53)),
        ("9.9.9.9:5353", ("9.9.9.9", 5353)),
        ("[2620:fe::fe]:5353", ("2620:fe::fe", 5353)),
    ],
)
def test_a_server_may_have_a_port_of_its_own(written, read):
    server = read_server(written)

    assert (server.address, server.port) == read


@pytest.mark.parametrize(
    ("trouble", "code", "level"),
    [
        (Trouble.FAILURE, "mx.failure", Level.ERROR),
        (Trouble.TIMEOUT, "mx.timeout", Level.CAUTION),
        (Trouble.NO_NETWORK, "mx.no-network", Level.CAUTION),
    ],
)
def test_each_trouble_has_its_words(trouble, code, level):
    finding = tell_unknown("mx", "a.org", "MX", Answer(trouble=trouble))

    assert (finding.code, finding.level) == (code, level)
    assert trouble.value in finding.found


def test_a_long_text_is_written_in_pieces():
    assert write_txt("a.org", "x" * 300) == f'a.org. TXT "{"x" * 255}" "{"x" * 45}"'
