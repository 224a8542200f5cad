"""Tables as files for a spreadsheet, of any length, in which nothing is a formula."""

import csv
from collections.abc import Iterable, Iterator
from datetime import date
from tempfile import TemporaryFile
from typing import IO, cast
from unicodedata import category
from urllib.parse import quote

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse

from briefings.phrases import disarm

CSV, XLSX = "csv", "xlsx"
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ROWS_AT_ONCE = 200
UNSEEN = {"Cc", "Cf", "Cn", "Cs", "Zl", "Zp"}


def send_table(
    rows: Iterable[Iterable[str]], *, name: str, kind: str, today: date
) -> HttpResponseBase:
    """A CSV goes out while it is made; a workbook is made on disk first."""
    response: HttpResponseBase
    if kind == XLSX:
        response = FileResponse(write_workbook(rows), content_type=WORKBOOK)
    else:
        response = StreamingHttpResponse(write_csv(rows), content_type="text/csv; charset=utf-8")
    file_name = quote(f"{name}-{today:%Y%m%d}.{kind}")
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{file_name}"
    response["Cache-Control"] = "private, no-store"
    return response


def write_csv(rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """With the mark by which Excel knows UTF-8."""
    writer = csv.writer(cast(IO[str], Echo()))
    yield "\ufeff"
    held: list[str] = []
    for row in rows:
        held.append(cast(str, writer.writerow([_clean(cell) for cell in row])))
        if len(held) == ROWS_AT_ONCE:
            yield "".join(held)
            held.clear()
    yield "".join(held)


class Echo:
    """Gives what is written to it to whoever wrote."""

    def write(self, text: str) -> str:
        return text


def write_workbook(rows: Iterable[Iterable[str]]) -> IO[bytes]:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("名單")
    for row in rows:
        sheet.append([_clean(cell) for cell in row])
    file = TemporaryFile()  # noqa: SIM115  (the response closes it)
    book.save(file)
    file.seek(0)
    return file


def _clean(cell: str) -> str:
    """Without what neither a workbook nor anybody's eye has a use for.

    The wide space in 陳　大文, and Hong Kong's characters that only private codes have, stay.
    """
    return disarm("".join(c for c in cell if category(c) not in UNSEEN or c in "\n\t").strip())
