"""People of one block: ages, sexes, families, where they live and how they are insured. Arrays, one entry per person.

Adults and children are drawn from the census's ages; then children get a mother and mostly a father of a fitting age from
the same block, and the father, mother and children share a community. It does not model couples without children.
"""

from dataclasses import dataclass

import numpy as np

from yikatong.registry.synth import assumptions
from yikatong.registry.synth.sources import CityPeople, Floats, Integers

MINOR, STUDENT, EMPLOYEE, FLEXIBLE, RESIDENT, RETIREE = range(6)
CATEGORIES = ("minor", "student", "employee", "flexible", "resident", "retiree")
FATHER, MOTHER, OTHER = range(3)
RELATIONS = ("father", "mother", "other")
NOBODY = -1
_DAYS_PER_YEAR = 365.2425
_ADULT_AGE = 18


@dataclass(slots=True)
class Block:
    """People, ordered by community and family, adults before their children. Positions refer to this block."""

    birth_day: Integers
    age: Integers
    is_male: Integers
    community: Integers
    category: Integers
    guardian: tuple[Integers, Integers]
    relation: tuple[Integers, Integers]

    def __len__(self) -> int:
        return len(self.age)


def make_block(people: CityPeople, count: int, on_day: int, random: np.random.Generator) -> Block:
    """``count`` people as of a day (since 1970-01-01)."""
    birth_day = on_day - np.floor(_ages(people, count, random) * _DAYS_PER_YEAR).astype(np.int64)
    age = completed_years(birth_day, on_day)
    is_male = (random.random(count) < people.census.male_share).astype(np.int64)
    community = people.communities.indexes(random, count)
    guardian, relation = _families(age, is_male, random)
    _live_together(community, guardian, relation)
    block = Block(birth_day, age, is_male, community, _categories(age, is_male, random), guardian, relation)
    return _in_order(block)


def completed_years(birth_day: Integers, on_day: int) -> Integers:
    """Ages in completed years on a day; days count from 1970-01-01."""
    on = np.int64(on_day).astype("datetime64[D]")
    born_year, born_in_year = _year_and_day_of_it(birth_day.astype("datetime64[D]"))
    on_year, on_in_year = _year_and_day_of_it(np.array([on]))
    result: Integers = on_year[0] - born_year - (on_in_year[0] < born_in_year)
    return result


def _year_and_day_of_it(days: "np.ndarray[tuple[int], np.dtype[np.datetime64]]") -> tuple[Integers, Integers]:
    """The year, and month and day as one number that grows through the year."""
    months = days.astype("datetime64[M]")
    month = months.astype(np.int64)
    return 1970 + month // 12, (month % 12) * 32 + (days - months).astype(np.int64)


def _ages(people: CityPeople, count: int, random: np.random.Generator) -> Floats:
    """Ages in years with fractions: even within a band of the census, falling off after 65."""
    bands = people.census.age_bands
    band = np.searchsorted(np.cumsum([share for *_, share in bands]), random.random(count) * 0.999999999)
    low = np.array([low for low, *_ in bands], dtype=np.float64)[band]
    width = np.array([below - low for low, below, _ in bands], dtype=np.float64)[band]
    within = random.random(count)
    mean = assumptions.OLD_AGE_MEAN_BEYOND_65_YEARS
    reach = 1 - np.exp(-width / mean)
    falling = -mean * np.log1p(-within * reach)
    return low + np.where(band == len(bands) - 1, falling, within * width)


def _families(
    age: Integers, is_male: Integers, random: np.random.Generator
) -> tuple[tuple[Integers, Integers], tuple[Integers, Integers]]:
    """Each minor's guardians: positions and relations; ``NOBODY`` where there is none."""
    count = len(age)
    first, second = np.full(count, NOBODY), np.full(count, NOBODY)
    first_relation, second_relation = np.full(count, OTHER), np.full(count, OTHER)
    women = _Available(age, np.flatnonzero((is_male == 0) & (age >= _ADULT_AGE + 2)), random)
    men = _Available(age, np.flatnonzero((is_male == 1) & (age >= _ADULT_AGE + 2)), random)
    low, high = assumptions.PARENT_AGE_AT_BIRTH_RANGE
    mean, spread = assumptions.MOTHER_AGE_AT_BIRTH_YEARS
    siblings = _siblings(age, random)
    at_birth = np.clip(random.normal(mean, spread, len(siblings)), low, high).astype(np.int64)
    older_by = random.normal(*assumptions.FATHER_OLDER_BY_YEARS, len(siblings)).astype(np.int64)
    has_father = random.random(len(siblings)) < assumptions.FATHER_PRESENT_SHARE
    for number, children in enumerate(siblings):
        eldest = int(age[children].max())
        mother = women.take(eldest + int(at_birth[number]), eldest + low - 1)
        father = NOBODY
        if has_father[number] or mother == NOBODY:
            father = men.take(eldest + int(at_birth[number] + older_by[number]), eldest + low - 1)
        if mother == NOBODY and father == NOBODY:
            mother = women.any_adult(random)
            first[children] = mother
            continue
        guardians = [(father, FATHER), (mother, MOTHER)]
        present = [entry for entry in guardians if entry[0] != NOBODY]
        first[children], first_relation[children] = present[0]
        if len(present) == 2:
            second[children], second_relation[children] = present[1]
    return (first, second), (first_relation, second_relation)


