"""A phrase's history (提法): the page, and its numbers as a file."""

import csv
from collections.abc import Sequence
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe
from django.views.generic import TemplateView

from briefings import hooks
from briefings.forms import PhraseForm
from briefings.models import Audience
from briefings.phrase_plots import SPARK_HEIGHT, Measure, draw_plot, draw_spark
from briefings.phrases import (
    LONGEST_PHRASE,
    MOST_COMPARED,
    list_counts,
    list_pinned,
    read_phrases,
    show_contexts,
    trace_phrases,
)
from briefings.search.occurrences import Unit
from briefings.search.query import Term
from briefings.views.pages import LastingPage, ReaderView, mark_for

LINES = 50  # occurrences on a page
LONGEST_NAME = 18  # characters that stand over a strip of the plot, on a telephone too


class PhraseView(ReaderView, LastingPage, TemplateView):
    template_name = "briefings/phrases.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        audience = self.audience
        wanted = read_phrases(self.request.GET.getlist("q"))
        context = super().get_context_data(
            fields=[*(term.text for term in wanted.terms), *[""] * MOST_COMPARED][:MOST_COMPARED],
            problems=wanted.problems,
            longest=LONGEST_PHRASE,
            **kwargs,
        )
        if wanted.terms:
            # Results are for nobody to be led to from elsewhere.
            unstated = {"canonical_url": "", "alternates": ()}
            return context | unstated | self.show_histories(wanted.terms, audience)
        return context | {
            "pinned": [(one, draw_spark(one.periods)) for one in list_pinned(audience)],
            "spark_height": SPARK_HEIGHT,
        }

    def show_histories(self, terms: Sequence[Term], audience: Audience) -> dict[str, Any]:
        form = PhraseForm(self.request.GET)
        unit, histories = trace_phrases(terms, audience, form.unit)
        found = [history for history in histories if history.entries]
        chosen = found[min(form.place, len(found)) - 1] if found else histories[0]
        page = Paginator(range(chosen.occurrences), LINES).get_page(self.request.GET.get("page"))
        shown = range(page.start_index() - 1, page.end_index())
        named = [(_shorten(history.term.text), history.periods) for history in found]
        return {
            "histories": histories,
            "found": found,
            "unit": unit,
            "units": list(Unit),
            "measure": form.measure,
            "measures": list(Measure),
            "plot": draw_plot(named, form.measure) if found else None,
            "rows": list(zip(*(history.periods for history in found), strict=True)),
            "chosen": chosen,
            "page_obj": page,
            "lines": show_contexts(chosen, shown, audience),
        }


def _shorten(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


@require_safe
def phrase_counts(request: HttpRequest) -> HttpResponse:
    """One row for each phrase and period, the first of them headings."""
    terms = read_phrases(request.GET.getlist("q")).terms
    audience = hooks.audience_of(request)
    _, histories = trace_phrases(terms, audience, PhraseForm(request.GET).unit)
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    names = "、".join(term.text for term in terms)
    answer["Content-Disposition"] = content_disposition_header(
        as_attachment=True, filename=f"提法{names}.csv"
    )
    answer["X-Robots-Tag"] = "noindex"
    answer.write("\ufeff")  # or Excel takes it for an older Chinese encoding
    mark_for(audience, answer)
    csv.writer(answer).writerows(list_counts(histories))
    return answer
