"""Descriptions of editions as they were last read, kept in memory until anything that pages show
is changed.

On the morning of a mailing many members ask for one edition and its entries. Whoever sends a cookie
gets a page made for them (`kept_pages`), and what it shows of the edition is the same for all.
"""

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

from django.utils.translation import get_language

from briefings.changes import Sum
from briefings.contexts import EditionContext, describe_edition
from briefings.models import Edition

MOST_KEPT = 100  # in one process; an edition is some 50 kB


class _Key(NamedTuple):
    """All that a description depends on beside the rows."""

    edition_id: int
    language: str | None
    is_for_members: bool  # until its time comes, with no row changed


_kept: OrderedDict[_Key, tuple[Sum, EditionContext]] = OrderedDict()
_lock = Lock()


def recall_description(edition: Edition, version: Sum) -> EditionContext:
    """What `describe_edition` says of an edition that readers see.

    `version` is that of the marks of pages, read before `edition` was.
    """
    key = _Key(edition.pk, get_language(), edition.is_for_members)
    with _lock:
        known_version, description = _kept.get(key, (None, None))
        if description and known_version == version:
            _kept.move_to_end(key)
            return description
    description = describe_edition(edition)
    with _lock:
        _kept[key] = (version, description)
        _kept.move_to_end(key)
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return description
