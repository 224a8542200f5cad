from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse

from briefings import workbench as writing
from subscribers import workbench as mail

# As the work goes; whatever is not named here follows, as Django sorts it.
APP_ORDER = ["briefings", "subscribers", "auth"]
MODEL_ORDER = [
    *("Entry", "Edition", "ImportBatch", "Theme", "GlossaryTerm", "Author", "Picture"),
    *("SearchMiss", "Imprint", "Publication", "Member", "Mailing", "Delivery"),
]


def rank(name: str, order: list[str]) -> int:
    return order.index(name) if name in order else len(order)


class EditorsDesk(AdminSite):
    index_title = "工作台"

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        cards = [*writing.list_cards(request), *mail.list_cards(request)]
        return super().index(request, {"cards": cards} | (extra_context or {}))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Menus in the order of the work: Chinese has no alphabet to look things up by."""
        apps = super().get_app_list(request, app_label)
        for app in apps:
            app["models"].sort(key=lambda model: rank(model["object_name"], MODEL_ORDER))
        return sorted(apps, key=lambda app: rank(app["app_label"], APP_ORDER))
