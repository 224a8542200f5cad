"""Members as rows of a table: the headings and how each cell is written and read.

What goes out by this comes in by it again.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.utils import timezone
from django.utils.text import slugify
from import_export.fields import Field
from import_export.resources import ModelResource
from import_export.widgets import Widget

from briefings.models import Theme
from briefings.models.themes import FormerThemeAddress, ThemeAlias, fold_name
from subscribers.models import Frequency, Member, MemberQuerySet, MemberState

SEPARATORS = str.maketrans(dict.fromkeys("、，,；;|／/\n", "、"))


class ThemesWidget(Widget):
    """Themes by any of their names, once these were loaded; several with a mark between them."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, int] = {}
        self.former_addresses: dict[str, int] = {}

    def load(self) -> None:
        """Three queries."""
        aliases = ThemeAlias.objects.values_list("name", "theme")
        names = Theme.objects.values_list("name", "pk")
        self.names = {fold_name(name): pk for name, pk in [*aliases, *names]}
        self.former_addresses = dict(FormerThemeAddress.objects.values_list("slug", "theme"))

    def clean(self, value: str, row: Any = None, **kwargs: Any) -> tuple[int, ...]:  # noqa: ARG002
        """Their keys. Raises ValueError for the first that nobody knows."""
        if not value:
            return ()
        if whole := self._find(value):
            return (whole,)
        wanted = [name.strip() for name in value.translate(SEPARATORS).split("、")]
        found = [self._find(name) or _refuse("政策主題", name) for name in wanted if name]
        return tuple(sorted(set(found)))

    def render(self, value: Iterable[Theme], obj: Any = None, **kwargs: Any) -> str:  # noqa: ARG002
        return "、".join(theme.name for theme in value)

    def _find(self, name: str) -> int | None:
        known = self.names.get(fold_name(name))
        return known or self.former_addresses.get(slugify(name, allow_unicode=True))


class ChoiceWidget(Widget):
    """A choice by its Chinese name, or by the word that is stored."""

    def __init__(self, choices: type[Frequency] | type[MemberState], what: str) -> None:
        super().__init__()
        self.labels = dict(choices.choices)
        self.what = what
        values = {fold_name(value): value for value in choices.values}
        self.known = values | {fold_name(str(label)): value for value, label in self.labels.items()}

    def clean(self, value: str, row: Any = None, **kwargs: Any) -> str:  # noqa: ARG002
        if not value:
            return ""
        return self.known.get(fold_name(value)) or _refuse(self.what, value)

    def render(self, value: str, obj: Any = None, **kwargs: Any) -> str:  # noqa: ARG002
        return str(self.labels.get(value, value))


class MomentWidget(Widget):
    """To the minute, in Hong Kong."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:  # noqa: ARG002
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M}" if value else ""


def _refuse(what: str, name: str) -> Any:
    raise ValueError(f"沒有「{name[:40]}」這個{what}")


class ThemesField(Field):
    def get_value(self, instance: Member) -> Iterable[Theme]:
        return instance.themes.all()


class MemberResource(ModelResource):
    email = Field("email", "電郵")
    name = Field("name", "稱呼")
    state = Field("state", "狀態", ChoiceWidget(MemberState, "狀態"))
    frequency = Field("frequency", "頻率", ChoiceWidget(Frequency, "頻率"))
    themes = ThemesField("themes", "政策主題", ThemesWidget())
    consented_at = Field("consented_at", "同意時間", MomentWidget())
    consent_source = Field("consent_source", "同意來源")
    consent_wording = Field("consent_wording", "同意聲明")
    confirmed_at = Field("confirmed_at", "確認時間", MomentWidget())
    unsubscribed_at = Field("unsubscribed_at", "取消時間", MomentWidget())
    created_at = Field("created_at", "建立時間", MomentWidget())

    class Meta:
        model = Member
        fields = (
            *("email", "name", "state", "frequency", "themes"),
            *("consented_at", "consent_source", "consent_wording"),
            *("confirmed_at", "unsubscribed_at", "created_at"),
        )
        chunk_size = 1000

    def list_rows(self, members: MemberQuerySet) -> Iterator[list[str]]:
        """The headings, then each member; no more of them in memory than a chunk."""
        yield self.get_export_headers()
        for member in self.iter_queryset(members.prefetch_related("themes")):
            yield [str(cell) for cell in self.export_resource(member)]
