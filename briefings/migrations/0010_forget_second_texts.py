from django.db import migrations


def forget_second_texts(apps, schema_editor):
    """Of editions imported twice at once the first is the one that the text is known by."""
    known = set()
    imported = apps.get_model("briefings", "Edition").objects.exclude(source_hash="")
    for edition in imported.order_by("pk").only("source_hash").iterator():
        if edition.source_hash in known:
            imported.filter(pk=edition.pk).update(source_hash="")
        known.add(edition.source_hash)


class Migration(migrations.Migration):
    dependencies = [("briefings", "0009_style")]

    operations = [migrations.RunPython(forget_second_texts, migrations.RunPython.noop)]
