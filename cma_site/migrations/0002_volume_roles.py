"""Who edits makes bound volumes too; who publishes may also make one public."""

from importlib import import_module

from django.db import migrations

roles = import_module("cma_site.migrations.0001_roles")

VOLUMES = ("view_volume", "add_volume", "change_volume", "delete_volume")
ROLES = {"編輯": {"briefings": VOLUMES}, "出版人": {"briefings": VOLUMES}}


def find_roles(apps):
    """Those that are still there: an administrator may have deleted one."""
    return apps.get_model("auth", "Group").objects.filter(name__in=ROLES)


def find_permissions(apps):
    Permission = apps.get_model("auth", "Permission")
    return Permission.objects.filter(content_type__app_label="briefings", codename__in=VOLUMES)


def allow_volumes(apps, schema_editor):
    roles.make_permissions(apps, schema_editor.connection.alias)
    for role in find_roles(apps):
        role.permissions.add(*find_permissions(apps))


def refuse_volumes(apps, schema_editor):
    for role in find_roles(apps):
        role.permissions.remove(*find_permissions(apps))


class Migration(migrations.Migration):
    dependencies = [("cma_site", "0001_roles"), ("briefings", "0012_printing")]
    operations = [migrations.RunPython(allow_volumes, refuse_volumes)]
