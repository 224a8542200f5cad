"""What Wagtail's search is given to index: the same entries, as its manual shows."""

from typing import Any, ClassVar

from django.db import models
from modelsearch import index


class WagtailEntry(index.Indexed, models.Model):
    """`id` is the entry's. Its facets count by one column of the table: of themes, by the first."""

    title = models.CharField(max_length=120)
    lead = models.TextField()
    body = models.TextField()
    theme = models.CharField(max_length=100)
    year = models.PositiveSmallIntegerField()

    search_fields: ClassVar[list[Any]] = [
        index.SearchField("title", boost=2),
        index.SearchField("lead"),
        index.SearchField("body"),
        index.FilterField("theme"),
        index.FilterField("year"),
    ]

    class Meta:
        app_label = "bench"

    def __str__(self) -> str:
        return self.title
