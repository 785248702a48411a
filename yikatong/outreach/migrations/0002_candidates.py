from pathlib import Path

from django.db import migrations

SQL = (Path(__file__).resolve().parent.parent / "sql" / "candidates_v1.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("outreach", "0001_initial"), ("registry", "0001_initial")]
    operations = [migrations.RunSQL(SQL, "drop index outreach_candidates;")]
