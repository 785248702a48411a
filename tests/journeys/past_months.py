"""A past for the figures of fair participation: who saw which list, chose which bank and got the card, over two whole months.

Written straight into a demo's tables, because its services rightly refuse to act in the past. Everybody takes part once and
chooses by taste, whatever the position.
"""

from datetime import date, timedelta

from tests.stack import Stack

FILL = """
with person as (
    select person_id, row_number() over (order by person_id) as nth, %s::date + (person_id %% %s::int)::int as day
    from registry_person
), list as (
    select p.*, array(
        select b.code from banks_bank b order by md5(b.code || ':' || p.person_id)
        limit case when p.nth %% 5 = 0 then 3 else 16 end
    ) as banks
    from person p
), choice as (
    select l.*, (
        select code from unnest(l.banks) as listed (code)
        order by (40 + ascii(md5(code || 'taste'))) * ascii(md5(code || 'mood' || l.person_id)) desc,
            md5(code || 'tie' || l.person_id) limit 1
    ) as bank, (l.day + time '10:00') at time zone 'Asia/Shanghai' as at
    from list l
), offered as (
    insert into supervision_bank_offer (person_id, day, bank_codes, channel, offered_at)
    select person_id, day, banks, 'web', at from choice
    on conflict do nothing
), applied as (
    insert into applications_application (
        person_id, application_id, kind, channel, bank_code, collection, outlet_id, organisation_code, state, refusal_reason,
        content_digest, submitted_at, state_since
    )
    select person_id, md5(person_id::text)::uuid, 'first', 'web', bank, 'outlet', '', '',
        case when nth %% 9 = 0 then 'cancelled' else 'collected' end, '', '', at + interval '5 minutes',
        at + (6 + nth %% 11) * interval '1 day'
    from choice where nth %% 4 > 0 and person_id not in (select person_id from applications_application)
    on conflict do nothing
    returning person_id, application_id, bank_code, submitted_at, state
)
insert into issuance_production_order (person_id, order_id, bank_code, state, ordered_at, made_at)
select person_id, application_id, bank_code, 'made', submitted_at, submitted_at + (2 + person_id %% 8) * interval '1 day'
from applied where state = 'collected'
returning 1
"""


def fill_past_months(stack: Stack, today: date) -> str:
    """Fill the two months before this one, compute their figures, and name the last of them (``2026-10``)."""
    last = today.replace(day=1) - timedelta(days=1)
    first = (last.replace(day=1) - timedelta(days=1)).replace(day=1)
    stack.query(FILL, first, (last - first).days + 1)
    stack.command("supervision", "figures")
    return f"{last:%Y-%m}"
