"""The figures of fair participation over a period, for staff: per bank, by position, and what both mean.

Reads the daily tables only. Figures of applications belong to the day of application; complaints to the day they were reported.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Count, Max, QuerySet, Sum

from yikatong.banks.models import Bank
from yikatong.foundation.clock import beijing_day_bounds
from yikatong.supervision.models import (
    Complaint,
    DailyCapacity,
    DailyFigure,
    DailyPosition,
    DailyWait,
    FigureDay,
    WaitKind,
)
from yikatong.supervision.rules import (
    Concentration,
    Position,
    PositionTest,
    concentration,
    position_test,
    positions,
    quantile_days,
)

MEDIAN, SLOW = 50, 90
LATELY_DAYS, TOLD_FROM_PEOPLE = 28, 10
"""How many days back the public is told a usual wait, and of how many people at least. Source: assumption; ``suppression``."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which part of the figures; empty is all. ``first`` and ``last`` are days, both included."""

    first: date
    last: date
    district_code: str = ""
    category: str = ""
    channel: str = ""

    def equals(self) -> dict[str, str]:
        """What a daily row must have."""
        asked = {"district_code": self.district_code, "category": self.category, "channel": self.channel}
        return {name: value for name, value in asked.items() if value}


@dataclass(slots=True)
class BankFigures:
    """One bank in a period. ``capacity`` and ``complaints`` know districts but neither groups nor channels."""

    code: str
    name_zh: str
    name_en: str
    is_assumption: bool = False
    shown: int = 0
    position_sum: int = 0
    shown_first: int = 0
    chosen: int = 0
    withdrawn: int = 0
    made: int = 0
    completed: int = 0
    capacity: int = 0
    complaints: int = 0
    complaints_founded: int = 0
    all_chosen: int = 0
    made_days: dict[int, int] = field(default_factory=dict)
    collected_days: dict[int, int] = field(default_factory=dict)

    @property
    def mean_position(self) -> float | None:
        """Where it stood on average in the lists that showed it."""
        return self.position_sum / self.shown if self.shown else None

    @property
    def share(self) -> float | None:
        """Of all choices, in percent."""
        return 100 * self.chosen / self.all_chosen if self.all_chosen else None

    @property
    def load(self) -> float | None:
        """Choices as a percentage of the cards it could make."""
        return 100 * self.chosen / self.capacity if self.capacity else None

    @property
    def chosen_when_shown(self) -> float | None:
        """Choices for a hundred showings."""
        return 100 * self.chosen / self.shown if self.shown else None

    @property
    def made_median(self) -> int | None:
        """Days until half of the cards made were made."""
        return quantile_days(self.made_days, MEDIAN)

    @property
    def made_slow(self) -> int | None:
        """Days until nine of ten were."""
        return quantile_days(self.made_days, SLOW)

    @property
    def collected_median(self) -> int | None:
        """Days until half of those who collected had."""
        return quantile_days(self.collected_days, MEDIAN)

    @property
    def collected_slow(self) -> int | None:
        """Days until nine of ten had."""
        return quantile_days(self.collected_days, SLOW)


@dataclass(frozen=True, slots=True)
class Report:
    """A period's figures. ``missing_days`` are not computed yet; ``computed_at`` is of the day computed last."""

    filters: Filters
    banks: list[BankFigures]
    concentration: Concentration | None
    positions: list[Position]
    test: PositionTest
    computed_at: datetime | None
    missing_days: int

    @property
    def totals(self) -> dict[str, int]:
        """Sums over the banks. A list shown counts once for each of its banks."""
        names = (
            *("shown", "shown_first", "chosen", "withdrawn", "made", "completed", "capacity"),
            *("complaints", "complaints_founded"),
        )
        return {name: sum(getattr(bank, name) for bank in self.banks) for name in names}


def usual_days_to_make(on: date) -> dict[str, int]:
    """By bank: within how many days half of the cards were made, of those applied for in the last weeks before ``on``.

    Banks with fewer than ``TOLD_FROM_PEOPLE`` are left out. Sums a few weeks of daily rows: callers keep the answer a while.
    """
    rows = DailyWait.objects.filter(day__gte=on - timedelta(days=LATELY_DAYS), day__lt=on, kind=WaitKind.MADE)
    waits: dict[str, dict[int, int]] = defaultdict(dict)
    for code, days, people in rows.values_list("bank_code", "days").annotate(Sum("people")):
        waits[code][days] = people
    enough = {code: found for code, found in waits.items() if sum(found.values()) >= TOLD_FROM_PEOPLE}
    return {code: median for code, found in enough.items() if (median := quantile_days(found, MEDIAN)) is not None}


