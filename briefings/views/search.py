"""The search page."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.views.generic import TemplateView

from briefings.finding import (
    Names,
    find_entries,
    list_names,
    list_near_themes,
    list_unknown,
    narrow,
    suggest,
)
from briefings.forms import SearchForm
from briefings.glossary import find_theme_called, understand_query
from briefings.html import to_text
from briefings.models import Byline, Entry, EntryQuerySet, Theme, ThemeQuerySet
from briefings.phrases import MOST_COMPARED, list_pinned, make_address
from briefings.search.misses import record_miss
from briefings.search.query import Query
from briefings.search.snippets import highlight, make_snippet, render_fragments
from briefings.views.pages import PAGE_LENGTH, ReaderView, readable_entries

MOST_AUTHORS = 12


class SearchView(ReaderView, TemplateView):
    template_name = "briefings/search.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = SearchForm(self.request.GET, audience=self.audience)
        form.is_valid()
        chosen = {name: form.cleaned_data.get(name) for name in ("theme", "year", "author")}
        typed, sort = form.cleaned_data.get("q", ""), form.cleaned_data.get("sort", "")
        themes = Theme.objects.visible_to(self.audience)
        entries = readable_entries(self.audience)
        query = understand_query(typed, themes)
        names = list_names(entries, themes)
        found = find_entries(query, entries, names)
        answers = narrow(found, **chosen)
        if sort:
            answers = answers.newest_first() if sort == "newest" else answers.oldest_first()
        page = Paginator(answers, PAGE_LENGTH).get_page(self.request.GET.get("page"))
        is_whole_search = not (any(chosen.values()) or "page" in self.request.GET)
        if query and not page and is_whole_search:
            record_miss(typed)
        helps = {} if page or not query else help_further(query, entries, names, themes)
        return super().get_context_data(
            form=form,
            query=query,
            unknown=list_unknown(query, names),
            named_theme=find_theme_called(typed, query, themes),
            sort=sort,
            page_obj=page,
            hits=[describe_hit(entry, query) for entry in page],
            words=list_words(query),
            history_address=make_address(list_words(query)[:MOST_COMPARED]),
            # Somewhere to begin, or to go on from nothing.
            pinned=[] if page else list_pinned(self.audience),
            **chosen,
            **count_facets(found, **chosen) if query else {},
            **helps,
            **kwargs,
        )


def list_words(query: Query) -> list[str]:
    """What the query asks for, each as typed."""
    return [other.text for term in query.terms for other in (term, *term.either)]


def count_facets(found: EntryQuerySet, **chosen: Any) -> dict[str, Any]:
    """What each filter has to choose from, and how many entries choosing it would show, the other
    filters staying as they are.
    """

    def without(name: str) -> EntryQuerySet:
        return narrow(found, **{**chosen, name: None})

    return {
        "themes": count_by_theme(without("theme")),
        "years": count_by_year(without("year")),
        "authors": count_by_author(without("author")),
    }


def help_further(
    query: Query, entries: EntryQuerySet, names: Names, themes: ThemeQuerySet
) -> dict[str, Any]:
    """For who found nothing: what would find something, and which themes are near."""

    def count(text: str) -> int:
        return find_entries(understand_query(text, themes), entries, names).count()

    near = themes.in_bulk(list_near_themes(query, names))
    return {"suggestions": suggest(query, count), "near_themes": list(near.values())}


def describe_hit(entry: Entry, query: Query) -> dict[str, Any]:
    text = f"{entry.lead}\n{to_text(entry.body)}"
    return {
        "entry": entry,
        "headline": render_fragments(highlight(entry.headline, query)),
        "snippet": render_fragments(make_snippet(text, query)),
    }


def count_by_theme(entries: QuerySet[Entry]) -> QuerySet[Theme]:
    """Themes of these entries, each with `found`."""
    themes = Theme.objects.filter(themed_entries__content_object__in=entries.order_by())
    counted: QuerySet[Theme] = themes.annotate(found=Count("themed_entries"))
    return counted.order_by("-found", "name")


def count_by_author(entries: EntryQuerySet) -> list[tuple[str, int]]:
    """(name, entries), the most first; two of one name are one."""
    written = Byline.objects.filter(entry__in=entries.order_by()).order_by()
    counted = written.values_list("author__name").annotate(found=Count("entry", distinct=True))
    return list(counted.order_by("-found", "author__name")[:MOST_AUTHORS])


def count_by_year(entries: QuerySet[Entry]) -> list[tuple[int, int]]:
    """(year, entries), the newest year first."""
    years = entries.order_by("-edition__date__year").values_list("edition__date__year")
    return list(years.annotate(Count("pk")))
