"""The editors' desk: writing entries, making editions of them, publishing."""

import taggit.admin  # noqa: F401  (registers its own Tag now, so that it can be taken away below)
from django.contrib import admin
from taggit.models import Tag

from briefings.admin import (
    authors,
    editions,
    entries,
    glossary,
    imports,
    phrases,
    pictures,
    publication,
    searches,
    themes,
    volumes,
)

__all__ = [
    "authors",
    "editions",
    "entries",
    "glossary",
    "imports",
    "phrases",
    "pictures",
    "publication",
    "searches",
    "themes",
    "volumes",
]

admin.site.unregister(Tag)
