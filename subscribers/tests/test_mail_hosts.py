"""Whether answers and bounces arrive."""

import pytest

from subscribers.domain_health.findings import Level
from subscribers.domain_health.mail_hosts import judge_mail_hosts

DOMAIN = "cma.org.hk"
HOST = {"mx.cma.org.hk A": ["101.78.0.25"]}


@pytest.fixture
def judge(look_up_in):
    def judge(zone):
        return {one.code: one for one in judge_mail_hosts(DOMAIN, look_up_in(zone))}

    return judge


def test_mail_hosts_with_addresses_are_good(judge):
    found = judge({f"{DOMAIN} MX": ["10 mx.cma.org.hk."]} | HOST)

    assert list(found) == ["mx.good"]
    assert "mx.cma.org.hk" in found["mx.good"].found


@pytest.mark.parametrize(
    ("zone", "code", "level"),
    [
        ({f"{DOMAIN} MX": ["0 ."]}, "mx.null", Level.ERROR),
        ({f"{DOMAIN} MX": ["0 .", "10 mx.cma.org.hk."]} | HOST, "mx.null", Level.ERROR),
        ({f"{DOMAIN} A": ["101.78.0.1"]}, "mx.implicit", Level.CAUTION),
        ({f"{DOMAIN} AAAA": ["2400::1"]}, "mx.implicit", Level.CAUTION),
        ({f"{DOMAIN} TXT": ["x"]}, "mx.missing", Level.ERROR),
        ({}, "mx.missing", Level.ERROR),
        ({f"{DOMAIN} MX": ["10 101.78.0.25."]}, "mx.address", Level.ERROR),
        ({f"{DOMAIN} MX": ["10 gone.org."]}, "mx.unresolved", Level.ERROR),
        ({f"{DOMAIN} MX": "SERVFAIL"}, "mx.failure", Level.ERROR),
        ({f"{DOMAIN} A": "SERVFAIL"}, "mx.failure", Level.ERROR),
        ({f"{DOMAIN} MX": ["10 mx.org."], "mx.org A": "SERVFAIL"}, "mx.failure", Level.ERROR),
    ],
)
def test_a_fault_is_told(judge, zone, code, level):
    found = judge(zone)

    assert {code: finding.level for code, finding in found.items()} == {code: level}
    assert all(finding.why and finding.remedy for finding in found.values())


def test_an_alias_is_to_be_replaced_by_what_it_means(judge):
    found = judge({f"{DOMAIN} MX": ["10 a.org."], "a.org CNAME": ["mx.cma.org.hk."]} | HOST)

    assert list(found) == ["mx.alias"]
    assert found["mx.alias"].record == "cma.org.hk. MX 10 mx.cma.org.hk."
