"""Accounts in the editors' language: Django stores the names of permissions in English."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import ManyToManyField
from django.forms import ModelMultipleChoiceField
from django.http import HttpRequest

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
                content_type__app_label__in=APPS_WITH_DESKS
            ).select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **kwargs)


admin.site.unregister([User, Group])


@admin.register(User)
class AccountAdmin(ChinesePermissions, UserAdmin):
    pass


@admin.register(Group)
class RoleAdmin(ChinesePermissions, GroupAdmin):  # type: ignore[misc]  # request is optional there
    pass
