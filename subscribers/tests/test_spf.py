"""SPF, each fault with a zone of its own."""

import pytest

from subscribers.domain_health.findings import Level
from subscribers.domain_health.spf import judge_spf, parse_record

SENDER = "research@cma.org.hk"
SOURCE = "101.78.0.25"
V6_SOURCE = "2400:cb00:2048:1::1"


@pytest.fixture
def judge(look_up_in):
    """What is found in a zone; a bare text is the domain's one record."""

    def judge(zone, sources=(SOURCE,), *, are_certain=True):
        table = {"cma.org.hk TXT": [zone]} if isinstance(zone, str) else zone
        look_up = look_up_in(table)
        findings = judge_spf(SENDER, list(sources), look_up, are_certain=are_certain)
        return {finding.code: finding for finding in findings}

    return judge


def test_a_good_record_is_quoted_and_passes(judge):
    found = judge(f"v=spf1 ip4:{SOURCE} -all")

    assert {code: finding.level for code, finding in found.items()} == {
        "spf.record": Level.GOOD,
        "spf.pass": Level.GOOD,
    }
    assert f"ip4:{SOURCE}" in found["spf.record"].found


def test_without_a_record_it_says_what_to_publish(judge):
    found = judge({"cma.org.hk TXT": ["google-site-verification=x"]}, [SOURCE, V6_SOURCE])

    missing = found["spf.missing"]
    assert missing.level is Level.ERROR
    assert missing.record == f'cma.org.hk. TXT "v=spf1 ip4:{SOURCE} ip6:{V6_SOURCE} ~all"'


def test_a_domain_that_is_not_there_has_no_record(judge):
    assert list(judge({})) == ["spf.missing"]


def test_where_the_source_is_unknown_the_record_to_publish_includes_a_service(judge):
    assert "include:spf.example.com ~all" in judge({}, [])["spf.missing"].record


def test_what_only_looks_like_spf_is_none(judge):
    assert list(judge("v=spf10 -all")) == ["spf.missing"]


def test_two_records_are_merged_into_one(judge):
    found = judge({"cma.org.hk TXT": ["v=spf1 a -all", "v=spf1 mx a ~all"]})

    assert list(found) == ["spf.several"]
    assert sorted(found["spf.several"].record.split('"')[1].split()) == [
        "a",
        "mx",
        "v=spf1",
        "~all",
    ]


@pytest.mark.parametrize(
    "term",
    [
        *("ip4:1.2.3", "ip4:1.2.3.4/33", "ip6:1.2.3.4", "ip4", "include:", "include", "all:x"),
        *("a:/x", "a/33", "mx//129", "ptr/8", "inculde:x.org", "-redirect=x.org", "redirect="),
        *("exists:%{q}.org", "exists:%x", "＋all", "a:b c"),
    ],
)
def test_a_faulty_term_is_named(judge, term):
    found = judge(f"v=spf1 {term} -all")

    assert list(found) == ["spf.syntax"]
    assert term.split(" ")[-1] in found["spf.syntax"].found


@pytest.mark.parametrize(
    "term",
    [
        *(
            "a",
            "A",
            "+a",
            "?mx",
            "a:x.org/24",
            "a/24//64",
            "mx//64",
            "ip4:1.2.3.0/24",
            "ip6:2400::/32",
        ),
        *("exists:%{ir}.x.org", "exists:%{l1r-}._spf.%{d2}", "exp=x.org", "unknown=anything"),
    ],
)
def test_whatever_the_standard_allows_is_a_term(term):
    assert parse_record(f"v=spf1 {term}")[1] == []


def test_included_lookups_count(judge):
    zone = {"cma.org.hk TXT": ["v=spf1 include:a.org include:b.org a ~all"]}
    zone["a.org TXT"] = ["v=spf1 " + " ".join(f"a:h{n}.org" for n in range(8)) + " -all"]
    zone["b.org TXT"] = ["v=spf1 ip4:1.2.3.4 -all"]
    zone |= {f"h{n}.org A": ["1.2.3.4"] for n in range(8)}
    zone["cma.org.hk A"] = [SOURCE]

    found = judge(zone)

    assert "11 次，上限是 10 次：include:a.org 9 次、include:b.org 1 次、a 1 次" in (
        found["spf.lookups"].found
    )
    assert "permerror" in found["spf.fail"].found


