"""Where an app that briefings doesn't know hangs its part of an edition's desk, and says who reads.

Briefings shows what is registered here and never asks who registered it. Only `cma_site`, which
knows every app, registers: see `cma_site/apps.py`.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise

from briefings.contexts import EditionContext
from briefings.models import Audience, Edition
from briefings.permissions import Person


@dataclass(frozen=True)
class EditionTool:
    """A page of its own at the edition's desk, shown as a button on the edition's admin page."""

    name: str  # its part of the address: …/edition/<id>/<name>/
    label: str
    view: Callable[[HttpRequest, Edition], HttpResponse]
    permission: str  # "app.codename", asked before the button is shown and before the view runs
    others: tuple[str, ...] = ()  # each of which opens it as well

    def is_open_to(self, user: Person) -> bool:
        return any(map(user.has_perm, (self.permission, *self.others)))


@dataclass(frozen=True)
class PublishOption:
    """Something a person may tick to have done when an edition is published.

    It is carried out in a transaction of the schedule's; asked for a second time, it says so.
    """

    name: str  # the form field
    label: str
    describe: Callable[[Edition], str]  # what ticking it will do to this very edition
    carry_out: Callable[[Edition, AbstractBaseUser | AnonymousUser], str]  # returns what was done
    permission: str


@dataclass(frozen=True)
class EntryPreview:
    """One more way in which an entry reaches its readers, shown beside the text being written."""

    name: str  # its part of the address: …/entry/preview/<name>/
    label: str
    render: Callable[[Edition, EditionContext], HttpResponse]
    permission: str


@dataclass(frozen=True)
class ThemeChoosers:
    """People who chose themes: counted for those who may know, moved when themes are merged."""

    label: str  # what they are called: "會員"
    count: Callable[[Collection[int]], int]  # who chose any of these themes, each person once
    move: Callable[[Collection[int], int], None]  # from these themes to that one
    permission: str  # to see the count


@dataclass(frozen=True)
class Event:
    """Something done with an edition that changed no word of it, for its history to tell."""

    made_at: datetime
    made_by: str  # empty if nobody did it by hand
    why: str  # what was done, and what for


@dataclass(frozen=True)
class SearchFollower:
    """One more way to be told of what a search finds from now on, linked beside its feeds."""

    label: str | Promise  # a lazy one is in the language of the page
    make_address: Callable[[str], str]  # of where that is asked for, from the search as typed


def read_as_public(request: HttpRequest) -> Audience:  # noqa: ARG001
    """As long as nobody has members, everybody is the public."""
    return Audience.PUBLIC


# Which audience a request reads as. Looked up in this module each time it is asked, since it is
# replaced at start; what everybody gets alike (feeds, sitemap, API) never asks.
audience_of: Callable[[HttpRequest], Audience] = read_as_public

# Pages that are no part of the archive and are to be had in its languages, by the names of their
# addresses; each with the page to go to for it, which is another where only a form is handed in.
further_pages: dict[str, str] = {}

theme_choosers: list[ThemeChoosers] = []
search_followers: list[SearchFollower] = []
edition_tools: list[EditionTool] = []
entry_previews: list[EntryPreview] = []
publish_options: list[PublishOption] = []
# Told what was printed ("edition" or "volume") and how many seconds it took.
printing_watchers: list[Callable[[str, float], None]] = []
edition_events: list[Callable[[Edition], Iterable[Event]]] = []
