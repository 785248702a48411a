"""Taking over the cards people held before the exchange, as the imported register tells of them.

Set-based: a million persons take seconds. Safe to repeat; persons who have any card here are left alone. Where the register
gives two persons one card number, the first of them keeps it and the other has no older card here.
"""

from datetime import datetime

from django.db import connection, transaction

_ADOPT = """
with fresh as (
    insert into issuance_card (person_id, generation, card_number, identification_code, bank_code, outlet_id,
        certificate_serial_hex, state, social_state, is_financially_active, collected_at, activated_at)
    select distinct on (p.older_card_number)
        p.person_id, p.older_card_generation, p.older_card_number, '', '', '', '', 'collected', 'active', false,
        %(at)s, %(at)s
    from registry_person p
    where p.older_card_generation is not null and p.older_card_number <> ''
        and not exists (select from issuance_card c where c.person_id = p.person_id)
        and not exists (select from issuance_card_directory d where d.key = 'number:' || p.older_card_number)
    order by p.older_card_number, p.person_id
    returning card_id, person_id, card_number
), numbered as (
    insert into issuance_card_directory (key, card_id)
    select 'number:' || card_number, card_id from fresh
    returning card_id
)
insert into issuance_social_function (person_id, card_id, since) select person_id, card_id, %(at)s from fresh
"""


def adopt_older_cards(*, at: datetime) -> int:
    """Give every imported person their older card, active; how many were adopted."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ADOPT, {"at": at})
        return int(cursor.rowcount)
