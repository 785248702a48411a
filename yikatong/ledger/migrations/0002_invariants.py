from pathlib import Path

from django.db import migrations

SQL = (Path(__file__).resolve().parent.parent / "sql" / "ledger_v1.sql").read_text(encoding="utf-8")

REVERSE = """
drop trigger ledger_posting_not_truncated on ledger_posting;
drop trigger ledger_transfer_not_truncated on ledger_transfer;
drop trigger ledger_posting_append_only on ledger_posting;
drop trigger ledger_transfer_append_only on ledger_transfer;
drop function ledger_refuse_change();
drop trigger ledger_posting_balanced on ledger_posting;
drop trigger ledger_transfer_balanced on ledger_transfer;
drop function ledger_check_balanced();
drop function ledger_post_v1(uuid, text, date, text, jsonb, timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunSQL(SQL, REVERSE)]
