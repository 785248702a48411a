"""Taking over the cards people held before the exchange, as the imported register tells of them.

Set-based and in batches of persons, each its own transaction: a million persons take about a minute, a killed run goes on
where it stopped. Safe to repeat. It does not decide who is right when two persons are said to hold the same number: the
first person gets the card, the other is left for ``selectors.older_cards_in_doubt`` to show.
"""

from datetime import datetime

from django.db import connection, transaction

from yikatong.audit.actors import Actor
from yikatong.audit.services import record

BATCH_PERSONS = 20_000
SELF = Actor.system("issuance")

_LOCK = """
select p.person_id from registry_person p
where p.person_id > %(after)s and p.person_id <= %(upto)s and p.older_card_generation is not null
    and not exists (select from issuance_card c where c.person_id = p.person_id and c.generation < 3)
order by p.person_id for update of p
"""

# Left alone: who has an older card here already, and who has activated a newer one, which ended whatever was before it.
_ADOPT = """
with candidate as (
    select distinct on (p.older_card_number) p.person_id, p.older_card_generation, p.older_card_number
    from registry_person p
    where p.person_id > %(after)s and p.person_id <= %(upto)s
        and p.older_card_generation is not null and p.older_card_number <> ''
        and not exists (select from issuance_card c where c.person_id = p.person_id
            and (c.generation < 3 or c.activated_at is not null))
        and not exists (select from issuance_card_directory d where d.key = 'number:' || p.older_card_number)
    order by p.older_card_number, p.person_id
), fresh as (
    insert into issuance_card (person_id, generation, card_number, identification_code, bank_code, outlet_id,
        certificate_serial_hex, state, social_state, is_financially_active, collected_at, activated_at)
    select person_id, older_card_generation, older_card_number, '', '', '', '', 'collected', 'active', false,
        %(at)s, %(at)s
    from candidate
    returning card_id, person_id, card_number
), numbered as (
    insert into issuance_card_directory (key, card_id) select 'number:' || card_number, card_id from fresh
)
insert into issuance_social_function (person_id, card_id, since) select person_id, card_id, %(at)s from fresh
"""


def adopt_older_cards(*, at: datetime) -> int:
    """Give every imported person their older card, active; how many were adopted.

    ``at`` becomes the date of collection and activation: the register does not tell the true ones.
    """
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(min(person_id), 1) - 1, coalesce(max(person_id), 0) from registry_person")
        first, last = cursor.fetchone()
    return sum(_adopt(after, after + BATCH_PERSONS, at) for after in range(first, last, BATCH_PERSONS))


def _adopt(after: int, upto: int, at: datetime) -> int:
    """One batch: persons above ``after`` up to ``upto``. Their locks keep commands on their cards waiting meanwhile."""
    bounds = {"after": after, "upto": upto}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK, bounds)
        cursor.execute(_ADOPT, bounds | {"at": at})
        count = int(cursor.rowcount)
        if count:
            record("card.older_adopted", subject=f"persons:{after + 1}-{upto}", by=SELF, at=at, cards=count)
    return count
