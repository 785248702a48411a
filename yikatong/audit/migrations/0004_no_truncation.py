from django.db import migrations

FORBID = """
create trigger audit_no_truncation before truncate on audit_event
    for each statement execute function audit_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_time_actor_action")]
    operations = [migrations.RunSQL(FORBID, "drop trigger audit_no_truncation on audit_event")]
