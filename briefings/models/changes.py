from django.db import models


class ChangeMark(models.Model):
    """A mark for each change of what processes keep in memory: they go by the sum of the marks.

    A row is added and none is changed, so that no writer waits for another. SQLite, where they
    wait anyway, keeps but the last of each kind. Marks are random: what was rolled back is never
    taken for what came later.
    """

    class Kind(models.TextChoices):
        TEXTS = "texts"  # the search index: its tail and its segments
        CATALOGUE = "catalogue"  # who may see which entries; their dates, themes and authors
        PAGES = "pages"  # anything that a public page shows

    kind = models.CharField(max_length=10, choices=Kind)
    mark = models.BigIntegerField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.kind
