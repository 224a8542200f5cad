"""The tables of the search index; `briefings.search` keeps and reads them, and nobody at the desk.

They know entries by id alone: a foreign key would have them written, and deleted, in its order.
"""

from django.db import models
from django.db.models import Q


class IndexedText(models.Model):
    """An entry as the index has it, by the segment its postings are in.

    Without a segment it is in the tail, which readers tabulate by themselves. A row without text
    is of an entry that is gone, or has none; the segment that had its postings still has them.
    """

    entry_id = models.BigIntegerField(primary_key=True)
    headline = models.TextField()
    lead = models.TextField()
    body = models.TextField()
    segment_id = models.BigIntegerField(null=True)
    revision = models.BigIntegerField()  # another number for each text

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["segment_id"], name="texts_of_segment")]

    def __str__(self) -> str:
        return self.headline


class Segment(models.Model):
    """Postings of many entries, made once and never changed; a newer segment's text of an entry
    counts, and an older one's doesn't.
    """

    class State(models.TextChoices):
        BEING_MADE = "being_made"
        LIVE = "live"
        RETIRED = "retired"  # kept a while for those who began to read before

    # Positions of the whole index are numbered by blocks: these of them are the segment's.
    first_block = models.BigIntegerField()
    blocks = models.BigIntegerField()
    entry_ids = models.BinaryField()  # 64-bit numbers
    block_counts = models.BinaryField()  # of each entry's fields, 32-bit numbers
    page_keys = models.BinaryField()  # the first of each page, 64-bit numbers
    scheme = models.CharField(max_length=40)  # of folding and tokens, by which it was made
    checksum = models.BigIntegerField(null=True)  # of all its postings, once they are there
    state = models.CharField(max_length=10, choices=State)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="being_made"), name="one_segment_in_the_making"
            )
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.state}"


class SegmentPosting(models.Model):
    """Where a token stands in a segment's entries, in one of the ways to write it; or, by a
    negative token, a page of many (see `briefings.search.pages`).
    """

    pk = models.CompositePrimaryKey("segment_id", "token", "written")
    segment_id = models.BigIntegerField()
    token = models.BigIntegerField()
    written = models.BigIntegerField()
    positions = models.BinaryField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.token:x} {self.written:x}"
