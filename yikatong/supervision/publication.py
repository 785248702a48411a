"""The figures that anybody may see: whole months that are over, with small counts hidden.

Only whole calendar months are published, because two periods that overlap could be subtracted from each other. All counts of a
month (the city, districts, groups, channels, each by bank) are protected together: see ``suppression``. What is computed from
counts (shares, concentration, chi-square) is published only where the counts themselves are. A month may still change while its
last applications are open; whoever keeps every version sees by how much.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Final

from django.db.models import Sum

from yikatong.registry.models import InsuredCategory
from yikatong.supervision.models import DailyFigure, FigureDay
from yikatong.supervision.rules import Concentration, PositionTest, Verdict, position_test, positions
from yikatong.supervision.selectors import Filters, Report, lists_by_length, month_of, report_of, rows_of
from yikatong.supervision.suppression import PUBLISHED_MIN, Hidden, hidden_counts

type Count = int | Hidden
type _Key = tuple[str, str, str]  # part ("district", "category", "channel" or ""), its value, bank; "" is all of it
ALL: Final = ""
DIMENSIONS: Mapping[str, str] = {"district": "district_code", "category": "category", "channel": "channel"}
METRICS = ("shown", "chosen", "completed")


@dataclass(frozen=True, slots=True)
class Part:
    """What of the city a page shows: everything, or one district, group or channel."""

    dimension: str = ALL
    value: str = ALL

    @classmethod
    def parse(cls, text: str) -> "Part | None":
        """From an address, such as ``district:110105``; ``None`` when it is no part of anything."""
        dimension, _, value = text.partition(":")
        if not text:
            return cls()
        return cls(dimension, value) if dimension in DIMENSIONS and value else None

    def __str__(self) -> str:
        return f"{self.dimension}:{self.value}" if self.dimension else ""


@dataclass(frozen=True, slots=True)
class PublicBank:
    """One bank's row. What is computed from a hidden count is ``None``."""

    code: str
    name_zh: str
    name_en: str
    is_assumption: bool
    shown: Count
    mean_position: float | None
    chosen: Count
    share: float | None
    capacity: int | None
    completed: Count
    made_median: int | None
    made_slow: int | None
    complaints: Count | None


@dataclass(frozen=True, slots=True)
class PublicPosition:
    """How many chose at one position of the most common list."""

    position: int
    chosen: Count
    share: float | None


@dataclass(frozen=True, slots=True)
class PublicReport:
    """A month. ``concentration`` without points where a count is hidden; ``test`` is of the lists of ``list_length`` banks."""

    first: date
    last: date
    part: Part
    banks: list[PublicBank]
    totals: dict[str, Count]
    concentration: Concentration | None
    is_concentration_exact: bool
    list_length: int
    positions: list[PublicPosition]
    expected_share: float | None
    test: PositionTest | None
    is_test_exact: bool
    computed_at: datetime | None
    missing_days: int


def published_months(today: date) -> list[date]:
    """The first days of the months that are over and have figures, newest first."""
    months = FigureDay.objects.dates("day", "month", order="DESC")
    return [month for month in months if month_of(month)[1] < today]


def parts_of(month: date) -> list[Part]:
    """Every district, group and channel with figures in a month."""
    first, last = month_of(month)
    rows = DailyFigure.objects.filter(day__range=(first, last))
    groups = list(InsuredCategory.values)
    found = {name: set(rows.values_list(column, flat=True).distinct()) for name, column in DIMENSIONS.items()}
    return [
        Part(name, value)
        for name in DIMENSIONS
        for value in sorted(found[name], key=lambda each: (groups.index(each) if each in groups else 0, each))
        if value
    ]


def public_report(month: date, part: Part) -> PublicReport:
    """A month's figures as anybody may see them."""
    first, last = month_of(month)
    filters = Filters(first, last)
    city = report_of(filters)
    asked = filters if not part.dimension else Filters(first, last, **{DIMENSIONS[part.dimension]: part.value})
    report = city if not part.dimension else report_of(asked)
    shown = _published(filters, tuple(bank.code for bank in city.banks), city.computed_at)
    complaints = _with_total({bank.code: bank.complaints for bank in city.banks})
    banks = [_public_bank(bank.code, report, shown, complaints, part) for bank in report.banks]
    totals = {metric: shown[metric].get((part.dimension, part.value, ALL), Hidden.FEW) for metric in METRICS}
    if not part.dimension:
        totals["complaints"] = complaints[ALL]
    length, table, test = _public_positions(filters) if not part.dimension else (0, [], None)
    are_all_chosen_told = all(not isinstance(bank.chosen, Hidden) for bank in banks)
    has_choices = not isinstance(totals["chosen"], Hidden)
    is_told = all(not isinstance(row.chosen, Hidden) for row in table)
    return PublicReport(
        *(first, last, part, banks, totals),
        concentration=report.concentration if has_choices else None,
        is_concentration_exact=are_all_chosen_told,
        list_length=length,
        positions=table,
        expected_share=100 / length if length else None,
        test=test,
        is_test_exact=is_told,
        computed_at=city.computed_at,
        missing_days=city.missing_days,
    )


