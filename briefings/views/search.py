"""The search page."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.views.generic import TemplateView

from briefings.forms import SearchForm
from briefings.glossary import find_theme_called, understand_query
from briefings.html import to_text
from briefings.models import Audience, Entry, Theme
from briefings.search.index import search_entries
from briefings.search.misses import record_miss
from briefings.search.query import Query
from briefings.search.snippets import highlight, make_snippet, render_fragments
from briefings.views.pages import PAGE_LENGTH, public_entries


class SearchView(TemplateView):
    template_name = "briefings/search.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = SearchForm(self.request.GET)
        form.is_valid()
        typed = form.cleaned_data.get("q", "")
        themes = Theme.objects.visible_to(Audience.PUBLIC)
        query = understand_query(typed, themes)
        theme, year = form.cleaned_data.get("theme"), form.cleaned_data.get("year")
        found = search_entries(query, public_entries())
        in_theme = found.filter(themed_entries__tag=theme) if theme else found
        in_year = found.filter(edition__date__year=year) if year else found
        both = in_theme.filter(edition__date__year=year) if year else in_theme
        sort = form.cleaned_data.get("sort", "")
        if sort:
            both = both.newest_first() if sort == "newest" else both.oldest_first()
        page = Paginator(both, PAGE_LENGTH).get_page(self.request.GET.get("page"))
        is_whole_search = not (theme or year or "page" in self.request.GET)
        if query and not page and is_whole_search:
            record_miss(typed)
        return super().get_context_data(
            form=form,
            query=query,
            named_theme=find_theme_called(typed, query, themes),
            theme=theme,
            year=year,
            sort=sort,
            page_obj=page,
            hits=[describe_hit(entry, query) for entry in page],
            # Each filter counts what choosing it would show, the other one staying as it is.
            themes=count_by_theme(in_year) if query else [],
            years=count_by_year(in_theme) if query else [],
            **kwargs,
        )


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


def count_by_year(entries: QuerySet[Entry]) -> list[tuple[int, int]]:
    """(year, entries), the newest year first."""
    years = entries.order_by("-edition__date__year").values_list("edition__date__year")
    return list(years.annotate(Count("pk")))
