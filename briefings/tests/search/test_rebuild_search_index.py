import pytest
from django.core.management import CommandError, call_command

from briefings.models import Entry
from briefings.search.index import EntryText, find_entry_ids, index_entry, read_texts, remove_entry
from briefings.tests.makers import make_draft, make_published

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry() -> Entry:
    return make_published({"headline": "關稅"}).entries.get()


def rebuild() -> None:
    call_command("rebuild_search_index")


def test_a_lost_entry_is_found_again(entry):
    remove_entry(entry.pk)
    rebuild()

    assert read_texts([entry.pk]) == {entry.pk: entry.indexed_text}


def test_an_outdated_text_is_replaced(entry):
    index_entry(entry.pk, EntryText("匯率", "", ""))
    rebuild()

    assert read_texts([entry.pk]) == {entry.pk: entry.indexed_text}


def test_drafts_are_held_too(entry):
    draft = make_draft().entries.get()
    remove_entry(draft.pk)
    rebuild()

    assert find_entry_ids() == {entry.pk, draft.pk}


def test_entries_that_are_gone_are_cleared_out(entry):
    index_entry(entry.pk + 100, EntryText("關稅", "", ""))
    rebuild()

    assert find_entry_ids() == {entry.pk}


def test_the_number_of_entries_is_told(entry, capsys):
    rebuild()

    assert "1 篇" in capsys.readouterr().out


def test_checking_a_right_index_is_content(entry, capsys):
    call_command("rebuild_search_index", "--check")

    assert "相符" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("harm", "line"),
    [
        (remove_entry, "未載入：{pk} 關稅"),
        (lambda pk: index_entry(pk, EntryText("匯率", "", "")), "內容過時：{pk} 關稅"),
        (lambda pk: Entry.objects.filter(pk=pk)._raw_delete("default"), "不應載入：{pk}"),
    ],
)
def test_checking_tells_each_difference_and_fails(entry, capsys, harm, line):
    harm(entry.pk)

    with pytest.raises(CommandError, match="1 處不符"):
        call_command("rebuild_search_index", "--check")

    assert line.format(pk=entry.pk) in capsys.readouterr().out


def test_checking_changes_nothing(entry):
    remove_entry(entry.pk)

    with pytest.raises(CommandError):
        call_command("rebuild_search_index", "--check")

    assert find_entry_ids() == set()


def test_deleting_in_bulk_leaves_nothing_in_the_index(entry):
    Entry.objects.filter(pk=entry.pk).delete()

    call_command("rebuild_search_index", check=True)
