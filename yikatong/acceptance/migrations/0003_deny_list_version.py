from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql"
STORE_TAP = (SQL / "store_tap_v1.sql").read_text(encoding="utf-8")
NUMBER = (SQL / "deny_list_version_v1.sql").read_text(encoding="utf-8")

NUMBER_EXISTING = """
update acceptance_deny_entry set listed_version = nextval('acceptance_deny_list_version');
"""

REVERSE = """
drop trigger acceptance_number_deny_change on acceptance_deny_entry;
drop function acceptance_number_deny_change_v1();
drop sequence acceptance_deny_list_version;
"""


class Migration(migrations.Migration):
    dependencies = [("acceptance", "0002_store_tap")]
    operations = [
        migrations.RenameField("DenyEntry", "version", "entry_id"),
        migrations.RemoveField("DenyEntry", "lifted_version"),
        migrations.AddField("DenyEntry", "listed_version", models.BigIntegerField(editable=False, null=True)),
        migrations.AddIndex("DenyEntry", models.Index(fields=["listed_version"], name="acceptance_deny_listed")),
        migrations.RunSQL(NUMBER, REVERSE),
        migrations.RunSQL(NUMBER_EXISTING, migrations.RunSQL.noop),
        # in place of the first edition, which let a conflicting tap use up a code
        migrations.RunSQL(STORE_TAP, migrations.RunSQL.noop),
    ]
