"""What to look at before an edition is published, in plain words, each with where it is mended.

Only what `briefings.publishing` refuses is an obstacle; the rest is for a person to weigh.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from django.db.models import Max
from django.urls import reverse

from briefings.glossary import load_glossary
from briefings.house_style import check_style
from briefings.html import to_text
from briefings.models import Edition, Entry, Theme, WebLink
from briefings.pdf import find_unprintable
from briefings.publishing import find_entry_obstacles, find_obstacles
from briefings.web_links import UNSURE, find_anchors, find_urls

# Of house style, what shuts readers out or is plainly a slip: told one by one, where the rest is
# only counted.
GRAVE = {
    *("no-alternative-text", "link-text", "heading-order", "empty-heading", "no-table-header"),
    "unbalanced",
}


class Severity(Enum):
    OBSTACLE = "必須先改"
    WARNING = "請留意"
    ADVICE = "建議"

    @property
    def key(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Remark:
    severity: Severity
    text: str
    path: str  # the page, and on it the field, where it is mended
    entry: Entry | None = None


def check_edition(edition: Edition) -> list[Remark]:
    """The gravest first, then in the order of the entries.

    Asks the database and the fonts, never the net.
    """
    entries = list(
        edition.entries.filter(withdrawn_at=None).prefetch_related("themes", "sources")  # type: ignore[misc]
    )
    remarks = [
        *_check_whole(edition, entries),
        *(remark for entry in entries for remark in check_entry(entry)),
        *_check_style(entries),
        *_check_links(entries),
        *_check_themes(edition, entries),
    ]
    order = list(Severity)
    return sorted(remarks, key=lambda remark: order.index(remark.severity))


def check_entry(entry: Entry) -> Iterator[Remark]:
    """What can be seen from an entry alone."""
    for text in find_entry_obstacles(entry):
        yield _remark(Severity.OBSTACLE, text, entry, _field_of(text))
    if not entry.themes.all():
        text = f"「{entry.headline}」未有政策主題。按主題收取的會員不會收到，讀者亦不能按主題找到。"
        yield _remark(Severity.WARNING, text, entry, "themes")
    if Entry.objects.filter(headline=entry.headline).exclude(pk=entry.pk).exists():
        text = f"另有一篇短評的標題也是「{entry.headline}」。"
        yield _remark(Severity.WARNING, text, entry, "headline")
    yield from _check_characters(entry)


def _check_characters(entry: Entry) -> Iterator[Remark]:
    sources = "\n".join(f"{source.title}{source.publisher}" for source in entry.sources.all())
    themes = "、".join(theme.name for theme in entry.themes.all())
    texts = {
        "headline": entry.headline,
        "lead": entry.lead,
        "body": to_text(entry.body),
        "sources": sources,
        "themes": themes,
    }
    for field, text in texts.items():
        for character in find_unprintable(text):
            place = _quote_around(text, character)
            name = f"「{character}」（U+{ord(character):04X}）"
            told = (
                f"「{entry.headline}」的{place}有{name}，沒有字型可印，PDF 不能製成；請改寫或刪去。"
            )
            yield _remark(Severity.WARNING, told, entry, field)


def _quote_around(text: str, character: str) -> str:
    at = text.index(character)
    return f"「…{' '.join(text[max(0, at - 8) : at + 9].split())}…」"


def _check_style(entries: list[Entry]) -> Iterator[Remark]:
    glossary = load_glossary()
    for entry in entries:
        findings = check_style(entry.headline, entry.lead, entry.body, glossary)
        for finding in findings:
            if finding.rule in GRAVE:
                text = f"「{entry.headline}」{finding.message}"
                yield _remark(Severity.WARNING, text, entry, finding.field)
        if others := sum(finding.rule not in GRAVE for finding in findings):
            text = f"「{entry.headline}」有{others}處文風可以再看。"
            yield _remark(Severity.ADVICE, text, entry, "")


def _check_whole(edition: Edition, entries: list[Entry]) -> Iterator[Remark]:
    of_entries = {text for entry in entries for text in find_entry_obstacles(entry)}
    for text in find_obstacles(edition):
        if text not in of_entries:
            field = "date" if "日期" in text else "backlog"
            yield Remark(Severity.OBSTACLE, text, _edition_path(edition, field))
    if text := _check_number(edition):
        yield Remark(Severity.WARNING, text, _edition_path(edition, "number"))
    last = Edition.objects.filter(published_at__isnull=False).exclude(pk=edition.pk)
    latest = last.aggregate(date=Max("date"))["date"]
    if edition.date and latest and edition.date < latest and not edition.published_at:
        text = f"日期（{edition.date:%Y-%m-%d}）早於已出版的一期（{latest:%Y-%m-%d}）。"
        yield Remark(Severity.WARNING, text, _edition_path(edition, "date"))


def _check_number(edition: Edition) -> str:
    if edition.number is None:
        return "這一期未有期號。"
    before = Edition.objects.filter(number__lt=edition.number)
    last = before.aggregate(last=Max("number"))["last"]
    if last is None or last + 1 == edition.number:
        return ""
    return f"本期是第{edition.number}期，但之前最後一期是第{last}期，期號不連貫。"


def _check_links(entries: list[Entry]) -> Iterator[Remark]:
    urls = {entry.pk: find_urls(entry) for entry in entries}
    wanted = [url for found in urls.values() for url in found]
    faults = dict(
        WebLink.objects.filter(url__in=wanted).exclude(fault="").values_list("url", "fault")
    )
    for entry in entries:
        in_text = {anchor.url for anchor in find_anchors(entry.body)}
        for url in urls[entry.pk]:
            if fault := faults.get(url):
                severity = Severity.ADVICE if fault.startswith(UNSURE) else Severity.WARNING
                text = f"「{entry.headline}」的連結 {_shorten(url)}：{fault}。"
                yield _remark(severity, text, entry, "body" if url in in_text else "sources")


def _check_themes(edition: Edition, entries: list[Entry]) -> Iterator[Remark]:
    used = list(dict.fromkeys(theme for entry in entries for theme in entry.themes.all()))
    elsewhere = Theme.objects.filter(
        themed_entries__content_object__in=Entry.objects.exclude(edition=edition)
    )
    known = set(elsewhere.values_list("pk", flat=True))
    for theme in used:
        path = f"{reverse('admin:briefings_theme_change', args=[theme.pk])}#id_description"
        if theme.pk not in known:
            text = f"主題「{theme}」只有本期用到。如果另有意思相同的主題，可以合併。"
            yield Remark(Severity.ADVICE, text, path)
        if not theme.description.strip():
            yield Remark(Severity.ADVICE, f"主題「{theme}」未有說明。", path)
    empty = Theme.objects.filter(themed_entries=None).order_by("name")
    if names := list(empty.values_list("name", flat=True)):
        shown = "、".join(names[:5]) + ("等" if len(names) > 5 else "")
        path = f"{reverse('admin:briefings_theme_changelist')}?used=no"
        yield Remark(Severity.ADVICE, f"有{len(names)}個主題未有任何短評：{shown}。", path)


def _remark(severity: Severity, text: str, entry: Entry, field: str) -> Remark:
    anchor = "#sources-group" if field == "sources" else f"#id_{field}" if field else ""
    address = reverse("admin:briefings_entry_change", args=[entry.pk])
    return Remark(severity, text, f"{address}{anchor}", entry)


def _field_of(obstacle: str) -> str:
    return next((field for word, field in _FIELDS.items() if obstacle.endswith(word)), "")


_FIELDS = {"未有導言。": "lead", "未有正文。": "body"}


def _edition_path(edition: Edition, field: str) -> str:
    return f"{reverse('admin:briefings_edition_change', args=[edition.pk])}#id_{field}"


def _shorten(url: str) -> str:
    return url if len(url) <= 60 else f"{url[:57]}…"


def count_by_severity(remarks: Iterable[Remark]) -> dict[Severity, int]:
    """Only those that there are, the gravest first."""
    counted = dict.fromkeys(Severity, 0)
    for remark in remarks:
        counted[remark.severity] += 1
    return {severity: count for severity, count in counted.items() if count}
