from pathlib import Path

from django.db import migrations

SQL = (Path(__file__).resolve().parent.parent / "sql" / "approvals_v1.sql").read_text(encoding="utf-8")
BACK = "drop trigger approvals_unchanged on approvals_request; drop function approvals_refuse_change();"


class Migration(migrations.Migration):
    dependencies = [("approvals", "0001_initial")]
    operations = [migrations.RunSQL(SQL, BACK)]
