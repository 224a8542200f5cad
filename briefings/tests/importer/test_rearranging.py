"""What an editor does to a reading that went wrong, and that no text is lost by it."""

import pytest

from briefings.importer.documents import document_from_text
from briefings.importer.parser import parse_edition
from briefings.importer.rearranging import join_to_previous, leave_out, rewrite_body, split_at
from briefings.importer.records import from_record, to_record
from briefings.tests.importer.specimens import HARBOUR, POWER
from briefings.tests.importer.typesetting import typeset


@pytest.fixture
def edition():
    return parse_edition(document_from_text(typeset([HARBOUR, POWER]), name="舊期.txt"))


def text_of(edition):
    parts = [(e.headline, e.lead, *e.paragraphs) for e in edition.entries]
    return "".join("".join(part) for part in parts)


def test_what_was_no_entry_joins_the_one_before(edition):
    joined = join_to_previous(edition, 1)

    assert [entry.headline for entry in joined.entries] == [HARBOUR.headline]
    assert text_of(joined) == text_of(edition)


def test_a_block_becomes_the_headline_of_another_entry(edition):
    split = split_at(edition, 1, 0)

    assert [entry.headline for entry in split.entries] == [
        HARBOUR.headline,
        POWER.headline,
        edition.entries[1].paragraphs[0],
    ]
    assert split.entries[2].lead == edition.entries[1].paragraphs[1]
    assert text_of(split) == text_of(edition)


def test_the_last_block_becomes_an_entry_with_nothing_but_a_headline(edition):
    split = split_at(edition, 1, len(POWER.paragraphs) - 1)

    assert (split.entries[2].lead, split.entries[2].blocks) == ("", ())


def test_an_entry_is_left_out_but_never_the_last(edition):
    one = leave_out(edition, 0)

    assert [entry.headline for entry in one.entries] == [POWER.headline]
    assert leave_out(one, 0) == one


@pytest.mark.parametrize("act", [join_to_previous, leave_out])
@pytest.mark.parametrize("place", [-1, 2, 10**9])
def test_a_place_that_there_is_not_changes_nothing(edition, act, place):
    assert act(edition, place) == edition


def test_a_rewritten_body_keeps_the_lines_of_what_stayed(edition):
    entry = edition.entries[1]
    first, second, third = (block.html for block in entry.blocks)

    blocks = rewrite_body(entry, f"{first}<p>新的一段。</p><script>x</script>{third}")

    assert [block.line for block in blocks] == [
        entry.blocks[0].line,
        entry.blocks[0].line,
        entry.blocks[2].line,
    ]
    assert blocks[1].html == "<p>新的一段。</p>"
    assert second not in [block.html for block in blocks]


def test_an_edition_survives_its_record(edition):
    assert from_record(to_record(edition)) == edition
