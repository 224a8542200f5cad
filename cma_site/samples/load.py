"""The sample editions and members, from the TOML files beside this module into the database.

Everything is created once and never touched again: what an editor changed afterwards stays.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from briefings.models import Audience, Edition, Entry, GlossaryTerm, PinnedPhrase, Theme
from briefings.publishing import approve_entries, publish_edition
from subscribers.models import Member, NoticeLanguage, Script, Variant
from subscribers.variants import DEFAULT

FOLDER = Path(__file__).parent
JOINED_APART = timedelta(days=12)  # so that the desk's plot of members over time has a story


@dataclass
class SamplesReport:
    """How many rows were made by this run, by kind; nothing made means all was there."""

    themes: int = 0
    terms: int = 0
    phrases: int = 0
    editions: int = 0
    entries: int = 0
    members: int = 0


def load_samples() -> SamplesReport:
    """Each edition with its entries, or nothing of it: broken off, the next run completes."""
    report = SamplesReport()
    for theme in _read("themes.toml")["themes"]:
        _, created = Theme.objects.get_or_create(
            name=theme["name"], defaults={"description": theme["description"]}
        )
        report.themes += created
    for term in _read("glossary.toml")["terms"]:
        report.terms += _create_term(term)
    for position, phrase in enumerate(_read("phrases.toml")["phrases"], start=1):
        report.phrases += _pin_phrase(phrase, position)
    for edition in read_editions():
        if not Edition.objects.filter(number=edition["number"]).exists():
            _create_edition(edition)
            report.editions += 1
            report.entries += len(edition["entries"])
    now = timezone.now()
    for place, member in enumerate(_read("members.toml")["members"]):
        report.members += _create_member(member, joined_at=now - JOINED_APART * place)
    return report


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))


def read_editions() -> Iterator[dict[str, Any]]:
    for path in sorted(FOLDER.glob("editions/*.toml")):
        yield _read(f"editions/{path.name}")


@transaction.atomic
def _create_term(data: dict[str, Any]) -> bool:
    """True if the name was new."""
    term, created = GlossaryTerm.objects.get_or_create(
        name=data["name"], defaults={"kind": data["kind"], "note": data.get("note", "")}
    )
    if created:
        for text in data.get("wordings", []):
            term.wordings.create(text=text)
        for text in data.get("discouraged", []):
            term.wordings.create(text=text, is_discouraged=True)
    return created


def _pin_phrase(data: dict[str, Any], position: int) -> bool:
    """True if it was new."""
    _, created = PinnedPhrase.objects.get_or_create(
        text=data["text"], defaults={"note": data.get("note", ""), "position": position}
    )
    return created


@transaction.atomic
def _create_edition(data: dict[str, Any]) -> None:
    edition = Edition.objects.create(number=data["number"], date=data["date"])
    for position, entry in enumerate(data["entries"], start=1):
        row = Entry.objects.create(
            edition=edition,
            position=position,
            headline=entry["headline"],
            lead=entry["lead"],
            body=entry["body"].strip(),
        )
        row.themes.set(entry["themes"])
    # It came out on the morning of its date.
    morning = timezone.make_aware(datetime.combine(data["date"], time(9)))
    approve_entries(edition)
    publish_edition(edition, audience=Audience.PUBLIC, published_at=morning)


@transaction.atomic
def _create_member(data: dict[str, Any], *, joined_at: datetime) -> bool:
    """True if the address was new. The samples' members never saw a form: they are made as is."""
    if Member.objects.with_email(data["email"]).exists():
        return False
    member = Member.objects.sign_up(
        email=data["email"],
        name=data["name"],
        frequency=data["frequency"],
        themes=Theme.objects.filter(name__in=data["themes"]),
        search=data.get("search", ""),
        variant=Variant(
            Script(data.get("script", DEFAULT.script)),
            NoticeLanguage(data.get("language", DEFAULT.language)),
        ),
        now=joined_at,
    )
    if data["state"] != "pending":
        member.confirm(joined_at)
    if data["state"] == "unsubscribed":
        member.unsubscribe()
    return True
