"""What the desk's first page shows of the writing: a card a subject, each a way into the work."""

from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Count, F, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from briefings.autosaves import name_unsaved
from briefings.models import Autosave, Edition, Entry, SearchMiss, State
from briefings.permissions import APPROVE
from briefings.publishing import find_obstacles

SHOWN = 6


@dataclass(frozen=True)
class Card:
    name: str  # the card's element carries it as its class
    title: str
    template: str
    address: str = ""  # where all of it is, of which the card shows the beginning
    about: dict[str, Any] = field(default_factory=dict)

    def render(self) -> SafeString:
        return render_to_string(self.template, self.about)


def list_cards(request: HttpRequest) -> list[Card]:
    """Those that this person may see, in the order of the work; some ten queries."""
    user = request.user
    cards = [show_my_drafts(user)]
    if user.has_perm(APPROVE):
        cards.append(show_waiting())
    if user.has_perm("briefings.change_edition"):
        cards += [show_edition_in_the_making(), show_scheduled()]
    if user.has_perm("briefings.view_searchmiss"):
        cards.append(show_missed_searches())
    return cards if user.has_perm("briefings.view_entry") else []


def show_my_drafts(user: AbstractBaseUser | AnonymousUser) -> Card:
    states = [State.DRAFT, State.IN_REVIEW]
    mine: QuerySet[Entry] = Entry.objects.filter(created_by=user.pk, state__in=states)
    unsaved = Autosave.objects.filter(user=user.pk).select_related("entry").order_by("-saved_at")
    return Card(
        "my-drafts",
        "我的草稿",
        "briefings/desk/my_drafts.html",
        address=f"{_list_of_entries()}?mine=1&state__in={','.join(states)}",
        about={
            "entries": mine.order_by("-updated_at")[:SHOWN],
            "unsaved": [(autosave, name_unsaved(autosave)) for autosave in unsaved[:SHOWN]],
        },
    )


def show_waiting() -> Card:
    """The longest waiting first."""
    waiting = Entry.objects.filter(state=State.IN_REVIEW).order_by("updated_at")
    return Card(
        "waiting",
        "等候審批",
        "briefings/desk/waiting.html",
        address=f"{_list_of_entries()}?state__exact={State.IN_REVIEW}",
        about={
            "count": waiting.count(),
            "entries": waiting.select_related("created_by")[:SHOWN],
        },
    )


def show_edition_in_the_making() -> Card:
    """The draft edition of the latest date, and what it lacks; older ones may be imports."""
    drafts = Edition.objects.filter(state=State.DRAFT)
    edition = drafts.order_by(F("date").desc(nulls_last=True), "-pk").first()
    return Card(
        "in-the-making",
        "編輯中的一期",
        "briefings/desk/in_the_making.html",
        address=reverse("admin:briefings_edition_changelist"),
        about={
            "edition": edition,
            "entries": edition.entries.all() if edition else [],
            "obstacles": find_obstacles(edition) if edition else [],
            "backlog_count": Entry.objects.backlog().count(),
        },
    )


def show_scheduled() -> Card:
    scheduled = Edition.objects.filter(state=State.SCHEDULED)
    return Card(
        "scheduled",
        "已排程",
        "briefings/desk/scheduled.html",
        about={
            "editions": scheduled.annotate(entry_count=Count("entries"))
            .select_related("scheduled_by")
            .order_by("scheduled_for")
        },
    )


def show_missed_searches() -> Card:
    """What readers look for in vain may be worth an entry, or an alias."""
    return Card(
        "missed-searches",
        "讀者找不到的",
        "briefings/desk/missed_searches.html",
        address=reverse("admin:briefings_searchmiss_changelist"),
        about={"misses": SearchMiss.objects.all()[:SHOWN]},
    )


def _list_of_entries() -> str:
    return reverse("admin:briefings_entry_changelist")
