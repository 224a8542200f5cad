"""Each row says what it holds, or what is wrong with it."""

import pytest

from briefings.models import Theme, ThemeAlias
from subscribers.importer.rows import RowChecker, read_headings
from subscribers.importer.seen import SeenAddresses
from subscribers.importer.tables import Row, UnreadableList
from subscribers.models import Frequency, RowKind

pytestmark = pytest.mark.django_db


def check(*cells: str, headings: str = "電郵,稱呼,政策主題,頻率", may_be_short: bool = True):
    columns = read_headings(Row(1, tuple(headings.split(","))))
    checker = RowChecker(columns, may_be_short=may_be_short)
    checker.themes.load()
    return checker.check(Row(2, cells))


@pytest.mark.parametrize(
    "headings", ["電郵,稱呼", "E-mail,Name", "電子郵件,姓名", "电邮,名字", "ＥＭＡＩＬ, 名稱 "]
)
def test_columns_go_by_chinese_or_english_names(headings):
    person = check("chan@Example.com", "陳大文", headings=headings).person

    assert (person.email, person.name) == ("chan@example.com", "陳大文")


def test_a_column_that_nobody_knows_is_told():
    columns = read_headings(Row(1, ("公司", "email", "")))

    assert columns.told == [("公司", ""), ("email", "電郵"), ("", "")]


@pytest.mark.parametrize(
    ("headings", "told"),
    [("姓名,電話", "姓名、電話"), ("電郵,email", "兩欄"), ("", "空白")],
)
def test_a_list_without_one_column_of_addresses_is_refused(headings, told):
    with pytest.raises(UnreadableList, match=told):
        read_headings(Row(1, tuple(headings.split(","))))


def test_themes_go_by_any_of_their_names():
    tax = Theme.objects.create(name="稅務", slug="tax")
    tech = Theme.objects.create(name="創新科技", slug="it")
    ThemeAlias.objects.create(theme=tech, name="創科")

    person = check("chan@example.com", "", "税务； 創科,稅務").person

    assert set(person.theme_ids) == {tax.pk, tech.pk}


def test_a_name_with_a_mark_in_it_is_one_theme():
    both = Theme.objects.create(name="房屋、土地", slug="land")

    assert check("chan@example.com", "", "房屋、土地").person.theme_ids == (both.pk,)


@pytest.mark.parametrize("written", ["每週摘要", "weekly", "Weekly", "每周摘要"])
def test_a_frequency_goes_by_its_chinese_name_or_its_word(written):
    assert check("chan@example.com", "", "", written).person.frequency == Frequency.WEEKLY


@pytest.mark.parametrize(
    ("cells", "kind", "told"),
    [
        (["", "陳大文"], RowKind.NO_ADDRESS, "沒有電郵"),
        (["chan@"], RowKind.BAD_ADDRESS, "「chan@」"),
        (["chan@a＠b.com"], RowKind.BAD_ADDRESS, "可以寄到"),
        (["chan@example.com", "", "占星"], RowKind.UNKNOWN_THEME, "「占星」"),
        (["chan@example.com", "", "", "每小時"], RowKind.UNKNOWN_FREQUENCY, "「每小時」"),
        (["chan@example.com", "長" * 61], RowKind.TOO_LONG, "61"),
        ([f"{'a' * 250}@example.com"], RowKind.TOO_LONG, "254"),
        (["chan@example.com", "=1+1"], RowKind.FORMULA, "「=」"),
        (["chan@example.com", "＋852"], RowKind.FORMULA, "公式"),
        (["chan@example.com", "陳\0大文"], RowKind.CONTROL, "控制字元"),
        (["chan@example.com", "陳\n大文"], RowKind.CONTROL, "控制字元"),
        (["chan@example.com", "陳\u202e大文"], RowKind.CONTROL, "控制字元"),
        (["chan@exam\ufffdple.com"], RowKind.BROKEN, "解讀不到"),
        (["chan@example.com", "", "", "", "多"], RowKind.LONG, "5"),
    ],
)
def test_a_fault_is_told_by_its_kind_and_in_chinese(cells, kind, told):
    finding = check(*cells)

    assert finding.kind == kind
    assert told in finding.reason


def test_a_short_row_is_a_fault_where_every_cell_is_written():
    assert check("chan@example.com", may_be_short=False).kind == RowKind.SHORT
    assert check("chan@example.com", may_be_short=True).kind == RowKind.NEW


def test_the_faults_of_one_row_are_told_together():
    finding = check("chan@", "=1+1", "", "每小時")

    assert finding.kind == RowKind.FORMULA
    assert "每小時" in finding.reason


def test_an_address_is_told_by_the_row_that_had_it_first():
    seen = SeenAddresses()

    assert seen.add(["a", "b", "a"], [2, 3, 4]) == [0, 0, 2]
    assert seen.add(["c", "b"], [5, 6]) == [0, 3]
    assert seen.add([], []) == []
