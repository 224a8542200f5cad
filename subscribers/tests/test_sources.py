"""Where mail leaves from, and what DNS says backwards."""

import pytest

from subscribers.domain_health.findings import Level
from subscribers.domain_health.sources import find_sources, judge_reverse

SOURCE = "101.78.0.25"
POINTER = "25.0.78.101.in-addr.arpa"
V6_SOURCE = "2606:4700::1111"
V6_POINTER = "1.1.1.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.7.4.6.0.6.2.ip6.arpa"


def test_a_name_stands_for_all_its_addresses(look_up_in):
    look_up = look_up_in({"relay.org A": [SOURCE], "relay.org AAAA": [V6_SOURCE]})

    assert find_sources(["relay.org", SOURCE], look_up) == ([SOURCE, V6_SOURCE], [])


@pytest.mark.parametrize(
    ("zone", "code"),
    [
        ({}, "source.unresolved"),
        ({"relay.org A": ["10.0.0.5"]}, "source.private"),
        ({"relay.org A": "SERVFAIL"}, "source.failure"),
    ],
)
def test_a_name_that_tells_no_public_address_is_told(look_up_in, zone, code):
    addresses, findings = find_sources(["relay.org"], look_up_in(zone))

    assert (addresses, [finding.code for finding in findings]) == ([], [code])


def test_an_address_of_the_house_is_no_source(look_up_in):
    addresses, (finding,) = find_sources(["192.168.1.5"], look_up_in({}))

    assert (addresses, finding.code) == ([], "source.private")


@pytest.mark.parametrize(
    ("source", "zone"),
    [
        (SOURCE, {f"{POINTER} PTR": ["mx.org."], "mx.org A": ["1.2.3.4", SOURCE]}),
        (V6_SOURCE, {f"{V6_POINTER} PTR": ["mx.org."], "mx.org AAAA": ["2606:4700:0::1111"]}),
        (SOURCE, {f"{POINTER} PTR": ["other.org.", "mx.org."], "mx.org A": [SOURCE]}),
    ],
)
def test_forward_and_backward_agree(look_up_in, source, zone):
    (finding,) = judge_reverse(source, look_up_in(zone))

    assert (finding.code, finding.level) == ("reverse.good", Level.GOOD)
    assert "mx.org" in finding.found


@pytest.mark.parametrize(
    ("zone", "code", "record"),
    [
        ({}, "reverse.missing", f"{POINTER}. PTR mail.example.com."),
        ({f"{POINTER} PTR": ["mx.org."]}, "reverse.unconfirmed", f"mx.org. A {SOURCE}"),
        (
            {f"{POINTER} PTR": ["mx.org."], "mx.org A": ["1.2.3.4"]},
            "reverse.unconfirmed",
            f"mx.org. A {SOURCE}",
        ),
        ({f"{POINTER} PTR": "SERVFAIL"}, "reverse.failure", ""),
        ({f"{POINTER} PTR": ["mx.org."], "mx.org A": "SERVFAIL"}, "reverse.failure", ""),
    ],
)
def test_a_fault_is_told(look_up_in, zone, code, record):
    (finding,) = judge_reverse(SOURCE, look_up_in(zone))

    assert (finding.code, finding.level) == (code, Level.ERROR)
    assert finding.record == record
