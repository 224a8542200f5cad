from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("subscribers", "0016_pdf_attached"),
    ]

    operations = [
        migrations.AddField(
            model_name="joiningrequest",
            name="script",
            field=models.CharField(
                choices=[("hant", "繁體"), ("hans", "簡體")], default="hant", max_length=4
            ),
        ),
        migrations.AddField(
            model_name="joiningrequest",
            name="notice_language",
            field=models.CharField(
                choices=[("both", "中英對照"), ("zh", "中文"), ("en", "英文")],
                default="both",
                max_length=4,
            ),
        ),
        migrations.AddField(
            model_name="joiningrequest",
            name="consent_wording",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
    ]
