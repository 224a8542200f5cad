"""What is kept for a time only: rules that count what is over its time, and drop it.

Run twice, or killed in the middle, a rule does what is left. `docs/operations.md` has the periods.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.files.storage import default_storage
from django.db.models import Exists, OuterRef, Q, QuerySet

from briefings.autosaves import KEPT_FOR as AUTOSAVES_KEPT
from briefings.files import list_old_files
from briefings.models import (
    Autosave,
    Edition,
    Entry,
    Printout,
    PrintoutState,
    SearchMiss,
    SharedDraft,
    State,
)

BATCH = 500  # in one transaction, so that nobody who writes waits long

SHARED_KEPT = timedelta(days=30)  # after they expired
MISSES_KEPT = timedelta(days=365)  # since somebody last looked for it
FILES_KEPT = timedelta(days=30)  # somebody may be reading them


@dataclass(frozen=True)
class Rule:
    what: str  # in the editors' words
    kept: timedelta
    find: Callable[[datetime], Iterable[Any]]  # keys of what is older than that
    drop: Callable[[list[Any], datetime], object]  # those with these keys, at this time

    def count(self, now: datetime) -> int:
        return sum(1 for _ in self.find(now - self.kept))

    def purge(self, now: datetime) -> int:
        """How many were found."""
        keys = list(self.find(now - self.kept))
        for start in range(0, len(keys), BATCH):
            self.drop(keys[start : start + BATCH], now)
        return len(keys)


def make_row_rule(what: str, kept: timedelta, find: Callable[[datetime], QuerySet[Any]]) -> Rule:
    """For rows that are deleted with whatever hangs on them."""

    def find_keys(limit: datetime) -> QuerySet[Any]:
        return find(limit).order_by("pk").values_list("pk", flat=True)

    def drop(keys: list[Any], now: datetime) -> None:
        find(now - kept).filter(pk__in=keys).delete()

    return Rule(what, kept, find_keys, drop)


# ------------------------------------------------------------------------------------------ PDFs
def find_old_pdfs(limit: datetime) -> list[str]:
    """By name: of which there is a newer one, or that readers get no more; and files that no row
    knows. Should one be wanted after all, it is built again.
    """
    newer = Printout.objects.filter(
        Q(edition=OuterRef("edition")) | Q(volume=OuterRef("volume")),
        state=PrintoutState.READY,
        pk__gt=OuterRef("pk"),
    )
    built = Q(heard_at__lt=limit) | Q(heard_at=None, waiting_since__lt=limit)
    ready = Printout.objects.filter(built, state=PrintoutState.READY)
    unread = Q(Exists(newer)) | Q(edition__in=Edition.objects.exclude(state=State.PUBLISHED))
    old = set(ready.filter(unread).values_list("name", flat=True))
    known = set(Printout.objects.values_list("name", flat=True))
    strays = {name for name in list_old_files("pdf", limit) if name not in known}
    return sorted(old | strays)


def drop_pdfs(names: list[str], now: datetime) -> None:  # noqa: ARG001
    """The row first: one without its file would be taken for a PDF that is there."""
    Printout.objects.filter(name__in=names).delete()
    drop_files(names)


def drop_files(names: Iterable[str]) -> None:
    for name in names:
        default_storage.delete(name)


# ------------------------------------------------------------------------------------ share cards
def find_old_cards(limit: datetime) -> Iterator[str]:
    """Of entries that nobody may read any more, or that are gone."""
    shown = Entry.objects.filter(state=State.PUBLISHED, edition__state=State.PUBLISHED)
    folders = {f"cards/{pk}" for pk in shown.values_list("pk", flat=True)} | {"cards/publication"}
    files = list_old_files("cards", limit)
    return (name for name in files if name.rpartition("/")[0] not in folders)


RULES = (
    make_row_rule(
        "沒有儲存的文字",
        AUTOSAVES_KEPT,
        lambda limit: Autosave.objects.filter(saved_at__lt=limit),
    ),
    make_row_rule(
        "過期的草稿分享連結",
        SHARED_KEPT,
        lambda limit: SharedDraft.objects.filter(expires_at__lt=limit),
    ),
    make_row_rule(
        "找不到的搜尋",
        MISSES_KEPT,
        lambda limit: SearchMiss.objects.filter(last_day__lt=limit.date()),
    ),
    Rule("不再使用的 PDF", FILES_KEPT, find_old_pdfs, drop_pdfs),
    Rule("已撤回短評的分享圖", FILES_KEPT, find_old_cards, lambda names, _: drop_files(names)),
)
