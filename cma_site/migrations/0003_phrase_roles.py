"""Who edits says which phrases readers are shown the way to."""

from importlib import import_module

from django.db import migrations

roles = import_module("cma_site.migrations.0001_roles")

PHRASES = (
    *("view_pinnedphrase", "add_pinnedphrase"),
    *("change_pinnedphrase", "delete_pinnedphrase"),
)
ROLES = {"編輯": {"briefings": PHRASES}, "出版人": {"briefings": PHRASES}}


def find_roles(apps):
    """Those that are still there: an administrator may have deleted one."""
    return apps.get_model("auth", "Group").objects.filter(name__in=ROLES)


def find_permissions(apps):
    Permission = apps.get_model("auth", "Permission")
    return Permission.objects.filter(content_type__app_label="briefings", codename__in=PHRASES)


def allow_phrases(apps, schema_editor):
    roles.make_permissions(apps, schema_editor.connection.alias)
    for role in find_roles(apps):
        role.permissions.add(*find_permissions(apps))


def refuse_phrases(apps, schema_editor):
    for role in find_roles(apps):
        role.permissions.remove(*find_permissions(apps))


class Migration(migrations.Migration):
    dependencies = [("cma_site", "0002_volume_roles"), ("briefings", "0013_phrases")]
    operations = [migrations.RunPython(allow_phrases, refuse_phrases)]
