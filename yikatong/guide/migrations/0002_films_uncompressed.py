"""Films are compressed already; stored as they are, a part of one can be read without the rest."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("guide", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "alter table guide_video alter column media set storage external",
            "alter table guide_video alter column media set storage extended",
        )
    ]
