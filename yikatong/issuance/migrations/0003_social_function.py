from pathlib import Path

from django.db import migrations

SQL = (Path(__file__).resolve().parent.parent / "sql" / "social_function_v1.sql").read_text(encoding="utf-8")

REVERSE = """
drop trigger issuance_social_function_removed on issuance_social_function;
drop trigger issuance_social_function_card on issuance_social_function;
drop trigger issuance_card_social on issuance_card;
drop function issuance_check_social_removed_v1();
drop function issuance_check_social_v1();
drop sequence issuance_card_serial;
"""


class Migration(migrations.Migration):
    dependencies = [("issuance", "0002_authorities")]
    operations = [migrations.RunSQL(SQL, REVERSE)]
