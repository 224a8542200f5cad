"""A warm worker's PDF against WeasyPrint used as its manual shows it."""

from collections.abc import Iterator
from datetime import date

from django.template.loader import render_to_string

from bench.__main__ import compare
from bench.rows import make_context
from briefings.contexts import EditionContext
from briefings.pdf import render_edition_pdf

ENTRIES = (2, 10)


def run() -> Iterator[dict[str, object]]:
    from weasyprint import CSS, HTML

    for entries in ENTRIES:
        edition = make_context(entries, date(2026, 11, 20))
        html = render_to_string("briefings/pdf/edition.html", {"edition": edition})
        css = render_to_string("briefings/pdf/edition.css")

        def as_the_manual_shows(html: str = html, css: str = css) -> None:
            HTML(string=html).write_pdf(stylesheets=[CSS(string=css)], pdf_variant="pdf/ua-1")

        def ours(edition: EditionContext = edition) -> None:
            render_edition_pdf(edition)

        ours()  # the first in a process also imports and reads fonts
        ratio = compare(ours, as_the_manual_shows)
        yield {"entries": entries, "plain WeasyPrint / ours": round(ratio, 2)}
