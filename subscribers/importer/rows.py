"""What each row of a list says, and what is wrong with it, in Chinese."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from briefings.models.themes import fold_name
from briefings.phrases import disarm
from subscribers.addresses import BadAddress, encode_address, normalise_email
from subscribers.importer.tables import Row, UnreadableList
from subscribers.models import RowKind
from subscribers.resources import MemberResource

HEADINGS = {
    "email": (
        *("電郵", "電郵地址", "電子郵件", "電子郵箱", "電子郵件地址", "郵箱"),
        *("邮箱", "电邮", "电子邮件"),
        *("email", "e-mail", "email address", "e-mail address", "mail"),
    ),
    "name": ("稱呼", "姓名", "名稱", "名字", "会员姓名", "name", "full name"),
    "themes": ("政策主題", "主題", "感興趣的政策主題", "themes", "theme", "topics"),
    "frequency": ("頻率", "寄送頻率", "frequency"),
}
_KNOWN = {fold_name(name): field for field, names in HEADINGS.items() for name in names}
LABELS = {"email": "電郵", "name": "稱呼", "themes": "政策主題", "frequency": "頻率"}
LONGEST = {"email": 254, "name": 60}  # as the columns of members
LONGEST_CELL = 1000  # of themes and frequencies


@dataclass(frozen=True)
class Columns:
    """Which cell of a row is what."""

    headings: tuple[str, ...]
    places: dict[str, int]  # of a field

    @property
    def told(self) -> list[tuple[str, str]]:
        """Each heading with what we take it for; nothing where we don't know it."""
        fields = {place: LABELS[field] for field, place in self.places.items()}
        return [(text[:60], fields.get(place, "")) for place, text in enumerate(self.headings)]


def read_headings(row: Row) -> Columns:
    """Raises UnreadableList if there is none for addresses, or two for the same thing."""
    places: dict[str, int] = {}
    for place, text in enumerate(row.cells):
        field = _KNOWN.get(fold_name(text))
        if field in places:
            raise UnreadableList(f"第一行有兩欄都是「{LABELS[field]}」，請只留一欄。")
        if field:
            places[field] = place
    if "email" not in places:
        told = "、".join(filter(None, row.cells))[:120]
        raise UnreadableList(
            f"第一行沒有「電郵」或 email 這個欄名；讀到的是：{told or '（空白）'}。"
        )
    return Columns(row.cells, places)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on the list; what their row leaves open is empty."""

    email: str
    name: str = ""
    frequency: str = ""
    theme_ids: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """The same for two ways of writing one mailbox."""
        return self.email.lower()


@dataclass(slots=True)
class Finding:
    """What becomes of a row; a person whose address can be read, be the rest as it may."""

    row: Row
    person: Person | None
    kind: RowKind = RowKind.NEW
    reason: str = ""


Fault = tuple[RowKind, str]
T = TypeVar("T")


class RowChecker:
    """What can be told from a row alone, and from the names that themes go by."""

    def __init__(self, columns: Columns, *, may_be_short: bool) -> None:
        self.columns = columns
        self.may_be_short = may_be_short
        fields = MemberResource().fields
        self.themes = fields["themes"].widget
        self.frequency = fields["frequency"].widget

    def check(self, row: Row) -> Finding:
        """The first fault decides the kind; the reason names all that a cell has."""
        if fault := self._find_fault_of_row(row):
            return Finding(row, None, *fault)
        faults: list[Fault] = []
        cells = {field: self._get_cell(row, field) for field in LABELS}
        for field, cell in cells.items():
            if fault := _find_fault_of_text(field, cell):
                faults.append(fault)
                cells[field] = ""
        email = _read_address(cells["email"], faults) if not faults else ""
        themes = _try(lambda: self.themes.clean(cells["themes"]), RowKind.UNKNOWN_THEME, faults)
        frequency = _try(
            lambda: self.frequency.clean(cells["frequency"]), RowKind.UNKNOWN_FREQUENCY, faults
        )
        person = Person(email, cells["name"], frequency or "", themes or ()) if email else None
        if not faults:
            return Finding(row, person)
        return Finding(row, person, faults[0][0], "；".join(reason for _, reason in faults))

    def _find_fault_of_row(self, row: Row) -> Fault | None:
        width, found = len(self.columns.headings), len(row.cells)
        if row.is_too_long:
            return RowKind.TOO_LONG, "整行太長，不像是名單的一行"
        if row.has_broken_quotes:
            return RowKind.BAD_QUOTES, "引號沒有成對，分不清各欄"
        if found < width and not self.may_be_short:
            return RowKind.SHORT, f"只有 {found} 欄，欄名有 {width} 欄"
        if any(row.cells[width:]):
            return RowKind.LONG, f"有 {found} 欄，欄名只有 {width} 欄"
        return None

    def _get_cell(self, row: Row, field: str) -> str:
        place = self.columns.places.get(field)
        return row.cells[place] if place is not None and place < len(row.cells) else ""


def _find_fault_of_text(field: str, cell: str) -> Fault | None:
    label = LABELS[field]
    if "\ufffd" in cell:
        return RowKind.BROKEN, f"{label}有解讀不到的字元"
    if not cell.isprintable() and any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in cell):
        return RowKind.CONTROL, f"{label}有看不見的控制字元"
    longest = LONGEST.get(field, LONGEST_CELL)
    if len(cell) > longest:
        return RowKind.TOO_LONG, f"{label}有 {len(cell)} 個字，上限是 {longest}"
    if field == "name" and disarm(cell) != cell:
        return RowKind.FORMULA, f"稱呼以「{cell[0]}」開始，試算表會當作公式"
    return None


def _read_address(cell: str, faults: list[Fault]) -> str:
    """Empty, with a fault more, if there is none that mail can be sent to."""
    if not cell:
        faults.append((RowKind.NO_ADDRESS, "這一行沒有電郵"))
        return ""
    email = normalise_email(cell)
    try:
        validate_email(email)
        encode_address(email)
    except (ValidationError, BadAddress):
        faults.append((RowKind.BAD_ADDRESS, f"「{cell[:80]}」不是可以寄到的電郵"))
        return ""
    return email


def _try(read: Callable[[], T], kind: RowKind, faults: list[Fault]) -> T | None:
    try:
        return read()
    except ValueError as error:
        faults.append((kind, str(error)))
        return None
