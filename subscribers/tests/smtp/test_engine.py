from hypothesis import given
from hypothesis import strategies as st

from subscribers.smtp.engine import leave_out


@given(st.lists(st.binary(max_size=9), max_size=6), st.integers(0, 60))
def test_what_a_socket_took_is_left_out(parts, size):
    assert b"".join(leave_out(list(parts), size)) == b"".join(parts)[size:]