def report_of(filters: Filters) -> Report:
    """All figures of a period: every bank that took part by its last day, sorted by code and by nothing else."""
    banks = {
        bank.code: BankFigures(bank.code, bank.name_zh, bank.name_en, bank.is_assumption)
        for bank in Bank.objects.filter(joined_on__lte=filters.last).order_by("code")
    }
    _add_counts(banks, filters)
    _add_waits(banks, filters)
    _add_capacity(banks, filters)
    _add_complaints(banks, filters)
    total = sum(bank.chosen for bank in banks.values())
    for bank in banks.values():
        bank.all_chosen = total
    shown, chosen = lists_by_length(filters)
    days = FigureDay.objects.filter(day__range=(filters.first, filters.last))
    known = days.aggregate(count=Count("day"), newest=Max("computed_at"))
    return Report(
        filters,
        list(banks.values()),
        concentration({bank.code: bank.chosen for bank in banks.values()}) if banks else None,
        positions(shown, chosen),
        position_test(chosen),
        known["newest"],
        (filters.last - filters.first).days + 1 - known["count"],
    )


def rows_of[Row: (DailyFigure, DailyPosition, DailyWait)](rows: QuerySet[Row], filters: Filters) -> QuerySet[Row]:
    """Daily rows of the period and part."""
    return rows.filter(day__range=(filters.first, filters.last), **filters.equals())


def _add_counts(banks: dict[str, BankFigures], filters: Filters) -> None:
    names = ("shown", "position_sum", "shown_first", "chosen", "withdrawn", "made", "completed")
    sums = {f"sum_{name}": Sum(name) for name in names}
    for code, *counts in rows_of(DailyFigure.objects.all(), filters).values_list("bank_code").annotate(**sums):
        if (bank := banks.get(code)) is not None:
            for name, count in zip(names, counts, strict=True):
                setattr(bank, name, count)


def _add_waits(banks: dict[str, BankFigures], filters: Filters) -> None:
    found = rows_of(DailyWait.objects.all(), filters).values_list("bank_code", "kind", "days")
    for code, kind, days, people in found.annotate(Sum("people")):
        if (bank := banks.get(code)) is not None:
            (bank.made_days if kind == WaitKind.MADE else bank.collected_days)[days] = people


def _add_capacity(banks: dict[str, BankFigures], filters: Filters) -> None:
    rows = DailyCapacity.objects.filter(day__range=(filters.first, filters.last))
    if filters.district_code:
        rows = rows.filter(district_code=filters.district_code)
    for code, cards in rows.values_list("bank_code").annotate(Sum("cards")):
        if code in banks:
            banks[code].capacity = cards


def _add_complaints(banks: dict[str, BankFigures], filters: Filters) -> None:
    start, end = beijing_day_bounds(filters.first)[0], beijing_day_bounds(filters.last)[1]
    rows = Complaint.objects.filter(reported_at__gte=start, reported_at__lt=end)
    if filters.district_code:
        rows = rows.filter(district_code=filters.district_code)
    for code, is_founded, count in rows.values_list("bank_code", "is_founded").annotate(Count("complaint_id")):
        if code in banks:
            banks[code].complaints += count
            banks[code].complaints_founded += count if is_founded else 0


def lists_by_length(filters: Filters) -> tuple[dict[int, int], dict[int, list[int]]]:
    """Lists shown, and choices at each position, both by the length of the list."""
    shown: dict[int, int] = {}
    chosen: dict[int, list[int]] = defaultdict(list)
    found = rows_of(DailyPosition.objects.all(), filters).values_list("offered", "position")
    by_place: Iterable[tuple[int, int, int, int]] = found.annotate(Sum("shown"), Sum("chosen")).order_by(
        "offered", "position"
    )
    counts = {(offered, position): (lists, choices) for offered, position, lists, choices in by_place}
    for offered in sorted({offered for offered, _ in counts}):
        shown[offered] = counts.get((offered, 1), (0, 0))[0]
        chosen[offered] = [counts.get((offered, position), (0, 0))[1] for position in range(1, offered + 1)]
    return shown, dict(chosen)


def month_of(day: date) -> tuple[date, date]:
    """First and last day of a day's month."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
