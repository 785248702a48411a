"""Two stored plans side by side: figures, banks, districts, and how many people are somewhere else or come in another week.

It reads what was stored and plans nothing. Who moves, and how that is kept: ``moving``.
"""

from dataclasses import dataclass
from typing import Literal

from django.db.models import Sum

from yikatong.campaign.models import BankWeek, Campaign, StreetFigures
from yikatong.campaign.moving import Movement, movement_between

type Figure = Literal[
    "people", "left_out", "mean_distance_m", "mean_wait_weeks", "load_p95", "gap", "without_guardian", "families_split"
]
FIGURES: tuple[Figure, ...] = (
    "people",
    "left_out",
    "mean_distance_m",
    "mean_wait_weeks",
    "load_p95",
    "without_guardian",
    "families_split",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of both; ``name``: a figure, a bank's code or a district's."""

    name: str
    first: float
    second: float

    @property
    def difference(self) -> float:
        """How much more the second has."""
        return self.second - self.first


@dataclass(frozen=True, slots=True)
class FiguresCompared:
    """``banks``: cards; ``bank_peaks``: the fullest week in percent of production; ``districts_left_out``: people;
    ``districts_wait``: mean weeks."""

    figures: tuple[Row, ...]
    banks: tuple[Row, ...]
    bank_peaks: tuple[Row, ...]
    districts_left_out: tuple[Row, ...]
    districts_wait: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class PlanComparison(FiguresCompared):
    """The figures, and who moves."""

    movement: Movement


def compare_plans(first: Campaign, second: Campaign) -> PlanComparison:
    """Both must have been planned. Counting who moves between large plans takes minutes."""
    found = compare_figures(first, second)
    return PlanComparison(
        found.figures,
        found.banks,
        found.bank_peaks,
        found.districts_left_out,
        found.districts_wait,
        movement=movement_between(first, second),
    )


def compare_figures(first: Campaign, second: Campaign) -> FiguresCompared:
    """Of sums only, so that a page need not wait. Both must have been planned."""
    both = (first, second)
    streets = [_districts(each.campaign_id) for each in both]
    banks = [_banks(each.campaign_id) for each in both]
    return FiguresCompared(
        figures=tuple(Row(name, float(getattr(first, name)), float(getattr(second, name))) for name in FIGURES),
        banks=_side_by_side([{code: float(each[0]) for code, each in of.items()} for of in banks]),
        bank_peaks=_side_by_side([{code: each[1] for code, each in of.items()} for of in banks]),
        districts_left_out=_side_by_side([{code: float(each[0]) for code, each in of.items()} for of in streets]),
        districts_wait=_side_by_side([{code: each[1] for code, each in of.items()} for of in streets]),
    )


def _side_by_side(tables: list[dict[str, float]]) -> tuple[Row, ...]:
    first, second = tables
    return tuple(Row(name, first.get(name, 0.0), second.get(name, 0.0)) for name in sorted(first | second))


def _banks(campaign_id: str) -> dict[str, tuple[int, float]]:
    found: dict[str, tuple[int, float]] = {}
    rows = BankWeek.objects.filter(campaign_id=campaign_id).values_list("bank_code", "planned", "production")
    for code, planned, production in rows:
        cards, peak = found.get(code, (0, 0.0))
        share = 100 * planned / production if production else 0.0
        found[code] = (cards + planned, max(peak, share))
    return found


def _districts(campaign_id: str) -> dict[str, tuple[int, float]]:
    rows = (
        StreetFigures.objects.filter(campaign_id=campaign_id)
        .values("district_code")
        .annotate(people_=Sum("people"), left_out_=Sum("left_out"), waited_=Sum("waited_weeks"))
    )
    return {
        row["district_code"]: (row["left_out_"], row["waited_"] / max(row["people_"] - row["left_out_"], 1))
        for row in rows
    }
