"""What a device takes along for a day: of each person to be called on only what the visit needs.

No identity number: its last four characters, to be compared with the document. No street address: the register has none. Of the
banks those that the person may choose, in the order drawn for them today. That a device was told is one audit row per person.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction

from yikatong.applications.rules import eligible_banks
from yikatong.applications.selectors import situation_of
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Bank, FairSeed, Outlet
from yikatong.banks.services import draw_bank_order
from yikatong.city.models import Division
from yikatong.city.rules import rules_at
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.identifiers import new_uuid7
from yikatong.outreach.models import Device, Package, Visit, VisitState
from yikatong.outreach.planning import helper_of, plan_day
from yikatong.outreach.rules import PACKAGE_KEPT, QUEUE_KEPT
from yikatong.registry.models import Person
from yikatong.registry.selectors import clear_view

IDENTITY_TAIL = 4


@dataclass(frozen=True, slots=True)
class _Today:
    device: Device
    day: date
    at: datetime
    communities: dict[str, str]


def make_package(device: Device, *, by: Actor, at: datetime) -> dict[str, Any]:
    """Today's visits of the device's helper, JSON-able; what becomes of it stays in ``Package``. Raises ``Refused``."""
    day = beijing_day(at)
    with transaction.atomic():
        visits = [
            visit for visit in plan_day(helper_of(device.helper), by=by, at=at) if visit.state == VisitState.PLANNED
        ]
        people = Person.objects.in_bulk([visit.person_id for visit in visits])
        visits = [visit for visit in visits if visit.person_id in people]
        codes = {person.community_code for person in people.values()}
        names = dict(Division.objects.filter(code__in=codes).values_list("code", "name"))
        today = _Today(device, day, at, names)
        told = [_told(visit, people[visit.person_id], today, by=by) for visit in visits]
        package = Package.objects.create(
            package_id=new_uuid7(),
            device=device,
            day=day,
            visit_ids=[visit.visit_id for visit in visits],
            made_at=at,
            expires_at=at + PACKAGE_KEPT,
        )
    offered = {code for each in told for code in each["banks"]}
    return {
        "package_id": str(package.package_id),
        "day": day.isoformat(),
        "made_at": at.isoformat(),
        "expires_at": package.expires_at.isoformat(),
        "queue_until": (at + QUEUE_KEPT).isoformat(),
        "commitment": _commitment(day),
        "made_within_days": rules_at(day).limits.first_issue_max_natural_days,
        "banks": {bank.code: [bank.name_zh, bank.name_en] for bank in Bank.objects.filter(code__in=offered)},
        "outlets": _outlets(offered, {code[:6] for code in codes}),
        "visits": told,
    }


def _told(visit: Visit, person: Person, today: _Today, *, by: Actor) -> dict[str, Any]:
    """One person, and the note of what was told."""
    situation = situation_of(person, acting_person_id=None, on=today.day)
    allowed = eligible_banks(situation, rules_at(today.day))
    order = [code for code in draw_bank_order(person.person_id, day=today.day, at=today.at) if code in allowed]
    clear = clear_view(person)
    Visit.objects.filter(pk=visit.pk).update(told_category=person.category, told_community=person.community_code)
    record(
        "visit.downloaded",
        subject=f"visit:{visit.visit_id}",
        by=by,
        at=today.at,
        person_id=person.person_id,
        device=str(today.device.device_id),
    )
    return {
        "visit_id": str(visit.visit_id),
        "name": clear.name,
        "identity_tail": clear.identity_number[-IDENTITY_TAIL:],
        "phone": clear.phone,
        "community": today.communities.get(person.community_code, ""),
        "district": person.community_code[:6],
        "reason": visit.reason,
        "needs_large_print": person.needs_large_print,
        "has_older_card": person.older_card_generation is not None,
        "is_replacement": situation.has_lost_third_generation,
        "banks": order,
        "is_pension_bank": len(order) == 1 and order[0] == person.pension_bank_code,
    }


def _commitment(day: date) -> str:
    """The published digest of the day's seed, by which the order can be checked after the day."""
    return FairSeed.objects.filter(day=day).values_list("commitment_hex", flat=True).first() or ""


def _outlets(banks: set[str], districts: set[str]) -> list[dict[str, Any]]:
    """Where a card can be collected near those who are called on: public data."""
    found = Outlet.objects.filter(bank_id__in=banks, district_code__in=districts).order_by("is_synthetic", "outlet_id")
    return [
        {
            "outlet_id": outlet.outlet_id,
            "bank": outlet.bank_id,
            "name": outlet.name,
            "district": outlet.district_code,
            "is_synthetic": outlet.is_synthetic,
        }
        for outlet in found
    ]
