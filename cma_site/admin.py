"""Accounts in the editors' language: Django stores the names of permissions in English.

What a superuser does for others when they are locked out or have lost their telephone; and, to be
read only, who logged in and who did what.
"""

from typing import Any, cast

from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, ManyToManyField, Model, OuterRef, Q, QuerySet
from django.forms import ModelMultipleChoiceField
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.text import capfirst
from django_otp.plugins.otp_totp.models import TOTPDevice

from briefings.history import name_person
from cma_site.accounts import log_about
from cma_site.lockouts import unlock
from cma_site.models import ProviderAccount
from cma_site.second_factor import forget
from cma_site.sessions import end_sessions

ACTIONS = {"add": "新增", "change": "修改", "delete": "刪除", "view": "檢視"}
APPS_WITH_DESKS = ["briefings", "subscribers", "auth"]


class PermissionField(ModelMultipleChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        """The four that every model has, in Chinese; others are named where they are made."""
        action, _, model = obj.codename.partition("_")
        is_of_every_model = action in ACTIONS and model == obj.content_type.model
        what = obj.content_type.app_labeled_name.replace(" | ", "／")
        return f"{what}：{ACTIONS[action] if is_of_every_model else obj.name}"


class ChinesePermissions(admin.ModelAdmin):
    def formfield_for_manytomany(
        self, db_field: ManyToManyField, request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.remote_field.model is Permission:
            kwargs["form_class"] = PermissionField
            kwargs["queryset"] = Permission.objects.filter(
                Q(content_type__app_label__in=APPS_WITH_DESKS) | Q(codename="view_logentry")
            ).select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """As everywhere at the desk, deleting is one thing at a time."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Without the rows that only join two things: they have no names, in any language."""
        tree, counts, lacking, protected = super().get_deleted_objects(objs, request)
        joins = [relation.through._meta for relation in self._list_joins()]
        names = {capfirst(str(join.verbose_name)) for join in joins}
        kinds = {str(join.verbose_name_plural) for join in joins}
        counts = {kind: count for kind, count in counts.items() if str(kind) not in kinds}
        return leave_out(names, tree), counts, lacking, protected

    def _list_joins(self) -> list[Any]:
        """From both sides: a role's permissions, and whose role it is."""
        own = [field.remote_field for field in self.opts.many_to_many]
        return own + [one for one in self.opts.related_objects if one.many_to_many]


class PasswordForm(AdminPasswordChangeForm):
    # Django's ends with a sentence that can't be translated; its script looks for the id.
    usable_password_help_text = format_html(
        '{}<ul id="id_unusable_warning" class="messagelist"><li class="warning">{}</li></ul>',
        "停用後，這個帳戶不能以密碼登入。",
        "停用會刪去現有的密碼。",
    )


def leave_out(names: set[str], tree: list[Any]) -> list[Any]:
    """The tree of what will be deleted, without rows of these kinds."""
    return [
        leave_out(names, branch) if isinstance(branch, list) else branch
        for branch in tree
        if isinstance(branch, list) or str(branch).partition(":")[0] not in names
    ]


admin.site.unregister([User, Group])


@admin.register(User)
class AccountAdmin(ChinesePermissions, UserAdmin):
    change_password_form = PasswordForm
    list_display = ["username", "show_name", "email", "show_standing", "show_second_factor"]
    list_filter = ["is_staff", "is_superuser", "is_active", "groups"]
    search_help_text = "按用戶名稱、姓名或電郵尋找"
    readonly_fields = ["last_login", "date_joined"]  # what happened, not what somebody decides
    actions = ["unlock_accounts", "log_accounts_out", "reset_second_factor", "unlink_accounts"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        telephones = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
        users: QuerySet[User] = super().get_queryset(request)
        return users.annotate(has_telephone=Exists(telephones)).prefetch_related("groups")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Nothing tells of a provider where there is none."""
        actions = super().get_actions(request)
        if not settings.OIDC_ISSUER:
            actions.pop("unlink_accounts", None)
        return actions

    def has_superuser_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and request.user.is_superuser

    @admin.display(description="姓名")
    def show_name(self, user: User) -> str:
        return name_person(user) if user.get_full_name() else ""

    @admin.display(description="角色")
    def show_standing(self, user: User) -> str:
        if not user.is_active:
            return "已停用"
        if user.is_superuser:
            return "超級用戶"
        roles = "、".join(role.name for role in user.groups.all())
        return roles if user.is_staff else "不可進入編輯台"

    @admin.display(description="兩步驗證", ordering="has_telephone")
    def show_second_factor(self, user: Any) -> str:
        return "已設立" if user.has_telephone else "未設立"

    @admin.action(description="解除登入鎖定", permissions=["superuser"])
    def unlock_accounts(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        unlocked = [user for user in queryset if unlock(user)]
        self._note(request, unlocked, "解除了登入鎖定")
        names = "、".join(map(str, unlocked))
        self.message_user(request, f"已解除鎖定：{names}。" if names else "所選帳戶沒有被鎖定。")

    @admin.action(description="登出所有裝置", permissions=["superuser"])
    def log_accounts_out(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        users = list(queryset)
        self._note(request, users, "登出了所有裝置")
        count = sum(map(end_sessions, users))
        self.message_user(request, f"已登出 {len(users)} 個帳戶的 {count} 個裝置。")

    @admin.action(description="解除與機構帳戶的連結", permissions=["superuser"])
    def unlink_accounts(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Whoever comes next from the provider with the address is linked; those before must go."""
        unlinked = [
            user for user in queryset if ProviderAccount.objects.filter(user=user).delete()[0]
        ]
        for user in unlinked:
            end_sessions(user)
        self._note(request, unlinked, "解除了與機構帳戶的連結")
        names = "、".join(map(str, unlinked))
        self.message_user(request, f"已解除連結：{names}。" if names else "所選帳戶沒有連結。")

    @admin.action(description="重設兩步驗證", permissions=["superuser"])
    def reset_second_factor(
        self, request: HttpRequest, queryset: QuerySet[User]
    ) -> TemplateResponse | None:
        """Asks first. Their sessions end too: whoever has the telephone may be in one."""
        others = list(queryset.exclude(pk=cast(User, request.user).pk))
        if len(others) < queryset.count():
            advice = "自己的兩步驗證不能在這裏重設，請到「兩步驗證」頁，以驗證碼更換或關閉。"
            self.message_user(request, advice, messages.WARNING)
        if not others:
            return None
        if "confirmed" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": "重設兩步驗證",
                "users": others,
            }
            return TemplateResponse(request, "admin/auth/user/reset_second_factor.html", context)
        reset = [user for user in others if forget(user)]
        for user in reset:
            end_sessions(user)
        self._note(request, reset, "重設了兩步驗證")
        names = "、".join(map(str, reset))
        self.message_user(request, f"已重設：{names}。" if names else "所選帳戶未有設立兩步驗證。")
        return None

    def _note(self, request: HttpRequest, users: list[User], said: str) -> None:
        for user in users:
            log_about(user, by=cast(User, request.user), said=said)


@admin.register(Group)
class RoleAdmin(ChinesePermissions, GroupAdmin):  # type: ignore[misc]  # request is optional there
    pass


def may_view(request: HttpRequest, kind: ContentType) -> bool:
    return request.user.has_perm(f"{kind.app_label}.view_{kind.model}")


class Record(admin.ModelAdmin):
    """What happened; nobody adds to it or changes it, and only superusers read it."""

    actions = None
    list_per_page = 50

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return request.user.is_active and request.user.is_superuser

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False


class ListOnly(Record):
    """A row says all there is; these rows have no Chinese name to head a page with."""

    list_display_links = None

    def get_urls(self) -> list[URLPattern]:
        return [url for url in super().get_urls() if str(url.name).endswith("_changelist")]


@admin.register(AccessLog)
class LoginRecord(ListOnly):
    list_display = ["attempt_time", "username", "ip_address", "logout_time"]
    list_filter = ["attempt_time"]
    search_fields = ["username", "ip_address"]
    search_help_text = "在用戶名稱和網絡地址中尋找"


@admin.register(AccessAttempt)
class FailedLoginRecord(ListOnly):
    list_display = ["attempt_time", "username", "ip_address", "failures_since_start"]
    list_filter = ["attempt_time"]
    search_fields = ["username", "ip_address"]
    search_help_text = "在用戶名稱和網絡地址中尋找"


@admin.register(LogEntry)
class WorkRecord(Record):
    """For superusers, and for whom they give the permission: no role has it."""

    list_display = ["action_time", "user", "show_kind", "show_thing", "show_said"]
    list_filter = [
        "action_time",
        ("user", admin.RelatedOnlyFieldListFilter),
        ("content_type", admin.RelatedOnlyFieldListFilter),
        "action_flag",
    ]
    date_hierarchy = "action_time"
    list_select_related = ["user", "content_type"]
    search_fields = ["object_repr", "change_message", "user__username"]
    search_help_text = "在名稱和所做的事中尋找"
    fields = ["action_time", "user", "show_kind", "show_thing", "show_said"]

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return request.user.has_perm("admin.view_logentry")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LogEntry]:
        """What is done to things that the reader may not see is left out altogether: a line names
        its thing, and a member goes by an address.
        """
        lines: QuerySet[LogEntry] = super().get_queryset(request)
        kinds = ContentType.objects.filter(logentry__isnull=False).distinct()
        seen = [kind.pk for kind in kinds if may_view(request, kind)]
        return lines.filter(Q(content_type__in=seen) | Q(content_type=None))

    @admin.display(description="動作")
    def show_kind(self, entry: LogEntry) -> str:
        return {ADDITION: "新增", CHANGE: "修改"}.get(entry.action_flag, "刪除")

    @admin.display(description="對象")
    def show_thing(self, entry: LogEntry) -> str:
        kind = entry.content_type.name if entry.content_type else ""
        return f"{kind}「{entry.object_repr}」"

    @admin.display(description="所做的事")
    def show_said(self, entry: LogEntry) -> str:
        return entry.get_change_message()
