"""What editors have typed but not saved, and who else has the same entry open.

Readers and colleagues see nothing of it: an entry changes only when somebody saves it.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from briefings.models import Autosave, Entry, Presence

MOST_BYTES = 1_000_000  # of one form; an entry of 3,000 characters takes about 15,000
KEPT_FOR = timedelta(days=90)
# A form says every 15 seconds that it is open; in a tab that is not looked at, browsers let it
# only once a minute.
SEEN_WITHIN = timedelta(seconds=75)

# Field names with their values, as a browser would post them.
Fields = dict[str, list[str]]

OPENED = "_opened"  # what each field held when the form was opened, as digests
_NOT_TYPED = re.compile(r"_.*|csrfmiddlewaretoken|.*-__prefix__-.*|.*-(?:MIN|MAX)_NUM_FORMS")
_FORM_ID = re.compile(r"[0-9A-Za-z-]{1,40}")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # what PostgreSQL takes in no text


class Unkeepable(Exception):
    """What a browser sent is not a form's contents."""


@dataclass(frozen=True)
class Typed:
    """What a form tells of itself."""

    form_id: str
    entry_id: int | None  # None: of an entry that was never saved
    based_on: int  # the entry's version when the form was opened
    fields: Fields | None  # None: nothing new since it last told
    typed_at: datetime
    is_as_opened: bool  # what was typed has been taken back
    is_leaving: bool

    @property
    def longest_field(self) -> int:
        """How many characters it has."""
        fields = (self.fields or {}).values()
        return max((len(value) for values in fields for value in values), default=0)


def pick_fields(posted: Mapping[str, Iterable[str]]) -> Fields:
    """What a person fills in, without the form's own machinery."""
    return {
        name: [_UNSTORABLE.sub("", value) for value in values]
        for name, values in posted.items()
        if name == OPENED or not _NOT_TYPED.fullmatch(name)
    }


def parse_typed(body: bytes, now: datetime | None = None) -> Typed:
    """Raises Unkeepable."""
    try:
        data = json.loads(body)
        fields = data.get("fields")
        return Typed(
            form_id=read_form_id(data["form_id"]),
            entry_id=None if data["entry"] is None else _read_number(data["entry"], 2**63),
            based_on=_read_number(data["version"], 2**31),
            fields=None if fields is None else pick_fields(_read_fields(fields)),
            typed_at=(now or timezone.now())
            - timedelta(seconds=_read_number(data.get("age", 0), 10**8)),
            is_as_opened=data.get("as_opened") is True,
            is_leaving=data.get("leaving") is True,
        )
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError) as error:
        raise Unkeepable("not a form's contents") from error
    except ValueError as error:
        raise Unkeepable(str(error)) from error


def read_form_id(value: Any) -> str:
    if not (isinstance(value, str) and _FORM_ID.fullmatch(value)):
        raise ValueError("not a form's name")
    return value


def _read_number(value: Any, limit: int) -> int:
    if not (isinstance(value, int) and 0 <= value < limit):
        raise ValueError("not a number that can be")
    return value


def _read_fields(value: Any) -> dict[str, list[str]]:
    for name, values in value.items():
        if not all(isinstance(text, str) for text in [name, *values]) or isinstance(values, str):
            raise ValueError("not a field's values")
    return value  # type: ignore[no-any-return]


def keep(user: User, typed: Typed, entry: Entry | None) -> Autosave:
    """One row a form, however often it is kept."""
    user_rows = Autosave.objects.filter(user=user)
    user_rows.filter(saved_at__lt=timezone.now() - KEPT_FOR).delete()
    autosave, _ = Autosave.objects.update_or_create(
        user=user,
        form_id=typed.form_id,
        defaults={
            "entry": entry,
            "fields": typed.fields,
            "based_on": typed.based_on,
            "saved_at": typed.typed_at,
        },
    )
    return autosave


def discard(user: User, form_id: str) -> None:
    Autosave.objects.filter(user=user, form_id=form_id).delete()


def find_unsaved(user: User, entry: Entry | None) -> list[Autosave]:
    """What the person typed for this entry, or for new ones, and did not save; newest first."""
    return list(Autosave.objects.filter(user=user, entry=entry).order_by("-saved_at"))


def name_unsaved(autosave: Autosave) -> str:
    """By its headline or, before there is one, the beginning of its lead."""
    for field in ("headline", "lead"):
        text = " ".join(" ".join(autosave.fields.get(field, [])).split())
        if text:
            return text if len(text) <= 30 else f"{text[:30]}…"
    return "未有標題"


def note_presence(user: User, entry: Entry, now: datetime | None = None) -> None:
    now = now or timezone.now()
    Presence.objects.update_or_create(user=user, entry=entry, defaults={"seen_at": now})
    Presence.objects.filter(seen_at__lt=now - timedelta(hours=1)).delete()


def note_leaving(user: User, entry: Entry) -> None:
    Presence.objects.filter(user=user, entry=entry).delete()


def find_others(user: User, entry: Entry, now: datetime | None = None) -> list[Presence]:
    """Those who have the entry open too."""
    seen = Presence.objects.filter(entry=entry, seen_at__gt=(now or timezone.now()) - SEEN_WITHIN)
    return list(seen.exclude(user=user).select_related("user").order_by("seen_at"))
