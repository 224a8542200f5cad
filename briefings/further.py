"""Where reading goes on from an edition or an entry: what comes before and after, and what is
about the same.

The catalogue knows it. Of an entry that is named its name is read.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from briefings.catalogue import Archive
from briefings.models import Edition, Entry, EntryLink
from briefings.published_rows import read_published

RELATED_ENTRIES = 4


class NamedEntry(NamedTuple):
    """As much of an entry as a link to it shows."""

    entry_id: int
    slug: str
    headline: str
    edition: Edition  # as a catalogue has it


class Neighbours(NamedTuple):
    earlier: Edition | None
    later: Edition | None


def find_neighbours(edition: Edition, archive: Archive) -> Neighbours:
    """Before and after, in the order of the lists.

    Raises LookupError if the edition isn't in the archive.
    """
    edition_of = archive.catalogue.edition_of
    ids = list(edition_of)
    try:
        place = ids.index(edition.pk)
    except ValueError:
        raise LookupError(edition) from None
    return Neighbours(
        earlier=edition_of[ids[place + 1]] if place + 1 < len(ids) else None,
        later=edition_of[ids[place - 1]] if place else None,
    )


def list_entry_ids(edition: Edition | None, archive: Archive) -> list[int]:
    """In their order."""
    if edition is None:
        return []
    catalogue = archive.catalogue
    ids: list[int] = catalogue.entry_ids[catalogue.edition_ids == edition.pk].tolist()
    return ids


def list_theme_ids(entry: Entry, archive: Archive) -> list[int]:
    """None of an entry that isn't in the archive."""
    rows = np.flatnonzero(archive.catalogue.entry_ids == entry.pk)
    return [key for row in rows.tolist() for key in archive.catalogue.themes.list_keys(row)]


def list_citing(entry: Entry, archive: Archive) -> list[int]:
    """Ids of those whose bodies link to it, the newest first. One query."""
    ids = EntryLink.objects.filter(cited=entry).order_by().values_list("citing_id", flat=True)
    entry_ids = archive.catalogue.entry_ids
    citing: list[int] = entry_ids[np.isin(entry_ids, list(ids))].tolist()
    return citing


def find_related(entry: Entry, theme_ids: Iterable[int], archive: Archive) -> list[int]:
    """Ids of a few entries of other editions with these themes; those that have the most come
    first, of equals the newer ones.
    """
    catalogue = archive.catalogue
    shared = np.zeros(len(catalogue.entry_ids), np.int16)
    for theme_id in theme_ids:
        shared += catalogue.themes.flag(theme_id)
    shared[catalogue.edition_ids == (entry.edition_id or 0)] = 0
    rows = np.flatnonzero(shared)
    best = rows[np.argsort(-shared[rows], kind="stable")][:RELATED_ENTRIES]
    ids: list[int] = catalogue.entry_ids[best].tolist()
    return ids


def name_entries(entry_ids: Sequence[int], archive: Archive) -> dict[int, NamedEntry]:
    """By id and in this order, without what is not to be read any more. One query."""
    rows = read_published(entry_ids, archive, "entry.slug", "entry.headline")
    return {
        row.entry_id: NamedEntry(row.entry_id, slug, headline, row.edition)
        for row in rows
        for slug, headline in [row.values]
    }
