from pathlib import Path

from django.db import migrations

SQL = (Path(__file__).resolve().parent.parent / "sql" / "store_tap_v1.sql").read_text(encoding="utf-8")

REVERSE = """
drop function acceptance_store_tap_v1(
    text, bigint, bytea, bigint, text, text, timestamptz, timestamptz, text, text, bytea, bytea);
"""


class Migration(migrations.Migration):
    dependencies = [("acceptance", "0001_initial")]
    operations = [migrations.RunSQL(SQL, REVERSE)]
