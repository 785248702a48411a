"""The order in which an employer or a school sees the banks: the applicants' rule and seed, under a pseudonym of the unit.

A unit chooses for many, so its list must be as fair as a person's. Its draws stand beside those of applicants in the day's public
record, and nothing there tells which is whose. What a unit may choose is decided in ``units.rules``.
"""

from datetime import date, datetime

from django.db import transaction

from yikatong.audit import services as audit
from yikatong.audit.actors import Actor
from yikatong.banks.models import UnitOrderDraw
from yikatong.banks.services import PERSON_KEY_FIELD, order_of_today
from yikatong.registry.sealing import field_cipher


def unit_key(organisation_code: str, day: date) -> bytes:
    """A unit's pseudonym for one day: 16 bytes, as a person's, and never equal to one."""
    return field_cipher().blind_index(PERSON_KEY_FIELD, f"{day.isoformat()}:unit:{organisation_code}")


def draw_unit_order(organisation_code: str, *, day: date, at: datetime) -> tuple[str, ...]:
    """The order in which this unit sees the banks on this day; the first draw is stored and audited, later ones return it.

    Raises ``Refused``: ``DAY_IS_NOT_TODAY``, ``NO_BANKS``.
    """
    drawn = UnitOrderDraw.objects.filter(organisation_code=organisation_code, day=day).first()
    if drawn is not None:
        return tuple(drawn.bank_codes)
    order = order_of_today(unit_key(organisation_code, day), day=day, at=at)
    with transaction.atomic():
        draw, is_new = UnitOrderDraw.objects.get_or_create(
            organisation_code=organisation_code, day=day, defaults={"bank_codes": list(order), "drawn_at": at}
        )
        if is_new:
            audit.record(
                "bank_order.drawn_for_unit",
                subject=f"unit:{organisation_code}",
                by=Actor.system("fairness"),
                at=at,
                day=day.isoformat(),
                bank_codes=draw.bank_codes,
            )
    return tuple(draw.bank_codes)
