from django.db import migrations, models
from django.db.models import F


def take_over_text(apps, schema_editor):
    """What was counted by its folded text is shown by it too, until it is looked for again."""
    apps.get_model("briefings", "SearchMiss").objects.update(text=F("folded"))


class Migration(migrations.Migration):
    dependencies = [("briefings", "0008_drafts")]

    operations = [
        migrations.RenameField("searchmiss", "text", "folded"),
        migrations.AlterField(
            "searchmiss",
            "folded",
            models.CharField(editable=False, max_length=60, unique=True),
        ),
        migrations.AddField(
            "searchmiss",
            "text",
            models.CharField(default="", max_length=60, verbose_name="搜尋字詞"),
            preserve_default=False,
        ),
        migrations.RunPython(take_over_text, migrations.RunPython.noop),
    ]
