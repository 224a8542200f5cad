"""The four roles, as groups. What an administrator adds to them later stays."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

WRITER = {
    "briefings": [
        *("view_entry", "view_edition", "view_theme", "view_author", "view_glossaryterm"),
        *("view_picture", "add_picture", "add_author", "write_entry"),
    ],
}
EDITOR = {
    "briefings": [
        *WRITER["briefings"],
        *("add_entry", "change_entry", "delete_entry", "approve_entry"),
        *("add_edition", "change_edition", "delete_edition"),
        *("add_theme", "change_theme", "delete_theme"),
        *("change_author", "delete_author"),
        *("add_glossaryterm", "change_glossaryterm", "delete_glossaryterm"),
        *("change_picture", "delete_picture"),
        *("view_importbatch", "add_importbatch", "change_importbatch", "delete_importbatch"),
        *("view_searchmiss", "view_imprint"),
    ],
}
PUBLISHER = {
    "briefings": [
        *EDITOR["briefings"],
        *("publish_edition", "correct_entry"),
        *("change_imprint", "view_publication", "change_publication"),
    ],
    # How many get it, and how many got it; never who.
    "subscribers": ["add_mailing", "view_mailing"],
}
MEMBER_MANAGER = {
    "briefings": ["view_edition", "view_theme"],
    "subscribers": [
        *("view_member", "add_member", "change_member", "delete_member"),
        *("view_mailing", "add_mailing", "view_delivery", "change_delivery"),
    ],
}
ROLES = {"撰稿人": WRITER, "編輯": EDITOR, "出版人": PUBLISHER, "會員管理員": MEMBER_MANAGER}


def make_roles(apps, schema_editor):
    make_permissions(apps, schema_editor.connection.alias)
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    for name, allowed in ROLES.items():
        role, _ = Group.objects.get_or_create(name=name)
        for app, codenames in allowed.items():
            found = Permission.objects.filter(content_type__app_label=app, codename__in=codenames)
            if missing := set(codenames) - set(found.values_list("codename", flat=True)):
                raise LookupError(f"{app} has no permission {', '.join(sorted(missing))}")
            role.permissions.add(*found)


def make_permissions(apps, database):
    """As Django makes them, but now: it does so after all migrations, too late for the roles."""
    for label in ("briefings", "subscribers"):
        app = apps.get_app_config(label)
        kept = getattr(app, "models_module", None)
        app.models_module = True  # or Django would think that an app of the past has no models
        create_permissions(app, using=database, apps=apps, verbosity=0)
        app.models_module = kept


def remove_roles(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name__in=ROLES).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("briefings", "0007_workflow"),
        ("subscribers", "0003_asking_and_chosen_themes"),
    ]
    operations = [migrations.RunPython(make_roles, remove_roles)]
