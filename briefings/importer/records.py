"""A LegacyEdition as JSON and back: how it waits for the editor who looks it through."""

from dataclasses import asdict
from datetime import date
from typing import Any

from briefings.importer.blocks import Block
from briefings.importer.documents import Doubt
from briefings.importer.legacy import LegacyEdition, LegacyEntry, LegacyImprint


def to_record(edition: LegacyEdition) -> dict[str, Any]:
    return asdict(edition) | {"date": edition.date.isoformat() if edition.date else None}


def from_record(record: dict[str, Any]) -> LegacyEdition:
    imprint = record["imprint"]
    return LegacyEdition(
        name=record["name"],
        entries=tuple(
            LegacyEntry(
                headline=entry["headline"],
                lead=entry["lead"],
                blocks=tuple(Block(**block) for block in entry["blocks"]),
                line=entry["line"],
            )
            for entry in record["entries"]
        ),
        imprint=imprint
        and LegacyImprint(tuple(imprint["lines"]), imprint["link"], imprint["line"]),
        doubts=tuple(Doubt(**doubt) for doubt in record["doubts"]),
        number=record["number"],
        date=date.fromisoformat(record["date"]) if record["date"] else None,
        first_hash=record["first_hash"],
    )
