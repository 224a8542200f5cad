import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("subscribers", "0015_mail_schedules"),
    ]

    operations = [
        migrations.AddField(
            model_name="member",
            name="wants_pdf",
            field=models.BooleanField(
                default=False,
                help_text="只在每期的郵件；每週、每月摘要只附連結。",
                verbose_name="附上PDF",
            ),
        ),
        migrations.AddField(
            model_name="digest",
            name="with_pdf",
            field=models.BooleanField(default=False),
        ),
        migrations.CreateModel(
            name="AttachedPDF",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "等候製作"),
                            ("attached", "已附上"),
                            ("too_big", "太大，只附連結"),
                            ("failed", "未能製成，只附連結"),
                        ],
                        default="waiting",
                        max_length=20,
                        verbose_name="狀態",
                    ),
                ),
                ("filename", models.CharField(max_length=40, verbose_name="檔名")),
                ("written", models.TextField(blank=True)),
                ("tried_at", models.DateTimeField(null=True, verbose_name="開始製作")),
                ("reason", models.TextField(blank=True, verbose_name="原因")),
                ("name", models.CharField(blank=True, max_length=200)),
                ("sha256", models.CharField(blank=True, max_length=64)),
                ("size", models.PositiveIntegerField(default=0, verbose_name="大小")),
                (
                    "mailing",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attached_pdf",
                        to="subscribers.mailing",
                        verbose_name="發送",
                    ),
                ),
            ],
            options={
                "verbose_name": "附上的PDF",
                "verbose_name_plural": "附上的PDF",
                "default_permissions": (),
            },
        ),
    ]
