from django.db import migrations

FORBID = """
create function supervision_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'what an applicant was offered is append-only: % of supervision_bank_offer is refused', lower(tg_op);
end $$;
create trigger supervision_offers_append_only before update or delete on supervision_bank_offer
    for each row execute function supervision_refuse_change();
"""

ALLOW = """
drop trigger supervision_offers_append_only on supervision_bank_offer;
drop function supervision_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("supervision", "0001_initial")]
    operations = [migrations.RunSQL(FORBID, ALLOW)]