def _siblings(age: Integers, random: np.random.Generator) -> list[Integers]:
    """The minors, in groups of one or two that are brought up together and are of similar age."""
    minors = np.flatnonzero(age < _ADULT_AGE)
    minors = minors[np.argsort(age[minors] + random.normal(0, 2.0, len(minors)), kind="stable")]
    together = random.random(len(minors)) < assumptions.SIBLING_SHARE
    groups, position = [], 0
    while position < len(minors):
        size = 2 if together[position] else 1
        groups.append(minors[position : position + size])
        position += size
    return groups


class _Available:
    """People who can still become somebody's mother or father, by age."""

    def __init__(self, age: Integers, positions: Integers, random: np.random.Generator) -> None:
        shuffled = random.permutation(positions)
        self._by_age: dict[int, list[int]] = {}
        for position, years in zip(shuffled.tolist(), age[shuffled].tolist(), strict=True):
            self._by_age.setdefault(years, []).append(position)
        self._all = shuffled

    def take(self, wanted_age: int, youngest: int) -> int:
        """Somebody of about that age who was not taken before, or ``NOBODY``."""
        for distance in range(9):
            for years in (wanted_age + distance, wanted_age - distance):
                if years >= youngest and self._by_age.get(years):
                    return self._by_age[years].pop()
        return NOBODY

    def any_adult(self, random: np.random.Generator) -> int:
        """Anybody old enough, taken or not; for the few children whose age fits nobody left."""
        return int(self._all[random.integers(len(self._all))]) if len(self._all) else NOBODY


def _live_together(
    community: Integers, guardian: tuple[Integers, Integers], relation: tuple[Integers, Integers]
) -> None:
    """Move fathers to the mothers of their children, then children to their first guardian."""
    couples = np.flatnonzero(guardian[1] != NOBODY)
    community[guardian[0][couples]] = community[guardian[1][couples]]
    children = np.flatnonzero(guardian[0] != NOBODY)
    community[children] = community[guardian[0][children]]


def _categories(age: Integers, is_male: Integers, random: np.random.Generator) -> Integers:
    count = len(age)
    draw = random.random(count)
    working = np.select(
        [draw < assumptions.EMPLOYEE_SHARE, draw < assumptions.EMPLOYEE_SHARE + assumptions.FLEXIBLE_SHARE],
        [EMPLOYEE, FLEXIBLE],
        RESIDENT,
    )
    retirement = np.where(is_male == 1, assumptions.RETIREMENT_AGE["1"], assumptions.RETIREMENT_AGE["2"])
    studies = np.isin(age, list(assumptions.STUDENT_AGES)) & (random.random(count) < assumptions.STUDENT_SHARE)
    retired = np.where(random.random(count) < assumptions.RETIREE_SHARE, RETIREE, RESIDENT)
    result: Integers = np.select([age < _ADULT_AGE, studies, age >= retirement], [MINOR, STUDENT, retired], working)
    return result


def _in_order(block: Block) -> Block:
    """Sorted as a city's list is: by community, families together, adults before the children that name them."""
    own = np.arange(len(block))
    family = np.where(block.guardian[0] != NOBODY, block.guardian[0], own)
    mothers, fathers = block.guardian[1], block.guardian[0]
    couples = np.flatnonzero(mothers != NOBODY)
    family[mothers[couples]] = fathers[couples]
    order = np.lexsort((block.birth_day, block.age < _ADULT_AGE, family, block.community))
    place = np.empty(len(block) + 1, dtype=np.int64)
    place[order] = own
    place[NOBODY] = NOBODY
    first, second = (place[positions[order]] for positions in block.guardian)
    return Block(
        block.birth_day[order],
        block.age[order],
        block.is_male[order],
        block.community[order],
        block.category[order],
        (first, second),
        (block.relation[0][order], block.relation[1][order]),
    )
