"""What can be asked. Everything comes from `visible_to(Audience.PUBLIC)`."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Annotated, Any, Literal, get_type_hints

from django.core.paginator import EmptyPage, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.utils.encoding import escape_uri_path
from django.utils.http import http_date
from ninja import Path, Query, Router, Schema
from ninja.errors import ValidationError
from pydantic import Field, WithJsonSchema

from briefings.api.problems import describe_withdrawal, not_found
from briefings.api.schemas import (
    AuthorCount,
    EditionDetail,
    EditionPage,
    EditionSummary,
    EntryDetail,
    EntryPage,
    EntrySummary,
    Hit,
    HitPage,
    OccurrenceText,
    PeriodText,
    PhrasePage,
    Problem,
    PublicationText,
    ThemeCount,
    ThemeDetail,
    ThemePage,
    ThemeSummary,
    Withdrawal,
    YearCount,
    api_url,
)
from briefings.catalogue import open_archive
from briefings.contexts import absolute_url, describe_edition
from briefings.feeds import changed_at
from briefings.finding import Chosen, list_unknown, understand_query
from briefings.finding import find as find_answers
from briefings.hits import show_hits
from briefings.models import Audience, Edition, Entry, EntryQuerySet, Publication, Theme
from briefings.phrases import LONGEST_PHRASE, make_term, show_contexts, trace_phrases
from briefings.search.occurrences import Unit
from briefings.views.pages import PAGE_LENGTH, readable_editions, readable_entries
from briefings.views.search import AnswerList, count_facets

router = Router()

# PostgreSQL takes no NUL.
Slug = Annotated[str, Field(max_length=140, pattern=r"^[^\x00]*$")]
# Left out it is None, which nobody can write in an address: the document names the number only.
Year = Annotated[
    int | None,
    Field(ge=1900, le=2999),
    WithJsonSchema({"type": "integer", "minimum": 1900, "maximum": 2999}),
]
SlugInPath = Annotated[Slug, Path(description="網址中的名稱")]
Operation = Callable[..., Any]

FAILS: dict[int, Any] = {422: Problem, 429: Problem}
MAY_LACK: dict[int, Any] = {404: Problem, **FAILS}
MAY_BE_GONE: dict[int, Any] = {410: Withdrawal, **MAY_LACK}


class Paging(Schema):
    page: int = Field(1, ge=1, le=1_000_000, description="第幾頁")
    size: int = Field(PAGE_LENGTH, ge=1, le=100, description="每頁多少項")


class OfYear(Paging):
    year: Year = Field(None, description="出版年份")


class OfThemeAndYear(OfYear):
    theme: Slug = Field("", description="政策主題網址中的名稱，改名之前的亦可")


class Entries(OfThemeAndYear):
    edition: Slug = Field("", description="一期網址中的名稱，例如 2026-11-20")


class Search(OfThemeAndYear):
    q: str = Field(
        min_length=1,
        max_length=1000,
        pattern=r"^[^\x00]*$",
        description=(
            "字詞；空格分開的都要提到，引號內的照字面尋找。"
            "任選其一、排除、按主題、年份或作者，寫法與網站的搜尋相同"
        ),
    )
    author: str = Field("", max_length=60, pattern=r"^[^\x00]*$", description="作者姓名")
    sort: Literal["relevance", "newest", "oldest"] = Field("relevance", description="排序")


class Traced(Paging):
    q: str = Field(
        min_length=1,
        max_length=LONGEST_PHRASE,
        pattern=r"^[^\x00]*$",
        description="一個提法；只找這些字，不論字體",
    )
    by: Literal["quarter", "year", ""] = Field("", description="按季或按年；不填則按年份的跨度")


def refuse_strangers(operation: Operation) -> Operation:
    """A parameter that is not in the document, or is there twice, is a mistake to be told of."""
    known = {
        name
        for hint in get_type_hints(operation).values()
        if isinstance(hint, type) and issubclass(hint, Paging)
        for name in hint.model_fields
    }

    @wraps(operation)
    def ask(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        wrong = [
            {"loc": ("query", name), "type": "repeated" if name in known else "unknown"}
            for name, values in request.GET.lists()
            if name not in known or len(values) > 1
        ]
        if wrong:
            raise ValidationError(wrong)
        return operation(request, *args, **kwargs)

    return ask


router.add_decorator(refuse_strangers)


@router.get("/", response={200: PublicationText, **FAILS}, url_name="root", summary="起點")
def show_publication(request: HttpRequest) -> PublicationText:
    """刊物的名稱，和由此出發的網址。"""
    return PublicationText.of(Publication.load())


@router.get(
    "/editions", response={200: EditionPage, **MAY_LACK}, url_name="editions", summary="各期"
)
def list_editions(request: HttpRequest, asked: Query[OfYear]) -> EditionPage:
    """公開的各期，最新的在前。"""
    editions = readable_editions(Audience.PUBLIC)
    if asked.year:
        editions = editions.filter(date__year=asked.year)
    page, rows = turn_to(request, editions, asked)
    return EditionPage(**page, items=[EditionSummary.of(edition) for edition in rows])


@router.get(
    "/editions/{slug}",
    response={200: EditionDetail, **MAY_BE_GONE},
    url_name="edition",
    summary="一期",
)
def show_edition(request: HttpRequest, slug: SlugInPath, response: HttpResponse) -> EditionDetail:
    """一期的全部短評和頁尾資料。"""
    edition = find(Edition.objects.visible_to(Audience.PUBLIC), slug)
    context = describe_edition(edition)
    entries = edition.entries.visible_to(Audience.PUBLIC).prefetch_related("corrections")
    rows = {entry.pk: entry for entry in entries}
    for entry in rows.values():
        entry.edition = edition
    moments = [edition.updated_at, *(changed_at(entry) for entry in rows.values())]
    response["Last-Modified"] = http_date(max(moments).timestamp())
    return EditionDetail.of_context(context, edition, rows)


@router.get("/entries", response={200: EntryPage, **MAY_LACK}, url_name="entries", summary="短評")
def list_entries(request: HttpRequest, asked: Query[Entries]) -> EntryPage:
    """公開的短評，最新的在前。"""
    entries = of_theme_and_year(readable_entries(Audience.PUBLIC), asked).prefetch_related(
        "corrections"
    )
    if asked.edition:
        entries = entries.filter(
            edition=find(Edition.objects.visible_to(Audience.PUBLIC), asked.edition)
        )
    page, rows = turn_to(request, entries, asked)
    return EntryPage(**page, items=[EntrySummary.of(entry) for entry in rows])


@router.get(
    "/entries/{slug}",
    response={200: EntryDetail, **MAY_BE_GONE},
    url_name="entry",
    summary="一篇短評",
)
def show_entry(request: HttpRequest, slug: SlugInPath, response: HttpResponse) -> EntryDetail:
    """一篇短評的全文、註腳、資料來源、作者、主題和更正。"""
    entries = Entry.objects.visible_to(Audience.PUBLIC)
    entry = find(entries.select_related("edition__imprint"), slug)
    described = {one.id: one for one in describe_edition(entry.edition).entries}
    if entry.pk not in described:  # it was withdrawn after it was read: now that is what is found
        find(entries, slug)
        raise not_found("沒有這個名稱的內容。")
    response["Last-Modified"] = http_date(changed_at(entry).timestamp())
    return EntryDetail.of(described[entry.pk], entry)


@router.get("/themes", response={200: ThemePage, **MAY_LACK}, url_name="themes", summary="政策主題")
def list_themes(request: HttpRequest, asked: Query[Paging]) -> ThemePage:
    """有公開短評的政策主題，篇數多的在前。"""
    themes = Theme.objects.visible_to(Audience.PUBLIC).order_by("-entry_count", "name", "pk")
    page, rows = turn_to(request, themes, asked)
    return ThemePage(**page, items=[ThemeSummary.of(theme) for theme in rows])


@router.get(
    "/themes/{slug}",
    response={200: ThemeDetail, 301: None, **MAY_LACK},
    url_name="theme",
    summary="一個政策主題",
)
def show_theme(request: HttpRequest, slug: SlugInPath) -> ThemeDetail | HttpResponseBase:
    """一個政策主題；改了名或合併了的，轉往新網址。"""
    theme = find_theme(slug)
    if theme.slug != slug:
        return HttpResponsePermanentRedirect(api_url("theme", theme.slug))
    return ThemeDetail.of(theme)


@router.get("/search", response={200: HitPage, **MAY_LACK}, url_name="search", summary="搜尋")
def search(request: HttpRequest, asked: Query[Search]) -> HitPage:
    """與網站的搜尋相同：繁體、簡體、異體字一併尋找，簡稱和全名互相尋找。"""
    archive = open_archive(Audience.PUBLIC)
    query = understand_query(asked.q, archive)
    found = find_answers(query, archive)
    theme = find_theme(asked.theme) if asked.theme else None
    chosen = Chosen(theme, asked.year, asked.author)
    page, ids = turn_to(request, AnswerList(found.narrow(chosen), asked.sort), asked)
    entries = readable_entries(Audience.PUBLIC).prefetch_related("corrections").in_bulk(ids)
    hits = show_hits(ids, archive, query)
    facets = count_facets(found, chosen)
    return HitPage(
        **page,
        is_cut=query.is_cut,
        unknown=[given.text_to_type for given in list_unknown(query, archive)],
        also=list(query.also),
        themes=[
            ThemeCount(slug=theme.slug, name=theme.name, entries=count)
            for theme, count in facets["themes"]
        ],
        years=[YearCount(year=year, entries=count) for year, count in facets["years"]],
        authors=[AuthorCount(name=name, entries=count) for name, count in facets["authors"]],
        items=[Hit.of_hit(hit, entries[hit.entry_id]) for hit in hits if hit.entry_id in entries],
    )


@router.get(
    "/phrases", response={200: PhrasePage, **MAY_LACK}, url_name="phrases", summary="提法的歷史"
)
def trace_phrase(request: HttpRequest, asked: Query[Traced]) -> PhrasePage:
    """何時首次出現，各季或各年有多少，和各次出現的上下文。"""
    term = make_term(asked.q)  # None of punctuation alone, which stands nowhere
    wanted = Unit(asked.by) if asked.by else None
    unit, histories = trace_phrases([term] if term else [], Audience.PUBLIC, wanted)
    occurrences = sum(history.occurrences for history in histories)
    page, places = turn_to(request, range(occurrences), asked)
    shown = range(places[0], places[-1] + 1) if places else range(0)
    return PhrasePage(
        **page,
        phrase=asked.q,
        entries=sum(history.entries for history in histories),
        unit=unit,
        first=next((OccurrenceText.of(h.first) for h in histories if h.first), None),
        periods=[PeriodText.of(count) for history in histories for count in history.periods],
        items=[
            OccurrenceText.of(one)
            for history in histories
            for one in show_contexts(history, shown, Audience.PUBLIC)
        ],
    )


def find(visible: QuerySet, slug: str) -> Any:
    """The one at this address. Refused as withdrawn only if the public could read it once."""
    if (found := visible.filter(slug=slug).first()) is not None:
        return found
    if taken := visible.model._default_manager.taken_from_public().filter(slug=slug).first():
        raise describe_withdrawal(taken)
    raise not_found("沒有這個名稱的內容。")


def find_theme(slug: str) -> Theme:
    """By its address, or one that it had."""
    theme = Theme.objects.visible_to(Audience.PUBLIC).at_address(slug)
    if theme is None:
        raise not_found("沒有這個政策主題。")
    return theme


def of_theme_and_year(entries: EntryQuerySet, asked: OfThemeAndYear) -> EntryQuerySet:
    theme = find_theme(asked.theme) if asked.theme else None
    if theme:
        entries = entries.filter(themed_entries__tag=theme)
    return entries.filter(edition__date__year=asked.year) if asked.year else entries


def turn_to(
    request: HttpRequest, rows: QuerySet | Sequence[Any], asked: Paging
) -> tuple[Mapping[str, Any], list[Any]]:
    """What `Page` says of the page asked for, and its rows."""
    paginator = Paginator(rows, asked.size)
    try:
        page = paginator.page(asked.page)
    except EmptyPage:
        raise not_found(f"沒有第 {asked.page} 頁，共 {paginator.num_pages} 頁。") from None
    return {
        "total": paginator.count,
        "page": page.number,
        "pages": paginator.num_pages,
        "next": address_page(request, asked.page + 1) if page.has_next() else None,
        "previous": address_page(request, asked.page - 1) if page.has_previous() else None,
    }, list(page)


def address_page(request: HttpRequest, number: int) -> str:
    query = request.GET.copy()
    query["page"] = str(number)
    return absolute_url(f"{escape_uri_path(request.path)}?{query.urlencode()}")
