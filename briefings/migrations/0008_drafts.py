import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("briefings", "0007_workflow"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SharedDraft",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("made_at", models.DateTimeField(auto_now_add=True, verbose_name="分享時間")),
                ("expires_at", models.DateTimeField(verbose_name="有效至")),
                (
                    "entry",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="shared_drafts",
                        to="briefings.entry",
                        verbose_name="短評",
                    ),
                ),
                (
                    "edition",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="shared_drafts",
                        to="briefings.edition",
                        verbose_name="期",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="分享者",
                    ),
                ),
            ],
            options={
                "verbose_name": "草稿連結",
                "verbose_name_plural": "草稿連結",
                "ordering": ["-made_at", "-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("edition", None), ("entry__isnull", False)),
                            models.Q(("edition__isnull", False), ("entry", None)),
                            _connector="OR",
                        ),
                        name="shared_draft_of_one_thing",
                    )
                ],
            },
        ),
        migrations.RemoveConstraint(model_name="autosave", name="one_autosave"),
        migrations.RemoveConstraint(model_name="autosave", name="one_autosave_of_a_new_entry"),
        migrations.AlterField(
            model_name="autosave",
            name="entry",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="autosaves",
                to="briefings.entry",
                verbose_name="短評",
            ),
        ),
        migrations.AlterField(
            model_name="autosave",
            name="form_id",
            field=models.CharField(max_length=40, verbose_name="表格編號"),
        ),
        migrations.AddConstraint(
            model_name="autosave",
            constraint=models.UniqueConstraint(
                fields=("user", "form_id"), name="one_autosave_a_form"
            ),
        ),
    ]
