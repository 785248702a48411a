from django.db import migrations

FORBID = """
create function consent_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'what a person agreed to is append-only: % of consent_entry is refused', lower(tg_op);
end $$;
create trigger consent_append_only before update or delete on consent_entry
    for each row execute function consent_refuse_change();
"""

ALLOW = """
drop trigger consent_append_only on consent_entry;
drop function consent_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("consent", "0001_initial")]
    operations = [migrations.RunSQL(FORBID, ALLOW)]
