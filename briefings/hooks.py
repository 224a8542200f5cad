"""Where an app that briefings doesn't know hangs its part of an edition's desk.

Briefings shows what is registered here and never asks who registered it. Only `cma_site`, which
knows every app, registers: see `cma_site/apps.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest, HttpResponse

from briefings.models import Edition


@dataclass(frozen=True)
class EditionTool:
    """A page of its own at the edition's desk, shown as a button on the edition's admin page."""

    name: str  # its part of the address: …/edition/<id>/<name>/
    label: str
    view: Callable[[HttpRequest, Edition], HttpResponse]
    permission: str  # "app.codename", asked before the button is shown and before the view runs


@dataclass(frozen=True)
class PublishOption:
    """Something a person may tick to have done when an edition is published."""

    name: str  # the form field
    label: str
    describe: Callable[[Edition], str]  # what ticking it will do to this very edition
    carry_out: Callable[[Edition, AbstractBaseUser | AnonymousUser], str]  # returns what was done
    permission: str


edition_tools: list[EditionTool] = []
publish_options: list[PublishOption] = []
