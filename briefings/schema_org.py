"""What a page is about in the words of schema.org, for search engines and libraries (JSON-LD)."""

import json
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from briefings.citations import LANGUAGE
from briefings.contexts import EditionContext, EntryContext, absolute_url

Thing = dict[str, Any]

_ESCAPES = {ord(sign): f"\\u{ord(sign):04X}" for sign in "<>&"}


def describe_entry_page(
    entry: EntryContext, edition: EditionContext, *, opened_at: datetime | None, image: str
) -> list[Thing]:
    """`opened_at` is when the public could first read it; a correction made before changed
    nothing for them.
    """
    publisher = _describe_publisher(edition)
    corrections = [made for made in entry.corrections if not opened_at or made.made_at > opened_at]
    authors = [
        _fill({"@type": "Person", "name": author.name, "jobTitle": author.post})
        for author in entry.authors
    ]
    article = {
        "@type": "Article",
        "@id": entry.url,
        "url": entry.url,
        "mainEntityOfPage": entry.url,
        "headline": entry.headline,
        "description": " ".join(entry.lead),
        "inLanguage": LANGUAGE,
        "datePublished": opened_at.isoformat() if opened_at else "",
        "dateModified": max([opened_at, *(made.made_at for made in corrections)]).isoformat()
        if opened_at
        else "",
        "author": authors or publisher,
        "publisher": publisher,
        "image": image,
        "position": entry.number,
        "isPartOf": _describe_issue(edition, publisher),
        "about": [
            {"@type": "Thing", "name": theme.name, "url": absolute_url(theme.path)}
            for theme in entry.themes
        ],
        "citation": [
            _fill({"@type": "CreativeWork", "name": source.title, "url": source.url})
            for source in entry.sources
        ],
        "correction": [
            {
                "@type": "CorrectionComment",
                "text": made.note,
                "datePublished": made.made_at.isoformat(),
            }
            for made in corrections
        ],
        "version": str(entry.version),
    }
    trail = [(edition.chinese_label, edition.url), (entry.headline, entry.url)]
    return [_fill(article), _describe_trail(edition, trail)]


def describe_edition_page(edition: EditionContext) -> list[Thing]:
    issue = _describe_issue(edition, _describe_publisher(edition))
    issue["hasPart"] = [
        {"@type": "Article", "@id": entry.url, "headline": entry.headline, "url": entry.url}
        for entry in edition.entries
    ]
    return [_fill(issue), _describe_trail(edition, [(edition.chinese_label, edition.url)])]


def _describe_publisher(edition: EditionContext) -> Thing:
    publication = edition.publication
    return _fill(
        {
            "@type": "Organization",
            "name": publication.organisation,
            "department": _fill({"@type": "Organization", "name": publication.department}),
            "url": absolute_url(reverse("briefings:home")),
            "logo": absolute_url(publication.logo.get_absolute_url()) if publication.logo else "",
        }
    )


def _describe_issue(edition: EditionContext, publisher: Thing) -> Thing:
    publication = edition.publication
    return _fill(
        {
            "@type": "PublicationIssue",
            "@id": edition.url,
            "url": edition.url,
            "name": f"{publication.name}{edition.chinese_label}",
            "issueNumber": str(edition.number or ""),
            "datePublished": edition.date.isoformat() if edition.date else "",
            "inLanguage": LANGUAGE,
            "publisher": publisher,
            "isPartOf": _fill(
                {
                    "@type": "Periodical",
                    "name": publication.name,
                    "alternateName": publication.english_name,
                    "url": absolute_url(reverse("briefings:home")),
                }
            ),
        }
    )


def _describe_trail(edition: EditionContext, pages: list[tuple[str, str]]) -> Thing:
    above = [
        (edition.publication.name, absolute_url(reverse("briefings:home"))),
        ("各期一覽", absolute_url(reverse("briefings:edition_list"))),
    ]
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": place, "name": name, "item": url}
            for place, (name, url) in enumerate([*above, *pages], start=1)
        ],
    }


def _fill(thing: Thing) -> Thing:
    """Without what is not known."""
    return {name: value for name, value in thing.items() if value not in ("", None, [], {})}


def write_json_ld(things: list[Thing]) -> SafeString:
    """To stand in a page: data, which no policy for scripts is about. `<`, `>` and `&` are written
    as JSON may write them, so that nothing in it ends the element.
    """
    graph = {"@context": "https://schema.org", "@graph": things}
    written = json.dumps(graph, ensure_ascii=False).translate(_ESCAPES)
    return mark_safe(f'<script type="application/ld+json">{written}</script>')  # noqa: S308
