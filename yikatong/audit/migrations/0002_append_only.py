from django.db import migrations

FORBID = """
create function audit_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the audit trail is append-only: % of audit_event is refused', lower(tg_op);
end $$;
create trigger audit_append_only before update or delete on audit_event
    for each row execute function audit_refuse_change();
"""

ALLOW = """
drop trigger audit_append_only on audit_event;
drop function audit_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunSQL(FORBID, ALLOW)]