def test_ten_lookups_are_allowed(judge):
    zone = {f"h{n}.org A": ["1.2.3.4"] for n in range(9)} | {"h9.org A": [SOURCE]}
    zone["cma.org.hk TXT"] = ["v=spf1 " + " ".join(f"a:h{n}.org" for n in range(10)) + " -all"]

    assert set(judge(zone)) == {"spf.record", "spf.pass"}


def test_what_includes_itself_has_no_end(judge):
    found = judge(
        {
            "cma.org.hk TXT": ["v=spf1 include:a.org ~all"],
            "a.org TXT": ["v=spf1 include:CMA.org.hk"],
        }
    )

    assert "沒有盡頭" in found["spf.include"].found


def test_a_chain_without_end_is_given_up(judge):
    zone = {f"a{n}.org TXT": [f"v=spf1 include:a{n + 1}.org ~all"] for n in range(60)}
    zone["cma.org.hk TXT"] = ["v=spf1 include:a0.org ~all"]

    assert "至少" in judge(zone)["spf.lookups"].found


def test_an_include_without_a_record_spoils_the_whole(judge):
    found = judge({"cma.org.hk TXT": ["v=spf1 include:gone.org ~all"]})

    assert "cma.org.hk 引用了 gone.org" in found["spf.include"].found
    assert "permerror" in found["spf.fail"].found


def test_a_redirect_without_a_record_spoils_it_too(judge):
    assert "轉到 gone.org" in judge("v=spf1 redirect=gone.org")["spf.include"].found


def test_an_included_record_with_a_fault_is_told(judge):
    found = judge(
        {"cma.org.hk TXT": ["v=spf1 include:a.org ~all"], "a.org TXT": ["v=spf1 ipv4:1 -all"]}
    )

    assert "a.org 的 SPF 紀錄有不合語法的部分：ipv4:1" in found["spf.include"].found


def test_an_included_domain_with_two_records_is_told(judge):
    zone = {"cma.org.hk TXT": ["v=spf1 include:a.org ~all"], "a.org TXT": ["v=spf1 a", "v=spf1 mx"]}

    assert "a.org 有 2 項 SPF 紀錄" in judge(zone)["spf.include"].found


def test_names_that_are_gone_are_counted(judge):
    found = judge(f"v=spf1 ip4:{SOURCE} a:x.org a:y.org mx:z.org ~all")

    assert found["spf.voids"].level is Level.CAUTION
    assert "3 個" in found["spf.voids"].found


def test_too_many_mail_hosts_spoil_it(judge):
    zone = {
        "cma.org.hk TXT": ["v=spf1 mx ~all"],
        "cma.org.hk MX": [f"10 m{n}.org." for n in range(11)],
    }

    assert "11 個 MX" in judge(zone)["spf.include"].found


def test_ptr_is_discouraged(judge):
    assert judge(f"v=spf1 ip4:{SOURCE} ptr ~all")["spf.ptr"].level is Level.CAUTION


def test_open_to_all_is_an_error(judge):
    found = judge("v=spf1 a +all")

    assert found["spf.open"].level is Level.ERROR
    assert found["spf.open"].record == 'cma.org.hk. TXT "v=spf1 a ~all"'


def test_a_bare_all_is_open_too(judge):
    assert "spf.open" in judge("v=spf1 all")


def test_neutral_is_told(judge):
    found = judge(f"v=spf1 ip4:{SOURCE} ?all")["spf.neutral"]

    assert (found.level, found.record) == (
        Level.CAUTION,
        f'cma.org.hk. TXT "v=spf1 ip4:{SOURCE} ~all"',
    )


def test_one_record_mends_all_there_is(judge):
    found = judge("v=spf1 ?all a", [SOURCE, V6_SOURCE])

    assert {finding.record for finding in found.values() if finding.record} == {
        f'cma.org.hk. TXT "v=spf1 ip4:{SOURCE} ip6:{V6_SOURCE} a ~all"'
    }


