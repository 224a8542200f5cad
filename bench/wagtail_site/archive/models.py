"""Editions and their entries as pages, in the way of Wagtail's tutorial.

What a page shows is looked up when its template asks for it, so that what stands in a cached
fragment costs no query.
"""

from django.db import models
from django.db.models import Count
from modelcluster.contrib.taggit import ClusterTaggableManager
from modelcluster.fields import ParentalKey
from taggit.models import Tag, TaggedItemBase
from wagtail.admin.panels import FieldPanel
from wagtail.fields import RichTextField
from wagtail.models import Page
from wagtail.search import index

RECENT_EDITIONS = 6
RELATED_ENTRIES = 4


class EditionPage(Page):
    number = models.PositiveIntegerField(unique=True)
    date = models.DateField(db_index=True)

    parent_page_types = ["home.HomePage"]
    content_panels = [*Page.content_panels, FieldPanel("number"), FieldPanel("date")]

    @property
    def entries(self):
        entries = EntryPage.objects.live().child_of(self).order_by("path")
        return entries.prefetch_related("tagged_items__tag")

    @property
    def previous(self):
        return EditionPage.objects.live().filter(date__lt=self.date).order_by("-date").first()

    @property
    def following(self):
        return EditionPage.objects.live().filter(date__gt=self.date).order_by("date").first()


class EntryTag(TaggedItemBase):
    content_object = ParentalKey(
        "archive.EntryPage", on_delete=models.CASCADE, related_name="tagged_items"
    )


class EntryPage(Page):
    lead = models.TextField()
    body = RichTextField()
    tags = ClusterTaggableManager(through=EntryTag)

    parent_page_types = ["archive.EditionPage"]
    search_fields = [*Page.search_fields, index.SearchField("lead"), index.SearchField("body")]
    content_panels = [
        *Page.content_panels,
        FieldPanel("lead"),
        FieldPanel("body"),
        FieldPanel("tags"),
    ]

    @property
    def related(self):
        """Of other editions, the most themes in common first."""
        tags = [item.tag_id for item in self.tagged_items.all()]
        return (
            EntryPage.objects.live()
            .not_child_of(self.get_parent())
            .filter(tagged_items__tag__in=tags)
            .annotate(shared=Count("pk"))
            .order_by("-shared", "-path")[:RELATED_ENTRIES]
        )


def list_editions():
    return EditionPage.objects.live().order_by("-date")


def list_themes():
    return Tag.objects.annotate(found=Count("archive_entrytag_items")).order_by("-found", "name")
