from django.db import migrations

from briefings.search.index import open_backend


def create_table(apps, schema_editor):
    """Of whatever shape the present code wants: what it holds can be made again at any time."""
    open_backend(schema_editor.connection).create_table()


def drop_table(apps, schema_editor):
    open_backend(schema_editor.connection).drop_table()


class Migration(migrations.Migration):
    dependencies = [("briefings", "0001_initial")]
    operations = [migrations.RunPython(create_table, drop_table)]
