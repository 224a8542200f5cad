from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("briefings", "0006_desk")]

    operations = [
        migrations.AddField(
            model_name="edition",
            name="schedule_note",
            field=models.TextField(blank=True, editable=False, verbose_name="排程的結果"),
        ),
    ]
