from django.db import migrations

TAKE = """
create function transit_take_tap_v1() returns trigger language plpgsql as $$
begin
    insert into transit_pending_tap (card_id, terminal_id, sequence, kind, station, at)
        values (new.card_id, new.terminal_id, new.sequence, new.kind, new.station, new.at);
    return null;
end $$;
create trigger transit_take_tap after insert on acceptance_tap
    for each row when (new.outcome = 'accepted' and new.kind in ('entry', 'exit'))
    execute function transit_take_tap_v1();
"""

LEAVE = """
drop trigger transit_take_tap on acceptance_tap;
drop function transit_take_tap_v1();
"""


class Migration(migrations.Migration):
    dependencies = [("transit", "0001_initial"), ("acceptance", "0002_store_tap")]
    operations = [migrations.RunSQL(TAKE, LEAVE)]
