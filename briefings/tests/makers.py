"""The least valid rows, for tests that name what matters to them."""

from datetime import date
from itertools import count

from briefings.models import Audience, Edition, Entry
from briefings.publishing import publish_edition

_numbers = count(1)


def make_entry(edition: Edition | None = None, **fields) -> Entry:
    themes = fields.pop("themes", [])
    number = next(_numbers)
    defaults = {"headline": f"短評{number}", "lead": "導言。", "body": "<p>正文。</p>"}
    entry = Entry.objects.create(edition=edition, **defaults | fields)
    entry.themes.set(themes)
    return entry


def make_draft(*entries: dict, **fields) -> Edition:
    """A draft edition with the given entries, or with one if none are given."""
    edition = Edition.objects.create(**{"date": date(2026, 11, 20)} | fields)
    for position, entry in enumerate(entries or ({},), start=1):
        make_entry(edition, position=position, **entry)
    return edition


def make_published(*entries: dict, audience=Audience.PUBLIC, public_from=None, **fields) -> Edition:
    edition = make_draft(*entries, **fields)
    publish_edition(edition, audience=audience, public_from=public_from)
    return edition
