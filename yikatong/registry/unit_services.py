"""What employers and schools change in the register: what they chose, and who belongs to them.

Called inside the unit's own transaction, which writes the audit row. Whether a unit may do so is decided above: see ``units``.
Memberships recorded here are not taken back by a later import (``from_import`` is false).
"""

from collections.abc import Sequence
from datetime import date

from django.db import connection

from yikatong.foundation.errors import Refused
from yikatong.registry.models import Organisation
from yikatong.registry.reasons import Reason

_TAKE_IN = """
insert into registry_membership as m (person_id, organisation_code, since, until, from_import)
select person_id, %(code)s, %(day)s, null, false from unnest(%(persons)s::bigint[]) as taken (person_id)
on conflict (person_id, organisation_code) do update
set since = case when m.until is null or m.until >= %(day)s then m.since else excluded.since end,
    until = null, from_import = false
where m.from_import or m.until is not null
"""
_END = """
update registry_membership set until = %(last)s, from_import = false
where organisation_code = %(code)s and person_id = any(%(persons)s::bigint[]) and (until is null or until > %(last)s)
"""


def lock_organisation(credit_code: str) -> Organisation:
    """Take the one lock of a unit for the rest of the transaction. Raises ``Refused`` (``ORGANISATION_UNKNOWN``)."""
    organisation = Organisation.objects.select_for_update().filter(credit_code=credit_code).first()
    if organisation is None:
        raise Refused(Reason.ORGANISATION_UNKNOWN, "登记簿中没有这个单位")
    return organisation


def record_unit_choice(
    credit_code: str, *, bank_codes: Sequence[str], is_enrolled_as_whole: bool, collects_for_members: bool
) -> Organisation:
    """Write what a unit chose, inside the caller's transaction. Raises ``Refused`` (``ORGANISATION_UNKNOWN``)."""
    organisation = lock_organisation(credit_code)
    organisation.bank_codes = list(bank_codes)
    organisation.is_enrolled_as_whole = is_enrolled_as_whole
    organisation.collects_for_members = collects_for_members
    organisation.save(update_fields=["bank_codes", "is_enrolled_as_whole", "collects_for_members"])
    return organisation


def take_in_members(credit_code: str, person_ids: Sequence[int], *, since: date) -> int:
    """These persons belong to the unit from ``since`` on, or from earlier where they did; how many are new or confirmed."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_IN, {"code": credit_code, "day": since, "persons": list(person_ids)})
        return int(cursor.rowcount)


def end_memberships(credit_code: str, person_ids: Sequence[int], *, last: date) -> int:
    """These persons belong to the unit until ``last``; how many did."""
    with connection.cursor() as cursor:
        cursor.execute(_END, {"code": credit_code, "last": last, "persons": list(person_ids)})
        return int(cursor.rowcount)
