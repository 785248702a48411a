from django.db import migrations

FORBID = """
create trigger audit_no_truncation before truncate on audit_event
    for each statement execute function audit_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only")]
    operations = [migrations.RunSQL(FORBID, "drop trigger audit_no_truncation on audit_event")]