def test_a_redirect_needs_no_end(judge):
    zone = {"cma.org.hk TXT": ["v=spf1 redirect=a.org"], "a.org TXT": ["v=spf1 -all"]}

    assert judge(zone)["spf.fail"].record == (
        f'cma.org.hk. TXT "v=spf1 ip4:{SOURCE} redirect=a.org"'
    )


def test_without_an_end_one_is_offered(judge):
    found = judge(f"v=spf1 ip4:{SOURCE}")["spf.no-end"]

    assert found.record == f'cma.org.hk. TXT "v=spf1 ip4:{SOURCE} ~all"'


def test_what_stands_after_all_is_told(judge):
    found = judge(f"v=spf1 -all ip4:{SOURCE}")

    assert found["spf.after-all"].record == f'cma.org.hk. TXT "v=spf1 ip4:{SOURCE} -all"'
    assert "不通過" in found["spf.fail"].found


@pytest.mark.parametrize(
    ("record", "source"),
    [
        ("v=spf1 a -all", SOURCE),
        ("v=spf1 a:other.org/24 -all", SOURCE),
        ("v=spf1 a -all", V6_SOURCE),
        ("v=spf1 mx -all", SOURCE),
        ("v=spf1 include:included.org -all", SOURCE),
        ("v=spf1 redirect=included.org", SOURCE),
        ("v=spf1 exists:%{i}.%{l}.ok.org -all", SOURCE),
        ("v=spf1 exists:%{ir}.%{v}.ok.org -all", SOURCE),
        ("v=spf1 include:%{d2}.inc.org -all", SOURCE),
        ("v=spf1 ip6:2400:cb00::/32 -all", V6_SOURCE),
    ],
)
def test_an_address_passes_by(judge, record, source):
    zone = {
        "cma.org.hk TXT": [record],
        "cma.org.hk A": [SOURCE],
        "cma.org.hk AAAA": [V6_SOURCE],
        "cma.org.hk MX": ["10 mx.org."],
        "mx.org A": [SOURCE],
        "other.org A": ["101.78.0.99"],
        "included.org TXT": [f"v=spf1 ip4:{SOURCE} -all"],
        f"{SOURCE}.research.ok.org A": ["127.0.0.2"],
        "25.0.78.101.in-addr.ok.org A": ["127.0.0.2"],
        "org.hk.inc.org TXT": [f"v=spf1 ip4:{SOURCE} -all"],
    }

    assert judge(zone, [source])["spf.pass"].level is Level.GOOD


@pytest.mark.parametrize(
    ("record", "result"),
    [
        ("v=spf1 ip4:1.2.3.4 -all", "不通過"),
        ("v=spf1 ip4:1.2.3.4 ~all", "存疑"),
        ("v=spf1 ip4:1.2.3.4 ?all", "不置可否"),
        ("v=spf1 include:no.org -all", "不通過"),
    ],
)
def test_an_address_that_does_not_pass_is_to_be_added(judge, record, result):
    found = judge({"cma.org.hk TXT": [record], "no.org TXT": ["v=spf1 ip4:1.2.3.4 ~all"]})

    assert result in found["spf.fail"].found
    assert found["spf.fail"].record.startswith(f'cma.org.hk. TXT "v=spf1 ip4:{SOURCE} ')


def test_where_the_address_was_only_concluded_it_is_a_caution(judge):
    found = judge("v=spf1 ip4:1.2.3.4 -all", are_certain=False)

    assert found["spf.unsure"].level is Level.CAUTION
    assert "RELAY_ADDRESSES" in found["spf.unsure"].remedy


def test_a_server_that_fails_is_an_error(judge):
    assert judge({"cma.org.hk TXT": "SERVFAIL"})["spf.failure"].level is Level.ERROR


def test_a_server_that_fails_further_on_is_named(judge):
    found = judge({"cma.org.hk TXT": ["v=spf1 include:a.org -all"], "a.org TXT": "SERVFAIL"})

    assert "a.org 的 TXT" in found["spf.failure"].found
