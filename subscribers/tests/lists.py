"""Lists of people with every kind of row, and what must become of each kind."""

from collections import Counter
from collections.abc import Iterator

from django.utils import timezone

from briefings.models import Theme
from subscribers.models import Member, MemberState, RowKind

HEADINGS = "電郵,稱呼,政策主題,頻率,備註"


def furnish_for_list(rows: int) -> None:
    """Those whom a list of so many rows finds there already."""
    Theme.objects.create(name="創新科技", slug="it")
    Theme.objects.create(name="稅務", slug="tax")
    now = timezone.now()
    Member.objects.bulk_create(
        Member(
            email=f"{name}{place}@example.com", confirmed_at=now, unsubscribed_at=left, state=state
        )
        for place in range(rows)
        for offset, name, state, left in (
            (3, "known", MemberState.ACTIVE, None),
            (4, "left", MemberState.UNSUBSCRIBED, now),
        )
        if place % 20 == offset
    )


def write_list(rows: int) -> Iterator[bytes]:
    """As many rows, in UTF-8."""
    yield f"{HEADINGS}\r\n".encode()
    for place in range(rows):
        yield _write_row(place)[1]


def count_expected(rows: int) -> dict[str, int]:
    counts = Counter(_write_row(place)[0].value for place in range(rows))
    return dict(counts)


def _write_row(place: int) -> tuple[RowKind, bytes]:
    who = f"m{place}@example{place % 97}.com"
    kind, text = FAULTS.get(place % 20, (RowKind.NEW, "{who},陳大文,創新科技,每期寄送,"))
    if place == 13:
        kind = RowKind.NEW  # the first of those that are alike
    line = text.format(who=who, place=place).encode()
    return kind, line.replace(b"?", b"\xff") + b"\r\n"


FAULTS = {
    # Of twenty rows these; the others are good.
    1: (RowKind.NO_ADDRESS, ",陳大文,,,"),
    2: (RowKind.BAD_ADDRESS, "chan.example.com,陳大文,,,"),
    3: (RowKind.KNOWN, "Known{place}@Example.com,陳大文,稅務,,"),
    4: (RowKind.UNSUBSCRIBED, "left{place}@example.com,陳大文,,,"),
    5: (RowKind.UNKNOWN_THEME, "{who},陳大文,占星,,"),
    6: (RowKind.UNKNOWN_FREQUENCY, "{who},陳大文,,每小時,"),
    7: (RowKind.TOO_LONG, "{who}," + "長" * 61 + ",,,"),
    8: (RowKind.FORMULA, "{who},=HYPERLINK(),,,"),
    9: (RowKind.CONTROL, "{who},陳\0大文,,,"),
    10: (RowKind.BROKEN, "{who},陳?文,,,"),
    11: (RowKind.SHORT, "{who},陳大文"),
    12: (RowKind.LONG, "{who},陳大文,,,,多了"),
    13: (RowKind.DUPLICATE, "twice@example.com,陳大文,,,"),
    14: (RowKind.BAD_QUOTES, '"{who},陳大文,,,'),
    15: (RowKind.NEW, '{who},"李,四",稅務、創新科技,每月摘要,"地址\r\n兩行"'),
}
