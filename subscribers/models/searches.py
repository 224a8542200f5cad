"""The searches of the archive that members subscribed to."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from django.db import models

from briefings.search.query import MAX_QUERY_LENGTH, parse_query
from subscribers.digest_rules import Search

if TYPE_CHECKING:
    from subscribers.models.members import Member

MOST_SEARCHES = 10  # of one member


class SearchSubscriptionQuerySet(models.QuerySet["SearchSubscription"]):
    def by_member(self, members: "Iterable[Member]") -> dict[int, tuple[Search, ...]]:
        """In an order that depends on nothing but what was typed, so that members with the same
        searches share a digest. One query; members who have none are not in it.
        """
        rows = self.filter(member__in=members).values_list(
            "member_id", "key", "query", "subscribed_at"
        )
        found: dict[int, tuple[Search, ...]] = {}
        for member, key, query, since in sorted(rows, key=lambda row: row[2]):
            found[member] = (*found.get(member, ()), Search(key, query, since))
        return found

    def of_query(self, query: str) -> "SearchSubscriptionQuerySet":
        """In whatever way it was typed."""
        return self.filter(key=make_key(query))


class SearchSubscription(models.Model):
    """A search whose new answers come with a member's mail.

    What asks for the same is the same, however it is typed: a member has it once.
    """

    member = models.ForeignKey(
        "Member", on_delete=models.CASCADE, related_name="searches", verbose_name="會員"
    )
    query = models.CharField("搜尋字詞", max_length=MAX_QUERY_LENGTH)  # as typed
    key = models.CharField(max_length=64, editable=False)
    subscribed_at = models.DateTimeField("訂閱時間")

    objects = SearchSubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "訂閱的搜尋"
        default_permissions = ()  # a member's permissions count
        ordering = ["subscribed_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["member", "key"], name="search_once_a_member")
        ]

    def __str__(self) -> str:
        return self.query


def make_key(query: str) -> str:
    return sha256(parse_query(query).canonical_text.encode()).hexdigest()


def add_search(member: "Member", query: str, now: datetime) -> bool:
    """Whether it is new. The caller has seen that there is room."""
    _, is_new = SearchSubscription.objects.get_or_create(
        member=member, key=make_key(query), defaults={"query": query, "subscribed_at": now}
    )
    return is_new