def _public_bank(
    code: str,
    report: Report,
    published: Mapping[str, Mapping[_Key, Count]],
    complaints: Mapping[str, Count],
    part: Part,
) -> PublicBank:
    bank = next(each for each in report.banks if each.code == code)
    counts = {metric: published[metric].get((part.dimension, part.value, code), Hidden.FEW) for metric in METRICS}
    total = published["chosen"].get((part.dimension, part.value, ALL), Hidden.FEW)
    is_share_told = not isinstance(counts["chosen"], Hidden) and not isinstance(total, Hidden)
    are_waits_told = not isinstance(counts["completed"], Hidden) and bank.made >= PUBLISHED_MIN
    return PublicBank(
        code,
        bank.name_zh,
        bank.name_en,
        bank.is_assumption,
        shown=counts["shown"],
        mean_position=None if isinstance(counts["shown"], Hidden) else bank.mean_position,
        chosen=counts["chosen"],
        share=bank.share if is_share_told else None,
        capacity=bank.capacity if part.dimension in {ALL, "district"} else None,
        completed=counts["completed"],
        made_median=bank.made_median if are_waits_told else None,
        made_slow=bank.made_slow if are_waits_told else None,
        complaints=None if part.dimension else complaints[code],
    )


@lru_cache(maxsize=24)
def _published(filters: Filters, codes: tuple[str, ...], computed_at: datetime | None) -> dict[str, dict[_Key, Count]]:
    """Every count of the month, by metric, part and bank, or why it is hidden; kept until a day is computed anew.

    ``computed_at`` serves to tell by: deciding what to hide takes up to a second.
    """
    counts: dict[str, dict[_Key, int]] = {metric: {} for metric in METRICS}
    sums: list[tuple[_Key, list[_Key]]] = [(("", "", ALL), [("", "", code) for code in codes])]
    of_city = {code: dict.fromkeys(METRICS, 0) for code in codes}
    for dimension, column in DIMENSIONS.items():
        by_part: dict[str, dict[str, dict[str, int]]] = defaultdict(
            lambda: {c: dict.fromkeys(METRICS, 0) for c in codes}
        )
        rows = rows_of(DailyFigure.objects.filter(bank_code__in=codes), filters).values(column, "bank_code")
        for row in rows.annotate(**{f"sum_{metric}": Sum(metric) for metric in METRICS}):
            by_part[row[column]][row["bank_code"]] = {metric: row[f"sum_{metric}"] for metric in METRICS}
        for code in codes:
            of_city[code] = {metric: sum(part[code][metric] for part in by_part.values()) for metric in METRICS}
            sums.append((("", "", code), [(dimension, value, code) for value in by_part]))
        for value, banks in by_part.items():
            for metric in METRICS:
                counts[metric] |= {(dimension, value, code): banks[code][metric] for code in codes}
                counts[metric][dimension, value, ALL] = sum(banks[code][metric] for code in codes)
            sums.append(((dimension, value, ALL), [(dimension, value, code) for code in codes]))
        sums.append((("", "", ALL), [(dimension, value, ALL) for value in by_part]))
    for metric in METRICS:
        counts[metric] |= {("", "", code): of_city[code][metric] for code in codes}
        counts[metric]["", "", ALL] = sum(of_city[code][metric] for code in codes)
    return {metric: _masked(counts[metric], sums) for metric in METRICS}


def _masked(counts: Mapping[_Key, int], sums: Sequence[tuple[_Key, Sequence[_Key]]]) -> dict[_Key, Count]:
    hidden = hidden_counts(counts, sums)
    return {key: hidden.get(key, count) for key, count in counts.items()}


def _with_total(counts: Mapping[str, int]) -> dict[str, Count]:
    """A single row of counts with its total under ``ALL``."""
    everything = {**counts, ALL: sum(counts.values())}
    hidden = hidden_counts(everything, [(ALL, list(counts))])
    return {key: hidden.get(key, count) for key, count in everything.items()}


def _public_positions(filters: Filters) -> tuple[int, list[PublicPosition], PositionTest | None]:
    """The most common length of list among those who chose, its positions, and the test of it alone.

    Only of the whole city: the positions of all districts would add up to it, and are not protected together with it.
    """
    _, chosen = lists_by_length(filters)
    long = {length: counts for length, counts in chosen.items() if length > 1 and sum(counts) > 0}
    if not long:
        return 0, [], None
    length = max(long, key=lambda each: (sum(long[each]), each))
    told = _with_total({str(row.position): row.chosen for row in positions({}, {length: long[length]})})
    test = position_test({length: long[length]})
    total = told[ALL]
    if isinstance(total, Hidden) or test.verdict is Verdict.TOO_FEW:
        return length, [], test if not isinstance(total, Hidden) else None
    table = []
    for position in range(1, length + 1):
        count = told[str(position)]
        share = None if isinstance(count, Hidden) else 100 * count / total
        table.append(PublicPosition(position, count, share))
    return length, table, test
