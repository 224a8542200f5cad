"""DMARC policies, faults included."""

import pytest

from subscribers.domain_health.dmarc import Domains, find_organisation, judge_dmarc
from subscribers.domain_health.findings import Level

DOMAIN = "cma.org.hk"
GOOD = "v=DMARC1; p=reject; rua=mailto:dmarc@cma.org.hk"


@pytest.fixture
def judge(look_up_in):
    """What is found with these records of the domain, signed by it unless told otherwise."""

    def judge(*records, author=DOMAIN, envelope=DOMAIN, signing=(DOMAIN,), **others):
        zone = {f"_dmarc.{DOMAIN} TXT": list(records)} if records else {}
        look_up = look_up_in(zone | others.get("zone", {}))
        findings = judge_dmarc(Domains(author, envelope, list(signing)), look_up)
        return {finding.code: finding for finding in findings}

    return judge


@pytest.mark.parametrize(
    ("domain", "organisation"),
    [
        ("news.cma.org.hk", "cma.org.hk"),
        ("CMA.org.hk", "cma.org.hk"),
        ("a.b.example.com", "example.com"),
        ("news.research.hk", "research.hk"),
        ("org.hk", "org.hk"),
    ],
)
def test_the_organisation_is_one_label_more_than_a_public_suffix(domain, organisation):
    assert find_organisation(domain) == organisation


def test_a_good_policy_is_good_all_over(judge):
    found = judge(GOOD)

    assert list(found) == ["dmarc.policy", "dmarc.aligned"]
    assert {finding.level for finding in found.values()} == {Level.GOOD}


def test_without_a_policy_it_says_what_to_publish(judge):
    found = judge("something else")["dmarc.missing"]

    assert found.level is Level.ERROR
    assert found.record == (
        '_dmarc.cma.org.hk. TXT "v=DMARC1; p=none; rua=mailto:dmarc@cma.org.hk"'
    )


def test_two_policies_are_none(judge):
    assert judge(GOOD, "v=DMARC1; p=none")["dmarc.several"].level is Level.ERROR


@pytest.mark.parametrize(
    "record",
    [
        "v=DMARC1; rua=mailto:a@cma.org.hk",
        "v=DMARC1; p=block",
        "v=DMARC1; p",
        "v=DMARC1; p=none; sp=some",
        "v=DMARC1; p=none; adkim=x",
        "v=DMARC1; p=none; pct=200",
        "v=DMARC1; p=none; pct=half",
    ],
)
def test_a_policy_that_cannot_be_read_is_an_error(judge, record):
    found = judge(record)

    assert list(found) == ["dmarc.syntax"]
    assert found["dmarc.syntax"].level is Level.ERROR


def test_only_watching_is_a_caution_with_the_next_step(judge):
    found = judge("v=DMARC1; p=none; rua=mailto:a@cma.org.hk")["dmarc.none"]

    assert found.level is Level.CAUTION
    assert found.record == (
        '_dmarc.cma.org.hk. TXT "v=DMARC1; p=quarantine; rua=mailto:a@cma.org.hk"'
    )


def test_a_subdomain_falls_back_on_its_organisation(judge):
    found = judge(GOOD, author="news.cma.org.hk")

    assert "news.cma.org.hk 沿用 cma.org.hk" in found["dmarc.policy"].found


def test_a_subdomain_gets_the_policy_for_subdomains(judge):
    assert "sp=none" in judge(f"{GOOD}; sp=none", author="news.cma.org.hk")["dmarc.none"].found


def test_a_subdomains_own_policy_comes_first(judge):
    own = {"_dmarc.news.cma.org.hk TXT": ["v=DMARC1; p=quarantine; rua=mailto:a@cma.org.hk"]}

    found = judge(GOOD, author="news.cma.org.hk", zone=own)

    assert "news.cma.org.hk 的 DMARC：p=quarantine" in found["dmarc.policy"].found


def test_a_laxer_policy_for_subdomains_is_told(judge):
    found = judge(f"{GOOD}; sp=none")["dmarc.subdomains"]

    assert (found.level, found.record.count("sp=")) == (Level.CAUTION, 0)


def test_a_share_of_the_mail_is_told(judge):
    found = judge(f"{GOOD}; pct=20")["dmarc.share"]

    assert "20%" in found.found
    assert "pct" not in found.record


def test_without_reports_an_address_is_offered(judge):
    assert "rua=mailto:dmarc@cma.org.hk" in judge("v=DMARC1; p=reject")["dmarc.no-reports"].record


def test_one_record_mends_what_can_be_mended_at_once(judge):
    found = judge("v=DMARC1; p=quarantine; sp=none; pct=5; rua=nobody")

    assert {finding.record for finding in found.values() if finding.record} == {
        '_dmarc.cma.org.hk. TXT "v=DMARC1; p=quarantine; rua=mailto:dmarc@cma.org.hk"'
    }


@pytest.mark.parametrize("address", ["dmarc@cma.org.hk", "https://x.org/", "mailto:nobody"])
def test_a_wrong_address_for_reports_is_told(judge, address):
    assert address in judge(f"v=DMARC1; p=reject; rua={address}")["dmarc.bad-reports"].found


def test_reports_may_be_limited_in_size(judge):
    assert "dmarc.bad-reports" not in judge(f"{GOOD}!10m")


def test_reports_to_others_need_their_consent(judge):
    found = judge("v=DMARC1; p=reject; rua=mailto:a@reports.org")["dmarc.unasked-reports"]

    assert found.record == 'cma.org.hk._report._dmarc.reports.org. TXT "v=DMARC1"'


def test_with_consent_they_are_in_order(judge):
    consent = {"cma.org.hk._report._dmarc.reports.org TXT": ["v=DMARC1"]}

    found = judge("v=DMARC1; p=reject; rua=mailto:a@reports.org", zone=consent)

    assert "dmarc.unasked-reports" not in found


def test_a_consent_that_cannot_be_asked_for_is_told(judge):
    failing = {"cma.org.hk._report._dmarc.reports.org TXT": "SERVFAIL"}

    assert "dmarc.failure" in judge("v=DMARC1; p=reject; rua=mailto:a@reports.org", zone=failing)


@pytest.mark.parametrize(
    ("tags", "domains", "code", "level"),
    [
        ("", ("bounce.cma.org.hk", [DOMAIN]), "dmarc.aligned", Level.GOOD),
        ("", (DOMAIN, []), "dmarc.only-spf", Level.CAUTION),
        ("", (DOMAIN, ["service.com"]), "dmarc.only-spf", Level.CAUTION),
        ("", ("service.com", ["mail.cma.org.hk"]), "dmarc.only-dkim", Level.CAUTION),
        ("", ("service.com", ["service.com"]), "dmarc.unaligned", Level.ERROR),
        ("; aspf=s", ("bounce.cma.org.hk", [DOMAIN]), "dmarc.only-dkim", Level.CAUTION),
        ("; adkim=s", (DOMAIN, ["mail.cma.org.hk"]), "dmarc.only-spf", Level.CAUTION),
    ],
)
def test_who_speaks_for_the_sender_is_told(judge, tags, domains, code, level):
    envelope, signing = domains

    assert judge(GOOD + tags, envelope=envelope, signing=signing)[code].level is level


def test_a_server_that_fails_is_told(look_up_in):
    look_up = look_up_in({"_dmarc.cma.org.hk TXT": "SERVFAIL"})

    assert [f.code for f in judge_dmarc(Domains(DOMAIN, DOMAIN, []), look_up)] == ["dmarc.failure"]
