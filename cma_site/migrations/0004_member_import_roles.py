"""Who manages members brings them in from lists, takes them out, and keeps filters of them."""

from importlib import import_module

from django.db import migrations

roles = import_module("cma_site.migrations.0001_roles")

MEMBERS = (
    *("add_memberimport", "view_memberimport", "export_member"),
    *("view_savedfilter", "add_savedfilter", "change_savedfilter", "delete_savedfilter"),
)
ROLES = {"會員管理員": {"subscribers": MEMBERS}}


def find_roles(apps):
    """Those that are still there: an administrator may have deleted one."""
    return apps.get_model("auth", "Group").objects.filter(name__in=ROLES)


def find_permissions(apps):
    Permission = apps.get_model("auth", "Permission")
    return Permission.objects.filter(content_type__app_label="subscribers", codename__in=MEMBERS)


def allow_lists(apps, schema_editor):
    roles.make_permissions(apps, schema_editor.connection.alias)
    for role in find_roles(apps):
        role.permissions.add(*find_permissions(apps))


def refuse_lists(apps, schema_editor):
    for role in find_roles(apps):
        role.permissions.remove(*find_permissions(apps))


class Migration(migrations.Migration):
    dependencies = [("cma_site", "0003_phrase_roles"), ("subscribers", "0008_member_imports")]
    operations = [migrations.RunPython(allow_lists, refuse_lists)]
