from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("briefings", "0004_publish_permission")]

    operations = [
        migrations.AlterModelOptions(
            name="edition",
            options={
                "ordering": ["-date", "-number", "-pk"],
                "permissions": [("publish_edition", "可以出版和撤回一期")],
                "verbose_name": "一期",
                "verbose_name_plural": "各期",
            },
        ),
        migrations.AlterField(
            "edition",
            "number",
            models.PositiveIntegerField(
                "期號",
                null=True,
                blank=True,
                unique=True,
                error_messages={"unique": "已有這個期號。"},
            ),
        ),
    ]
