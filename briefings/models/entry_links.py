"""Which of our entries refer to which."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from briefings.citing import find_cited


class EntryLinkQuerySet(models.QuerySet["EntryLink"]):
    def keep(self, bodies: dict[int, str]) -> None:
        """Have the rows of these entries say what their bodies link to. Part of the caller's
        transaction, which has locked the entries.
        """
        self.filter(citing__in=bodies).delete()
        found = {entry_id: find_cited(body, settings.SITE_URL) for entry_id, body in bodies.items()}
        slugs = {slug for cited in found.values() for slug in cited.slugs}
        numbers = {number for cited in found.values() for number in cited.numbers}
        if not slugs and not numbers:
            return
        entries = self.model._meta.get_field("cited").related_model._default_manager
        known = entries.filter(Q(slug__in=slugs) | Q(pk__in=numbers)).values_list("pk", "slug")
        self.bulk_create(
            EntryLink(citing_id=entry_id, cited_id=pk)
            for entry_id, cited in found.items()
            for pk, slug in known
            if pk != entry_id and (pk in cited.numbers or slug in cited.slugs)
        )


class EntryLink(models.Model):
    """One entry's body leads to another entry; kept with the index by whoever saves the first."""

    citing = models.ForeignKey(
        "briefings.Entry",
        on_delete=models.CASCADE,
        related_name="links_to_entries",
        verbose_name="引述的短評",
    )
    # Without a constraint: it would lock the cited entry's row, and two that are saved at once
    # and refer to each other would wait for each other.
    cited = models.ForeignKey(
        "briefings.Entry",
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="links_from_entries",
        verbose_name="被引述的短評",
    )

    objects = EntryLinkQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "本站引述"
        constraints = [
            models.UniqueConstraint(fields=["citing", "cited"], name="one_link_between_two")
        ]

    def __str__(self) -> str:
        return f"{self.citing_id} → {self.cited_id}"
