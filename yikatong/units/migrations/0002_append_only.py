from django.db import migrations

FORBID = """
create function units_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'what a unit decided is append-only: % of % is refused', lower(tg_op), tg_table_name;
end $$;
create trigger units_enrolment_append_only before update or delete on units_enrolment
    for each row execute function units_refuse_change();
"""

ALLOW = """
drop trigger units_enrolment_append_only on units_enrolment;
drop function units_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("units", "0001_initial")]
    operations = [migrations.RunSQL(FORBID, ALLOW)]
