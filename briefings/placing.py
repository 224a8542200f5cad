"""Which edition an entry is in, and where: as long as neither is locked."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Max

from briefings.history import Person, record_act
from briefings.models import Edition, Entry, State
from briefings.publishing import TransitionRefused

# What is scheduled or published stays as its approvers, or its readers, know it.
MOVABLE_ENTRIES = (State.DRAFT, State.IN_REVIEW, State.APPROVED, State.WITHDRAWN)
# What the backlog offers: an entry that was withdrawn goes back into an edition from its own page.
OFFERED_ENTRIES = (State.DRAFT, State.IN_REVIEW, State.APPROVED)


def append_entry(entry: Entry, edition: Edition) -> None:
    """Put an entry, not yet saved, behind the last of the edition's."""
    last = edition.entries.exclude(pk=entry.pk).aggregate(last=Max("position"))["last"]
    entry.edition = edition
    entry.position = (last or 0) + 1


def place_entries(
    entry_ids: Collection[int], edition: Edition | None, *, by: Person = None
) -> list[Entry]:
    """Put entries behind the last of an edition's, in the order given; without one, in the backlog.

    Returns those that moved: what is there already stays where it stands. Raises
    TransitionRefused, and moves none, if one of them or the edition is locked. Goes by the rows,
    and locks editions before entries, as publishing does.
    """
    with transaction.atomic():
        editions = _lock_editions(entry_ids, edition)
        rows = Entry.objects.select_for_update().filter(pk__in=entry_ids).order_by("pk")
        found = {entry.pk: entry for entry in rows}
        entries = [found[pk] for pk in dict.fromkeys(entry_ids) if pk in found]
        target = editions.get(edition.pk) if edition else None
        if edition and (target is None or target.is_locked):
            raise TransitionRefused(f"{target or edition}已鎖定或刪除，不能再加入短評。")
        moving = [entry for entry in entries if entry.edition_id != (target and target.pk)]
        if reasons := [reason for entry in moving if (reason := _refuse(entry, editions))]:
            raise TransitionRefused(*reasons)
        for entry in moving:
            if target:
                append_entry(entry, target)
            else:
                entry.edition, entry.position = None, 0
            entry.save()
            record_act(entry, by=by, why=f"放入{target.label}" if target else "移回待編")
        return moving


def _lock_editions(entry_ids: Collection[int], edition: Edition | None) -> dict[int, Edition]:
    left = Entry.objects.filter(pk__in=entry_ids).exclude(edition=None)
    ids = {*left.values_list("edition", flat=True), *([edition.pk] if edition else [])}
    rows = Edition.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    return {row.pk: row for row in rows}


def _refuse(entry: Entry, editions: dict[int, Edition]) -> str:
    source = editions.get(entry.edition_id) if entry.edition_id else None
    is_locked = source is not None and source.is_locked
    if is_locked or entry.withdrawn_at or entry.state not in MOVABLE_ENTRIES:
        return f"「{entry.headline}」現為「{State(entry.state).label}」，不能移動。"
    return ""
