from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.admin import AdminSite
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse

from briefings import workbench as writing
from briefings.lookups import could_be_id
from subscribers import workbench as mail

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

# As the work goes; whatever is not named here follows, as Django sorts it.
APP_ORDER = ["briefings", "subscribers", "auth"]
MODEL_ORDER = [
    *("Entry", "Edition", "Volume", "ImportBatch", "Theme", "GlossaryTerm", "Author", "Picture"),
    *(
        "PinnedPhrase",
        "SearchMiss",
        "Imprint",
        "Publication",
        "Member",
        "MemberImport",
        "SavedFilter",
    ),
    *("Mailing", "Delivery"),
]


def rank(name: str, order: list[str]) -> int:
    return order.index(name) if name in order else len(order)


class EditorsDesk(AdminSite):
    index_title = "工作台"
    empty_value_display = "（未有）"

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        cards = [*writing.list_cards(request), *mail.list_cards(request)]
        return super().index(request, {"cards": cards} | (extra_context or {}))

    def admin_view(self, view: View, cacheable: bool = False) -> View:  # noqa: FBT001, FBT002  (Django's signature)
        """Nothing is found by the number of no row, or of no day; Django's own lists would fail."""

        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                return view(request, *args, **kwargs)
            except OverflowError as error:
                if request.method != "GET":
                    raise
                raise Http404 from error  # a year of the date hierarchy
            except ValueError as error:
                # Asked now and not before: who takes JSON could not read it after the form.
                if all(map(could_be_id, request.POST.getlist(ACTION_CHECKBOX_NAME))):
                    raise
                raise Http404 from error

        return super().admin_view(cast(View, answer), cacheable)

    def has_permission(self, request: HttpRequest) -> bool:
        """Every page of the desk asks this, so none opens to a password alone."""
        from cma_site.second_factor import has_passed

        return super().has_permission(request) and has_passed(request)

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Who has given the password is sent on to the code, or to setting it up."""
        from cma_site.second_factor_pages import find_next_step

        if request.method == "GET" and super().has_permission(request):
            onward = request.GET.get("next") or reverse("admin:index")
            if step := find_next_step(request, onward):
                return redirect(step)
        return super().login(request, extra_context)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        from cma_site import second_factor_pages as pages

        return [
            # Not behind `admin_view`: who can't give the code must be able to leave.
            path("logout/", self.logout, name="logout"),
            path("two-step/code/", pages.ask_code, name="two_step_code"),
            path("two-step/setup/", pages.set_up, name="two_step_setup"),
            path("two-step/", self.admin_view(pages.show_overview), name="two_step"),
            path(
                "two-step/log-out-everywhere/",
                self.admin_view(pages.log_out_everywhere),
                name="log_out_everywhere",
            ),
            *super().get_urls(),
        ]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Menus in the order of the work: Chinese has no alphabet to look things up by."""
        apps = super().get_app_list(request, app_label)
        for app in apps:
            app["models"].sort(key=lambda model: rank(model["object_name"], MODEL_ORDER))
        return sorted(apps, key=lambda app: rank(app["app_label"], APP_ORDER))
