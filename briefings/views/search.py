"""The search page."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.core.paginator import Page, Paginator
from django.utils.functional import Promise
from django.views.generic import TemplateView

from briefings.catalogue import Archive
from briefings.finding import (
    Answers,
    Chosen,
    find,
    find_theme_called,
    list_near_themes,
    list_unknown,
    suggest,
    understand_query,
)
from briefings.forms import SearchForm
from briefings.hits import show_hits
from briefings.hooks import search_followers
from briefings.phrases import MOST_COMPARED, list_pinned, make_address
from briefings.search.misses import record_miss
from briefings.search.query import Query
from briefings.views.pages import PAGE_LENGTH, ReaderView

MOST_AUTHORS = 12


class AnswerList(Sequence[int]):
    """The ids of answers in their order, for a paginator."""

    def __init__(self, answers: Answers, sort: str) -> None:
        self.answers, self.sort = answers, sort

    def __len__(self) -> int:
        return len(self.answers)

    def __getitem__(self, wanted: Any) -> Any:
        if isinstance(wanted, int):
            return self[wanted : wanted + 1][0]
        return self.answers.list_ids(wanted, self.sort)


class SearchView(ReaderView, TemplateView):
    template_name = "briefings/search.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = SearchForm(self.request.GET, audience=self.audience)
        form.is_valid()
        chosen = form.chosen
        typed, sort = form.cleaned_data.get("q", ""), form.cleaned_data.get("sort", "")
        archive = self.archive
        query = understand_query(typed, archive)
        found = find(query, archive)
        answers = AnswerList(found.narrow(chosen), sort)
        page: Page[int] = Paginator(answers, PAGE_LENGTH).get_page(self.request.GET.get("page"))
        is_whole_search = not (chosen or "page" in self.request.GET)
        if query and not page and is_whole_search:
            record_miss(typed)
        named_theme = find_theme_called(typed, query, archive)
        helps = {} if page or not query else help_further(query, archive)
        return super().get_context_data(
            form=form,
            query=query,
            unknown=list_unknown(query, archive),
            named_theme=named_theme,
            named_count=archive.catalogue.themes.total(named_theme.pk) if named_theme else 0,
            sort=sort,
            page_obj=page,
            hits=show_hits(list(page), archive, query),
            words=list_words(query),
            history_address=make_address(list_words(query)[:MOST_COMPARED]),
            followers=list_followers(f"{typed} {chosen.text_to_type}".strip()),
            # Somewhere to begin, or to go on from nothing.
            pinned=[] if page else list_pinned(self.audience),
            theme=chosen.theme,
            year=chosen.year,
            author=chosen.author,
            **count_facets(found, chosen),
            **helps,
            **kwargs,
        )


def list_words(query: Query) -> list[str]:
    """What the query asks for, each as typed."""
    return [other.text for term in query.terms for other in (term, *term.either)]


def list_followers(text: str) -> list[tuple[str, str | Promise]]:
    """(address, label) of each other way to be told of what it finds."""
    return [(follower.make_address(text), follower.label) for follower in search_followers]


def count_facets(found: Answers, chosen: Chosen) -> dict[str, Any]:
    """What each filter has to choose from, and how many entries choosing it would show, the other
    filters staying as they are.
    """
    return {
        "themes": found.narrow(replace(chosen, theme=None)).count_themes(),
        "years": found.narrow(replace(chosen, year=None)).count_years(),
        "authors": found.narrow(replace(chosen, author=None)).count_authors()[:MOST_AUTHORS],
    }


def help_further(query: Query, archive: Archive) -> dict[str, Any]:
    """For who found nothing: what would find something, and which themes are near."""

    def count(text: str) -> int:
        return len(find(understand_query(text, archive), archive))

    return {
        "suggestions": suggest(query, count),
        "near_themes": list_near_themes(query, archive),
    }
