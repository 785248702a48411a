"""Why: which limits bind and what one more unit would save, and why one person was given this place and week. In words.

It reads a plan and its prices and decides nothing. Prices are what the least change of a limit saves at most, in metres; words
turn them into kilometres of way or weeks of waiting.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from yikatong.campaign.planner import Plan, load_of
from yikatong.campaign.problem import Ints, Problem, Way, distances_m


class Limit(StrEnum):
    """What there is only so much of."""

    PLACE = "place"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class Binding:
    """One limit that binds. ``of``: the place's or the bank's row; ``price_m``: what one more a week saves at most."""

    limit: Limit
    of: int
    week: int
    price_m: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a person of one cohort comes to one place in one week.

    ``nearer``: places of theirs that are nearer; ``way_m``, ``nearest_m``: to this one and to the nearest, 0 but for outlets;
    ``full_weeks``, ``unmade_weeks``: weeks from when they were eligible to this one in which the place had no room, or the bank's
    production was used up.
    """

    nearer: int
    way_m: int
    nearest_m: int
    waited_weeks: int
    full_weeks: tuple[int, ...]
    unmade_weeks: tuple[int, ...]


def prices(problem: Problem, made: Plan) -> tuple[Ints, Ints]:
    """What one more person, or card, would save at most, in metres: places × weeks, and banks × weeks."""
    places = np.zeros(problem.places.capacity.shape, np.int64)
    production = np.zeros((problem.banks, problem.weeks), np.int64)
    for part in made.parts:
        np.maximum(places, part.place_price_m, out=places)
        production[part.bank] = part.production_price_m
    return places, production


def bindings(problem: Problem, made: Plan, *, most: int = 20) -> list[Binding]:
    """The limits that bind, dearest first."""
    by_place, by_bank = prices(problem, made)
    found = []
    for limit, table in ((Limit.PLACE, by_place), (Limit.PRODUCTION, by_bank)):
        flat = table.ravel()
        dearest = np.argsort(np.negative(flat), kind="stable")[:most]
        found += [
            Binding(limit, int(at // problem.weeks), int(at % problem.weeks), int(flat[at]))
            for at in dearest
            if flat[at]
        ]
    return sorted(found, key=lambda each: (-each.price_m, each.limit, each.of, each.week))[:most]


def binding_words(problem: Problem, binding: Binding, *, places: Sequence[str], banks: Sequence[str]) -> str:
    """A limit in a sentence. ``places``, ``banks``: their names."""
    name = places[binding.of] if binding.limit is Limit.PLACE else banks[binding.of]
    what = "已排满" if binding.limit is Limit.PLACE else "制卡能力已用完"
    unit = "多接待 1 人" if binding.limit is Limit.PLACE else "多制 1 张卡"
    return f"{name}第 {binding.week + 1} 周{what}：该周每{unit}，{saving_words(problem, binding.price_m)}"


def saving_words(problem: Problem, price_m: int) -> str:
    """What a price means to people."""
    weights = problem.weights
    if price_m >= weights.unplaced_m // 2:
        return "就少 1 人领不到卡"
    return f"最多可少走 {price_m / 1000:.1f} 公里，或少等 {price_m / weights.week_m:.1f} 周"


def reason_of(problem: Problem, made: Plan, cohort: int, place: int, week: int) -> Reason:
    """Why somebody of ``cohort`` comes to ``place`` in ``week``, as the plan has it."""
    cohorts, places = problem.cohorts, problem.places
    metres = _ways(problem, cohort)
    since = int(cohorts.eligible_week[cohort])
    earlier = np.arange(since, week)
    load = load_of(problem, made)
    bank = int(cohorts.bank[cohort])
    cards = load[places.bank == bank].sum(axis=0)
    is_full = load[place, earlier] >= places.capacity[place, earlier]
    is_unmade = cards[earlier] >= problem.production[bank, earlier]
    return Reason(
        nearer=int((metres < metres[place]).sum()),
        way_m=int(metres[place]),
        nearest_m=int(metres.min()),
        waited_weeks=week - since,
        full_weeks=tuple(int(each) for each in earlier[is_full]),
        unmade_weeks=tuple(int(each) for each in earlier[is_unmade]),
    )


def reason_words(reason: Reason, *, place: str) -> str:
    """The reason in sentences, as one would say it at the counter."""
    if reason.way_m == 0 and reason.nearest_m == 0:
        said = [f"{place}：按您选择的领卡方式办理"]
    elif reason.nearer == 0:
        said = [f"{place}是您所选银行离您最近的网点（约 {reason.way_m / 1000:.1f} 公里）"]
    else:
        said = [
            f"{place}离您约 {reason.way_m / 1000:.1f} 公里；有 {reason.nearer} 家更近"
            f"（最近约 {reason.nearest_m / 1000:.1f} 公里），但已由更需要就近领取的人排满，或要等得更久"
        ]
    if reason.waited_weeks == 0:
        said.append("从可以申领的当周开始办理")
    elif reason.unmade_weeks or reason.full_weeks:
        causes = []
        if reason.full_weeks:
            causes.append(f"该网点有 {len(reason.full_weeks)} 周已排满")
        if reason.unmade_weeks:
            causes.append(f"银行有 {len(reason.unmade_weeks)} 周制卡能力已用完")
        said.append(f"比可以申领时晚 {reason.waited_weeks} 周：其间{'，'.join(causes)}")
    else:
        said.append(f"比可以申领时晚 {reason.waited_weeks} 周，为避免该网点过于拥挤，先后由抽签决定")
    return "。".join(said) + "。"


def _ways(problem: Problem, cohort: int) -> Ints:
    """Metres to every place; those that are none for this cohort are farthest of all."""
    cohorts, places = problem.cohorts, problem.places
    community = int(cohorts.community[cohort])
    metres: Ints = distances_m(problem.community_position[community : community + 1], places.position)[0]
    metres[places.way != Way.OUTLET] = 0
    is_theirs = (places.bank == cohorts.bank[cohort]) & (places.way == cohorts.way[cohort])
    is_theirs &= (places.area < 0) | (places.area == problem.community_area[community])
    metres[~is_theirs] = np.iinfo(np.int64).max
    return metres
