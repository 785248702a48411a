"""Banks, outlets, and what is public about the order in which applicants saw the banks."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import QuerySet

from yikatong.banks.models import Bank, BankOrderDraw, FairSeed, Outlet, UnitOrderDraw
from yikatong.banks.rules import RULE_NAME, Reason, commitment_of, order_for
from yikatong.banks.services import person_key, seed_of
from yikatong.banks.unit_draws import unit_key
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused


def banks(on: date | None = None) -> QuerySet[Bank]:
    """The cooperating banks; with a day, those that had joined by then.

    Sorted by code, for staff and machines. Applicants see the order of ``services.draw_bank_order``.
    """
    found = Bank.objects.order_by("code")
    return found if on is None else found.filter(joined_on__lte=on)


def outlets(bank_code: str | None = None, district_code: str | None = None) -> QuerySet[Outlet]:
    """Outlets of a bank, of a district, of both, or all; real ones first. ``is_synthetic`` must be shown with each."""
    found = Outlet.objects.select_related("bank").order_by("is_synthetic", "district_code", "outlet_id")
    if bank_code is not None:
        found = found.filter(bank_id=bank_code)
    if district_code is not None:
        found = found.filter(district_code=district_code)
    return found


@dataclass(frozen=True, slots=True)
class SeedNotice:
    """What anybody may see of a day's seed. ``seed_hex`` is empty until it was revealed."""

    day: date
    commitment_hex: str
    seed_hex: str
    was_in_advance: bool


def seed_notices(since: date, *, days: int = 30) -> list[SeedNotice]:
    """The public notices of ``days`` days from ``since`` on, oldest first."""
    found = FairSeed.objects.filter(day__gte=since, day__lt=since + timedelta(days=days)).order_by("day")
    return [
        SeedNotice(
            fair_seed.day,
            fair_seed.commitment_hex,
            seed_of(fair_seed).hex() if fair_seed.revealed_at else "",
            _was_in_advance(fair_seed),
        )
        for fair_seed in found
    ]


@dataclass(frozen=True, slots=True)
class DayVerification:
    """What recomputing a day found, of applicants' draws and of units'. Lists hold ids, for the operator's eyes only."""

    day: date
    draws: int
    seed_fits_commitment: bool
    was_in_advance: bool
    wrong_order: tuple[int, ...]
    wrong_banks: tuple[int, ...]
    wrong_units: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every stored order is the one that the committed seed gives for the banks of that day."""
        return self.seed_fits_commitment and not (self.wrong_order or self.wrong_banks or self.wrong_units)


def verify_day(day: date) -> DayVerification:
    """Recompute every stored order of a day, applicants' and units'. Raises ``Refused(SEED_NOT_COMMITTED)``."""
    fair_seed = _fair_seed(day)
    seed = seed_of(fair_seed)
    taking_part = set(banks(day).values_list("code", flat=True))
    draws, wrong_order, wrong_banks = 0, [], []
    for draw in BankOrderDraw.objects.filter(day=day).order_by("person_id").iterator():
        draws += 1
        if list(order_for(seed, person_key(draw.person_id, day), set(draw.bank_codes))) != draw.bank_codes:
            wrong_order.append(draw.person_id)
        if set(draw.bank_codes) != taking_part:
            wrong_banks.append(draw.person_id)
    wrong_units = []
    for drawn in UnitOrderDraw.objects.filter(day=day).order_by("organisation_code").iterator():
        draws += 1
        order = list(order_for(seed, unit_key(drawn.organisation_code, day), set(drawn.bank_codes)))
        if order != drawn.bank_codes or set(drawn.bank_codes) != taking_part:
            wrong_units.append(drawn.organisation_code)
    return DayVerification(
        day,
        draws,
        commitment_of(seed) == fair_seed.commitment_hex,
        _was_in_advance(fair_seed),
        tuple(wrong_order),
        tuple(wrong_banks),
        tuple(wrong_units),
    )


def publication_of(day: date) -> dict[str, Any]:
    """All that the banks need to check a day, without a trace of who the applicants and units are; JSON-able.

    Draws are sorted by pseudonym, so that not even their order tells anything. Raises ``Refused``: ``SEED_NOT_COMMITTED``,
    ``SEED_NOT_REVEALED``.
    """
    fair_seed = _fair_seed(day)
    if fair_seed.revealed_at is None:
        raise Refused(Reason.SEED_NOT_REVEALED, f"{day} 的种子还没有公布；请先运行 yikatong fairness reveal {day}")
    keyed = [
        *(
            (person_key(draw.person_id, day), draw.bank_codes)
            for draw in BankOrderDraw.objects.filter(day=day).iterator()
        ),
        *((unit_key(draw.organisation_code, day), draw.bank_codes) for draw in UnitOrderDraw.objects.filter(day=day)),
    ]
    return {
        "rule": RULE_NAME,
        "day": day.isoformat(),
        "commitment": fair_seed.commitment_hex,
        "committed_at": fair_seed.committed_at.isoformat(),
        "seed": seed_of(fair_seed).hex(),
        "banks": list(banks(day).values_list("code", flat=True)),
        "draws": sorted(
            ({"person_key": key.hex(), "order": codes} for key, codes in keyed),
            key=lambda draw: str(draw["person_key"]),
        ),
    }


def _fair_seed(day: date) -> FairSeed:
    fair_seed = FairSeed.objects.filter(day=day).first()
    if fair_seed is None:
        raise Refused(Reason.SEED_NOT_COMMITTED, f"{day} 没有种子")
    return fair_seed


def _was_in_advance(fair_seed: FairSeed) -> bool:
    return beijing_day(fair_seed.committed_at) < fair_seed.day
