"""The order in which an employer or a school sees the banks: the applicants' rule and seed, under a pseudonym of the unit.

A unit chooses for many, so its list must be as fair as a person's. Its draws stand beside those of applicants in the day's public
record, and nothing there tells which is whose. What a unit may choose is decided in ``units.rules``.
"""

from datetime import date, datetime

from django.db import transaction

from yikatong.audit import services as audit
from yikatong.audit.actors import Actor
from yikatong.banks.models import Bank, FairSeed, UnitOrderDraw
from yikatong.banks.rules import Reason, order_for
from yikatong.banks.services import PERSON_KEY_FIELD, commit_seed, seed_of
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
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
    if day != beijing_day(at):
        raise Refused(Reason.DAY_IS_NOT_TODAY, f"只能为当天抽取银行次序；{day} 不是今天")
    codes = list(Bank.objects.filter(joined_on__lte=day).values_list("code", flat=True))
    if not codes:
        raise Refused(Reason.NO_BANKS, "还没有导入合作银行；请先运行 yikatong city load")
    commit_seed(day, at=at)
    order = order_for(seed_of(FairSeed.objects.get(day=day)), unit_key(organisation_code, day), codes)
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
