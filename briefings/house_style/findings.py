"""What a check finds, as plain values that an editor's page or a publish page can show."""

from dataclasses import dataclass
from enum import StrEnum


class Field(StrEnum):
    HEADLINE = "headline"
    LEAD = "lead"
    BODY = "body"


class Severity(StrEnum):
    """The gravest first."""

    ERROR = "error"
    WARNING = "warning"
    SUGGESTION = "suggestion"

    @property
    def label(self) -> str:
        return {"error": "應改正", "warning": "宜留意", "suggestion": "建議"}[self.value]


@dataclass(frozen=True)
class Finding:
    """Characters `start` to `end` of a block's text, which read `quote`.

    `suggestions` are what could stand there instead, the likeliest first; with none of them only
    the editor can know. `element` names what is no block of text: a picture, a table or a note;
    `block` then counts those. The text of a picture is its caption; where not its words are at
    fault, the place is empty.
    """

    rule: str
    severity: Severity
    message: str
    field: Field
    block: int
    start: int
    end: int
    quote: str
    suggestions: tuple[str, ...] = ()
    element: str = ""
