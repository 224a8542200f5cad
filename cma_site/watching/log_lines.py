"""How a record of the log is written: JSON for machines, a line for people; masked in any case."""

import logging

from pythonjsonlogger.core import RESERVED_ATTRS, LogData
from pythonjsonlogger.json import JsonFormatter

from cma_site.watching.masking import mask_all, mask_text
from cma_site.watching.tracing import read_trace


class JSONLines(JsonFormatter):
    """One object a record: `time` (UTC), `level`, `logger`, `message`, whatever the record was
    given as `extra`, the ids of `read_trace()`, and `exc_info`.
    """

    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
            json_ensure_ascii=False,
            # Celery has its tasks' arguments in `data`, Django the whole request: addresses.
            reserved_attrs=[*RESERVED_ATTRS, "data", "request"],
        )

    def process_log_record(self, log_data: LogData) -> LogData:
        masked: LogData = mask_all(log_data | read_trace())
        return masked


class ReadableLines(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return mask_text(super().format(record))


FORMATS = {"json": JSONLines, "line": ReadableLines}
