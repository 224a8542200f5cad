"""Searches that members subscribe to: understanding what was typed, and what they find.

Both are asked as the page of searches asks, of the archive as members see it.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from urllib.parse import urlencode

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from briefings.catalogue import open_archive
from briefings.finding import find, list_unknown, understand_query
from briefings.hooks import SearchFollower
from briefings.models import Audience
from briefings.search.query import MAX_TERMS, Facet, Filter, Query
from subscribers.digest_rules import NO_SEARCHES, Found, Offer, Wish
from subscribers.models import MOST_SEARCHES, Member, add_search

_UNKNOWN = {
    Facet.THEME: _("沒有叫「{}」的政策主題。"),
    Facet.YEAR: _("「{}」不是年份，應為四位數字，例如年份：2023。"),
    Facet.AUTHOR: _("沒有叫「{}」的作者。"),
}


class SearchRefused(Exception):
    """It can't be subscribed to; the text says why, in the member's language."""


def find_hits(
    wishes: Iterable[Wish], table: Collection[Offer], audience: Audience | None = Audience.MEMBERS
) -> Found:
    """Which entries of the table each of the wishes' searches finds, by its key.

    One query for each different search, however many members have it, and one for them all; none
    if there are none.
    """
    queries = {search.key: search.query for wish in wishes for search in wish.searches}
    if not (queries and table):
        return NO_SEARCHES
    archive, entry_ids = open_archive(audience), [offer.entry for offer in table]
    return {
        key: frozenset(find(understand_query(query, archive), archive).list_among(entry_ids))
        for key, query in queries.items()
    }


def tidy_search(typed: str, audience: Audience) -> str:
    """What was typed without what nobody sees. Raises SearchRefused if it is nothing to find, is
    longer than is looked for, or names what this audience knows nothing of.
    """
    text = " ".join("".join(c for c in typed if c.isprintable() or c.isspace()).split())
    archive = open_archive(audience)
    query = understand_query(text, archive)
    if refusal := _find_fault(query, list_unknown(query, archive)):
        raise SearchRefused(refusal)
    return text


def _find_fault(query: Query, unknown: Collection[Filter]) -> str:
    if not query:
        if query.excluded:
            return gettext("請同時輸入要找的字詞，不能只有要排除的。")
        return gettext("請輸入要找的文字或數字。")
    if query.is_bare_operator:
        return gettext("「OR」、「或」只用來連接字詞，請輸入要找的字詞。")
    if query.is_cut:
        return gettext("字詞太多或太長，最多{most}個。").format(most=MAX_TERMS)
    return next((str(_UNKNOWN[given.facet]).format(given.text) for given in unknown), "")


def subscribe_to_search(member: Member, search: str, now: datetime) -> bool:
    """Whether it is new to the member. Raises SearchRefused if they have too many already, and
    DoesNotExist if they have just left.
    """
    with transaction.atomic():
        held = Member.objects.active().hold().get(pk=member.pk)
        is_known = held.searches.of_query(search).exists()
        if not is_known and held.searches.count() >= MOST_SEARCHES:
            most = gettext("最多可訂閱{most}個搜尋，請先移除一個。")
            raise SearchRefused(most.format(most=MOST_SEARCHES))
        return add_search(held, search, now)


def make_subscribe_address(text: str) -> str:
    """Of the form that asks for an address; members get a link to their preferences by it."""
    return f"{reverse('subscribers:subscribe')}?{urlencode({'search': text})}"


BY_MAIL = SearchFollower(_("以電郵訂閱這個搜尋"), make_subscribe_address)
