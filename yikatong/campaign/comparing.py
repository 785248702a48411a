"""Two stored plans side by side: figures, banks, districts, and how many people are somewhere else or come in another week.

It reads what was stored and plans nothing.
"""

from dataclasses import dataclass
from typing import Literal

from django.db import connection
from django.db.models import Sum

from yikatong.campaign.models import BankWeek, Campaign, StreetFigures

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

_MOVED = """
select count(*) filter (where a.week_starts_on is not null and b.week_starts_on is not null
                          and (a.bank_code, a.way, a.outlet_id) is distinct from (b.bank_code, b.way, b.outlet_id)),
       count(*) filter (where a.week_starts_on <> b.week_starts_on),
       count(*) filter (where a.week_starts_on is not null and b.week_starts_on is null),
       count(*) filter (where a.week_starts_on is null and b.week_starts_on is not null)
from campaign_slot a join campaign_slot b using (person_id)
where a.campaign_id = %s and b.campaign_id = %s
"""


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
class Movement:
    """People of both plans: to another place, in another week, without a week now, with one now."""

    other_place: int
    other_week: int
    lost: int
    gained: int


@dataclass(frozen=True, slots=True)
class PlanComparison:
    """``banks``: cards; ``bank_peaks``: the fullest week in percent of production; ``districts_left_out``: people;
    ``districts_wait``: mean weeks."""

    figures: tuple[Row, ...]
    movement: Movement
    banks: tuple[Row, ...]
    bank_peaks: tuple[Row, ...]
    districts_left_out: tuple[Row, ...]
    districts_wait: tuple[Row, ...]


def compare_plans(first: Campaign, second: Campaign) -> PlanComparison:
    """Both must have been planned."""
    both = (first, second)
    streets = [_districts(each.campaign_id) for each in both]
    banks = [_banks(each.campaign_id) for each in both]
    with connection.cursor() as cursor:
        cursor.execute(_MOVED, [first.campaign_id, second.campaign_id])
        movement = Movement(*cursor.fetchone())
    return PlanComparison(
        figures=tuple(Row(name, float(getattr(first, name)), float(getattr(second, name))) for name in FIGURES),
        movement=movement,
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
