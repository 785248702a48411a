from pathlib import Path

from django.db import migrations

SQL = (Path(__file__).resolve().parent.parent / "sql" / "appointments_v1.sql").read_text(encoding="utf-8")

REVERSE = """
drop function campaign_book_v1(bigint, uuid, text, date, text, text, text, timestamptz, integer);
drop function campaign_end_v1(bigint, uuid, text, text, timestamptz, integer);
drop function campaign_release_v1(bigint, uuid, text, timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [("campaign", "0002_appointments"), ("audit", "0002_append_only")]
    operations = [migrations.RunSQL(SQL, REVERSE)]
