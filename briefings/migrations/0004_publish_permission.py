from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("briefings", "0003_publication_and_imprint")]

    operations = [
        migrations.AlterModelOptions(
            name="edition",
            options={
                "ordering": ["-date", "-number", "-pk"],
                "permissions": [("publish_edition", "可以出版和撤回一期")],
                "verbose_name": "期",
                "verbose_name_plural": "各期",
            },
        ),
    ]
