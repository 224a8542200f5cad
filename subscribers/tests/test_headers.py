"""What is written in a tenth of the time is what Django and Python's library write."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from subscribers.addresses import BadAddress, encode_address
from subscribers.headers import encode_recipient, write_subject, write_to
from subscribers.messages import Message, one_line, write_address

NAMES = (
    st.text(max_size=60)
    | st.text("陳大文（有限公司）", max_size=40)
    | st.text("ab C9-.", max_size=60)
)
ADDRESSES = st.sampled_from(
    [
        *("chan@example.com", "a.b+c_d@sub.example.hk", "a..b@example.com", ".a@example.com"),
        *("x" * 64 + "@example.com", "x" * 65 + "@example.com", "a@測試.hk", "陳@example.com"),
        *(
            "a@example.test",
            "a@localhost",
            "a@b@c.hk",
            "",
            "a@",
            "o'neil@example.com",
            "A@Example.COM",
        ),
        *(
            '"a b"@example.com',
            f"a@{'b' * 63}.hk",
            f"a@{'b' * 64}.hk",
            "a@1.2.3.4",
            "a@xn--0zwm56d.hk",
        ),
    ]
)


@given(NAMES, ADDRESSES)
def test_to_is_what_django_makes_of_it(name, email):
    try:
        header = write_address(name, email)
    except BadAddress:
        with pytest.raises(BadAddress):
            encode_recipient(email)
        return
    expected = Message(headers={"To": header}).message().as_bytes(linesep="\r\n")

    to = write_to(name, email, encode_recipient(email))
    assert f"\r\nTo: {to}\r\n".encode() in b"\r\n" + expected


SUBJECTS = (
    st.text(max_size=200)
    | st.text("政策短評：；（）", max_size=200)
    | st.text("策a", min_size=20, max_size=60)
    | st.text("策ab 1=?_é😀", max_size=200)
)


@given(SUBJECTS)
@example("0" * 8 + "\xa0" * 6 + "𐀀" * 5)  # one byte more than the first line takes
def test_the_subject_is_what_django_makes_of_it(subject):
    message = Message(one_line(subject), headers={"To": "nobody"})
    expected = message.message().as_bytes(linesep="\r\n")

    assert f"\r\nSubject: {write_subject(subject)}\r\n".encode() in b"\r\n" + expected


@given(ADDRESSES | st.emails())
def test_the_recipient_is_encoded_as_ever(email):
    try:
        expected = encode_address(email)
    except BadAddress:
        with pytest.raises(BadAddress):
            encode_recipient(email)
    else:
        assert encode_recipient(email) == expected
