"""What the figures of fair participation mean: concentration, and whether people choose by position.

Pure: no I/O, no clock, no framework. Every applicant's list is drawn anew (docs/algorithms/bank-order.md), so that each bank is
as likely at one position as at another whatever people think of it. If position plays no part, then of all who choose from a
list of n banks, one n-th chooses at each position: the test needs no guess about how popular a bank is. It does not
say why a bank is chosen, and no figure here proves unfairness by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

SIGNIFICANCE_PERCENT = 5
EXPECTED_MIN = 5
"""Below this expectation in a cell, chi-square is not trusted. Source: W. G. Cochran, Biometrics 10 (1954), 417–451."""
MODERATE_FROM, HIGH_ABOVE = 1000, 1800
"""Source: U.S. Department of Justice and FTC, Merger Guidelines (2023-12-18), guideline 1, and the Department's page
"Herfindahl–Hirschman Index": 1,000 to 1,800 points moderately, above 1,800 highly concentrated."""


class Level(StrEnum):
    """How concentrated a market is on the published scale."""

    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Concentration:
    """``hhi`` in points: 10,000 for one bank alone, ``floor`` = 10,000 / n when n banks share evenly.

    ``normalised``: 0 for even shares, 1 for one bank alone, so that cities with few and many banks can be compared.
    ``by_chance``: what so few people would give on average if each took any bank at random.
    """

    hhi: float
    floor: float
    normalised: float
    level: Level
    banks: int
    people: int

    @property
    def by_chance(self) -> float:
        """10,000 points × (1/N + (1 - 1/N)/n) for N people and n banks."""
        return 10_000 * (1 / self.people + (1 - 1 / self.people) / self.banks)

    @property
    def is_small_sample(self) -> bool:
        """Whether chance alone moves the points too far to conclude from: under 5 people for each bank (assumption)."""
        return self.people < EXPECTED_MIN * self.banks


def concentration(chosen: Mapping[str, int]) -> Concentration | None:
    """How the choices are spread over the banks that take part (with 0 for whom nobody chose); ``None`` without choices."""
    total = sum(chosen.values())
    if total == 0:
        return None
    hhi = sum((100 * count / total) ** 2 for count in chosen.values())
    floor = 10_000 / len(chosen)
    normalised = (hhi - floor) / (10_000 - floor) if len(chosen) > 1 else 1.0
    level = Level.HIGH if hhi > HIGH_ABOVE else Level.MODERATE if hhi >= MODERATE_FROM else Level.LOW
    return Concentration(hhi, floor, normalised, level, len(chosen), total)


class Verdict(StrEnum):
    """What the test of positions says."""

    NO_CHOICES = "no_choices"
    TOO_FEW = "too_few"
    INDEPENDENT = "independent"
    DEPENDS = "depends"


@dataclass(frozen=True, slots=True)
class PositionTest:
    """``people`` were tested, ``left_out`` chose from lists of a length that too few had; the rest is 0 unless tested."""

    verdict: Verdict
    people: int
    left_out: int
    chi_square: float = 0.0
    degrees: int = 0
    p_value: float = 1.0


def position_test(chosen: Mapping[int, Sequence[int]]) -> PositionTest:
    """Does choice depend on the position in the list that was really offered?

    ``chosen``: by length of the list, how many chose at its first, second … position. Lists of one bank say nothing and are not
    counted. Each length is tested against even shares (n - 1 degrees of freedom); the lengths are independent, so that
    statistics and degrees add up. A length whose expectation is under 5 a position is left out.
    """
    people = left_out = degrees = 0
    chi_square = 0.0
    for length, counts in chosen.items():
        if len(counts) != length:
            raise ValueError(f"a list of {length} banks has as many positions; got {len(counts)}")
        choices = sum(counts)
        if length < 2:
            continue
        expected = choices / length
        if expected < EXPECTED_MIN:
            left_out += choices
            continue
        people += choices
        degrees += length - 1
        chi_square += sum((count - expected) ** 2 / expected for count in counts)
    if people == 0:
        return PositionTest(Verdict.TOO_FEW if left_out else Verdict.NO_CHOICES, 0, left_out)
    from scipy import special  # takes a second to load, which only tests of orders need

    p_value = float(special.chdtrc(degrees, chi_square))
    verdict = Verdict.DEPENDS if p_value * 100 < SIGNIFICANCE_PERCENT else Verdict.INDEPENDENT
    return PositionTest(verdict, people, left_out, chi_square, degrees, p_value)


@dataclass(frozen=True, slots=True)
class Position:
    """One position over lists of all lengths: ``shown`` lists reached it, ``chosen`` chose there, ``expected`` by chance."""

    position: int
    shown: int
    chosen: int
    expected: float
    choices: int

    @property
    def share(self) -> float:
        """Of all choices, in percent."""
        return 100 * self.chosen / self.choices if self.choices else 0.0

    @property
    def expected_share(self) -> float:
        """The same if position played no part."""
        return 100 * self.expected / self.choices if self.choices else 0.0


def positions(shown: Mapping[int, int], chosen: Mapping[int, Sequence[int]]) -> list[Position]:
    """The table of positions. ``shown``: lists by length; ``chosen`` as for ``position_test``. Lists of one bank are left out."""
    longest = max([*shown, *chosen], default=0)
    choices = sum(sum(counts) for length, counts in chosen.items() if length > 1)
    return [
        Position(
            position,
            sum(lists for length, lists in shown.items() if length >= max(position, 2)),
            sum(counts[position - 1] for length, counts in chosen.items() if length >= max(position, 2)),
            sum(sum(counts) / length for length, counts in chosen.items() if length >= max(position, 2)),
            choices,
        )
        for position in range(1, longest + 1)
        if longest > 1
    ]


def most_favoured(table: Sequence[Position]) -> Position | None:
    """The position chosen most above expectation, measured in people; ``None`` for an empty table."""
    return max(table, key=lambda row: (row.chosen - row.expected, -row.position), default=None)


def quantile_days(people_by_days: Mapping[int, int], percent: int) -> int | None:
    """The least number of days within which ``percent`` of the people had it; ``None`` for nobody."""
    total = sum(people_by_days.values())
    reached = 0
    for days in sorted(people_by_days):
        reached += people_by_days[days]
        if reached * 100 >= total * percent:
            return days
    return None
