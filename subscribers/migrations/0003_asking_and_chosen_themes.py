import django.db.models.deletion
from django.db import migrations, models

import subscribers.addresses


class Migration(migrations.Migration):
    dependencies = [
        ("briefings", "0001_initial"),
        ("subscribers", "0002_name_by_one_word"),
    ]

    operations = [
        # The table stays as it is, rows and all; only now it has a model.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="ChosenTheme",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "member",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="chosen_themes",
                                to="subscribers.member",
                            ),
                        ),
                        (
                            "theme",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="briefings.theme",
                                verbose_name="政策主題",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "會員所選主題",
                        "verbose_name_plural": "會員所選主題",
                        "db_table": "subscribers_member_themes",
                        "default_permissions": (),
                        "unique_together": {("member", "theme")},
                    },
                ),
                migrations.AlterField(
                    model_name="member",
                    name="themes",
                    field=models.ManyToManyField(
                        blank=True,
                        help_text="留空即全部。",
                        related_name="members",
                        through="subscribers.ChosenTheme",
                        to="briefings.theme",
                        verbose_name="政策主題",
                    ),
                ),
            ],
        ),
        migrations.AlterField(
            model_name="member",
            name="email",
            field=models.EmailField(
                max_length=254,
                validators=[subscribers.addresses.validate_address],
                verbose_name="電郵",
            ),
        ),
        migrations.AddField(
            model_name="member",
            name="asked_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="要求確認信時間"
            ),
        ),
        migrations.AddField(
            model_name="member",
            name="confirmation_due_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
