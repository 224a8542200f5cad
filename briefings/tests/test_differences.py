import pytest
from hypothesis import given
from hypothesis import strategies as st

from briefings.differences import Piece, compare, render_difference


def test_a_changed_character_is_all_that_differs():
    assert compare("撥款三億元", "撥款五億元") == (
        Piece("same", "撥款"),
        Piece("removed", "三"),
        Piece("added", "五"),
        Piece("same", "億元"),
    )


@given(st.text(max_size=60), st.text(max_size=60))
def test_the_pieces_hold_both_texts_whole(before, after):
    pieces = compare(before, after)

    assert "".join(p.text for p in pieces if p.kind != "added") == before
    assert "".join(p.text for p in pieces if p.kind != "removed") == after


@pytest.mark.parametrize("text", ["<script>", "{0}", "a & b"])
def test_what_differs_is_shown_as_text(text):
    shown = render_difference("甲", f"甲{text}")

    assert "<script>" not in shown
    assert shown.startswith("甲<ins>")
