"""DKIM keys as they are published, faults included."""

from base64 import b64encode
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from subscribers.domain_health.dkim import find_signing_domain, judge_dkim, name_key
from subscribers.domain_health.findings import Level

KEY = "s1._domainkey.cma.org.hk"


@cache
def make_rsa(bits: int) -> str:
    key = rsa.generate_private_key(65537, bits).public_key()
    return b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def make_ed25519() -> str:
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    return b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


@pytest.fixture
def judge(look_up_in):
    def judge(*records: str):
        zone = {f"{KEY} TXT": list(records)} if records else {}
        return {finding.code: finding for finding in judge_dkim([KEY], look_up_in(zone))}

    return judge


def test_a_key_of_2048_bits_is_good(judge):
    found = judge(f"v=DKIM1; k=rsa; p={make_rsa(2048)}")

    assert list(found) == ["dkim.good"]
    assert "RSA 2048 位" in found["dkim.good"].found


def test_rsa_and_version_go_without_saying(judge):
    assert list(judge(f"p={make_rsa(2048)}")) == ["dkim.good"]


def test_a_key_may_be_written_in_several_pieces(judge):
    key = make_rsa(2048)

    assert list(judge(f"v=DKIM1; p={key[:100]} {key[100:]};")) == ["dkim.good"]


def test_without_selectors_it_says_where_to_find_them(look_up_in):
    (found,) = judge_dkim([], look_up_in({}))

    assert (found.code, found.level) == ("dkim.unset", Level.CAUTION)
    assert "DKIM_SELECTORS" in found.remedy


@pytest.mark.parametrize(
    ("records", "code", "level"),
    [
        ([], "dkim.missing", Level.ERROR),
        (["v=DKIM1; p=", "v=DKIM1; p=x"], "dkim.several", Level.ERROR),
        (["v=DKIM1; p="], "dkim.revoked", Level.ERROR),
        (["v=DKIM1; k=rsa"], "dkim.syntax", Level.ERROR),
        (["v=DKIM2; p=AAAA"], "dkim.syntax", Level.ERROR),
        (["p=AAAA; v=DKIM1"], "dkim.syntax", Level.ERROR),
        (["k=rsa p"], "dkim.syntax", Level.ERROR),
        (["p=AAAA; p=BBBB"], "dkim.syntax", Level.ERROR),
        (["v=DKIM1; p=AAAA"], "dkim.unreadable", Level.ERROR),
        (["v=DKIM1; p=*****"], "dkim.unreadable", Level.ERROR),
        (["v=DKIM1; k=ed25519; p=AAAA"], "dkim.unreadable", Level.ERROR),
    ],
)
def test_a_fault_is_told(judge, records, code, level):
    found = judge(*records)

    assert {code: finding.level for code, finding in found.items()} == {code: level}
    assert all(finding.why and finding.remedy for finding in found.values())


def test_of_another_kind_than_it_says_a_key_is_unreadable(judge):
    assert list(judge(f"v=DKIM1; k=dsa; p={make_rsa(2048)}")) == ["dkim.unreadable"]


def test_1024_bits_are_few(judge):
    assert judge(f"p={make_rsa(1024)}")["dkim.short"].level is Level.CAUTION


def test_fewer_than_1024_bits_are_void(judge):
    # Of 512 bits; the library makes none so short any more.
    short = (
        "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALRiMLAh9iimur8VA7qVvdqxevEuUkW4K+2KdMXmnQbG9Aa7k7eBjK1S+0LY"
        "mVjPKlJGNXHDGuy5Fw/d7rjVJ0cCAwEAAQ=="
    )

    assert judge(f"p={short}")["dkim.weak"].level is Level.ERROR


def test_a_key_in_testing_is_told(judge):
    found = judge(f"v=DKIM1; t=y:s; p={make_rsa(2048)}")

    assert found["dkim.testing"].level is Level.CAUTION


def test_a_key_for_sha1_alone_is_void(judge):
    assert judge(f"h=sha1; p={make_rsa(2048)}")["dkim.hash"].level is Level.ERROR


def test_a_key_for_something_else_than_mail_is_void(judge):
    assert judge(f"s=tlsrpt; p={make_rsa(2048)}")["dkim.service"].level is Level.ERROR


def test_ed25519_alone_is_not_enough(judge):
    found = judge(f"v=DKIM1; k=ed25519; p={make_ed25519()}")

    assert list(found) == ["dkim.good", "dkim.only-ed25519"]
    assert found["dkim.only-ed25519"].level is Level.CAUTION


def test_ed25519_beside_rsa_is(look_up_in):
    look_up = look_up_in(
        {"a._domainkey.x.org TXT": [f"k=ed25519; p={make_ed25519()}"]}
        | {"b._domainkey.x.org TXT": [f"p={make_rsa(2048)}"]}
    )

    found = judge_dkim(["a._domainkey.x.org", "b._domainkey.x.org"], look_up)

    assert [finding.code for finding in found] == ["dkim.good", "dkim.good"]


def test_a_key_may_be_an_alias_of_the_services(look_up_in):
    zone = {
        f"{KEY} CNAME": ["s1.service.org."],
        "s1.service.org TXT": [f"v=DKIM1; p={make_rsa(2048)}"],
    }

    assert [finding.code for finding in judge_dkim([KEY], look_up_in(zone))] == ["dkim.good"]


def test_a_server_that_fails_is_told(look_up_in):
    (found,) = judge_dkim([KEY], look_up_in({f"{KEY} TXT": "SERVFAIL"}))

    assert found.code == "dkim.failure"


def test_a_selector_is_of_the_senders_domain_unless_it_says_otherwise():
    assert name_key("s1", "cma.org.hk") == KEY
    assert name_key("s1._domainkey.mail.example.com", "cma.org.hk") == (
        "s1._domainkey.mail.example.com"
    )


def test_the_domain_that_signs_stands_in_the_keys_name():
    assert find_signing_domain(KEY) == "cma.org.hk"
