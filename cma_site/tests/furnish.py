"""A house with something in every room, for tests that walk through all of it."""

from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO
from itertools import count

from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import models
from django.utils import timezone
from PIL import Image

from briefings.models import Edition, Entry, Picture, State, Theme
from briefings.pictures import draw_anew, keep_picture
from briefings.publishing import withdraw_edition
from briefings.tests.makers import (
    make_draft,
    make_entry,
    make_published,
    make_scheduled,
    make_volume,
)
from subscribers.tests.makers import make_mailing, make_member

_numbers = count(1)


def furnish(owner: User) -> None:
    """Entries and editions in every state, and at least one of whatever has a desk."""
    theme = Theme.objects.create(name="北部都會區", description="新發展區。")
    body = "<h2>背景</h2><p>正文「一」。</p><ul><li>項</li></ul>"
    for state in (State.DRAFT, State.IN_REVIEW, State.APPROVED):
        make_entry(state=state, themes=[theme], created_by=owner, body=body)
    make_draft({"themes": [theme]}, {"lead": ""}, number=90)
    make_published({"themes": [theme], "body": body}, {}, number=91)
    withdraw_edition(make_published(number=92, date=date(2026, 10, 20)))
    make_scheduled(number=93, by=owner, date=date(2026, 12, 20))
    make_volume(theme=theme, is_public=True)
    make_member(name="陳大文", themes=[theme])
    make_mailing()
    Group.objects.get_or_create(name="撰稿人")
    hang_picture(owner)
    for model in admin.site._registry:
        if not model._default_manager.exists():
            make_any(model)


def hang_picture(owner: User) -> Picture:
    file = BytesIO()
    Image.new("RGB", (40, 30), "navy").save(file, "PNG")
    return keep_picture(draw_anew(file.getvalue()), alternative="地圖", uploaded_by=owner)


def make_any(model: type[models.Model]) -> models.Model:
    """One row with nothing in it but what must be there."""
    values = {
        field.name: invent(field)
        for field in model._meta.concrete_fields
        if not (field.primary_key or field.null or field.has_default() or field.blank)
    }
    return model._default_manager.create(**values)


# The first kind a field is of gives its value.
INVENTIONS: list[tuple[type[models.Field], Callable[[], object]]] = [
    (models.DateTimeField, lambda: timezone.now() - timedelta(days=1)),
    (models.DateField, lambda: date(2026, 11, 20)),
    (models.BooleanField, lambda: False),
    (models.IntegerField, lambda: next(_numbers)),
    (models.GenericIPAddressField, lambda: "203.0.113.5"),
    (models.URLField, lambda: "https://example.com/"),
    (models.FileField, lambda: "pictures/one.png"),
    (models.Field, lambda: f"甲{next(_numbers)}"),
]


def invent(field: models.Field) -> object:
    if field.is_relation:
        related = field.related_model
        return related._default_manager.first() or make_any(related)
    return next(value() for kind, value in INVENTIONS if isinstance(field, kind))


def list_made(model: type[models.Model]) -> list[models.Model]:
    """Every one of the few, where each may look different; one of whatever else."""
    many = 8 if model in {Entry, Edition} else 1
    return list(model._default_manager.order_by("-pk")[:many])
