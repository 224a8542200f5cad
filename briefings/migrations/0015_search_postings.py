from django.db import migrations, models

from briefings.changes import mark_change
from briefings.html import to_text
from briefings.search.index import open_backend

CHUNK_SIZE = 500


def drop_old_index(apps, schema_editor):
    """Of whatever shape: it was no table of a model, and its database's own kind of index."""
    schema_editor.execute("DROP TABLE IF EXISTS briefings_search")


def take_in_entries(apps, schema_editor):
    """All of them into the tail; the schedule brings them into segments."""
    indexed_text = apps.get_model("briefings", "IndexedText")
    rows = apps.get_model("briefings", "Entry").objects.order_by("pk")
    chunk = []
    texts = rows.values_list("pk", "headline", "lead", "body").iterator(CHUNK_SIZE)
    for pk, headline, lead, body in texts:
        words = {"headline": headline, "lead": lead, "body": to_text(body)}
        chunk.append(indexed_text(entry_id=pk, revision=0, **words))
        if len(chunk) == CHUNK_SIZE:
            indexed_text.objects.bulk_create(chunk)
            chunk = []
    indexed_text.objects.bulk_create(chunk)
    mark_change("texts")


def prepare(apps, schema_editor):
    open_backend(schema_editor.connection).prepare()


class Migration(migrations.Migration):
    dependencies = [("briefings", "0014_reading")]

    operations = [
        migrations.RunPython(drop_old_index, migrations.RunPython.noop),
        migrations.CreateModel(
            "ChangeMark",
            [
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("texts", "Texts"),
                            ("catalogue", "Catalogue"),
                            ("pages", "Pages"),
                        ],
                        max_length=10,
                    ),
                ),
                ("mark", models.BigIntegerField()),
            ],
            options={"default_permissions": ()},
        ),
        migrations.CreateModel(
            "IndexedText",
            [
                ("entry_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("headline", models.TextField()),
                ("lead", models.TextField()),
                ("body", models.TextField()),
                ("segment_id", models.BigIntegerField(null=True)),
                ("revision", models.BigIntegerField()),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["segment_id"], name="texts_of_segment")],
            },
        ),
        migrations.CreateModel(
            "Segment",
            [
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("first_block", models.BigIntegerField()),
                ("blocks", models.BigIntegerField()),
                ("entry_ids", models.BinaryField()),
                ("block_counts", models.BinaryField()),
                ("page_keys", models.BinaryField()),
                ("scheme", models.CharField(max_length=40)),
                ("checksum", models.BigIntegerField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("being_made", "Being Made"),
                            ("live", "Live"),
                            ("retired", "Retired"),
                        ],
                        max_length=10,
                    ),
                ),
                ("changed_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("state",),
                        condition=models.Q(("state", "being_made")),
                        name="one_segment_in_the_making",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            "SegmentPosting",
            [
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "segment_id",
                        "token",
                        "written",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("segment_id", models.BigIntegerField()),
                ("token", models.BigIntegerField()),
                ("written", models.BigIntegerField()),
                ("positions", models.BinaryField()),
            ],
            options={"default_permissions": ()},
        ),
        migrations.RunPython(prepare, migrations.RunPython.noop),
        migrations.RunPython(take_in_entries, migrations.RunPython.noop),
    ]
