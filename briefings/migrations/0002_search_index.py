from django.db import migrations


class Migration(migrations.Migration):
    """Made the tables of an older search index; 0015 makes the present one's."""

    dependencies = [("briefings", "0001_initial")]
    operations = []
