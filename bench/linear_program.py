"""Small campaigns by chance, and the same problem put to HiGHS, a linear program solver that nobody here wrote.

Tests and the benchmark of planning use both.
"""

import highspy
import numpy as np

from yikatong.campaign.problem import Cohorts, Places, Problem, Way, Weights, distances_m


def small_problem(
    seed: int = 1,
    *,
    communities: int = 12,
    banks: int = 3,
    places: int = 9,
    weeks: int = 5,
    cohorts: int = 40,
    tight: float = 1.0,
) -> Problem:
    """Everything by chance. ``tight``: how much room there is for each person, on average."""
    chance = np.random.default_rng(seed)
    people = chance.integers(0, 30, cohorts)
    room = max(1, int(people.sum() * tight / max(places * weeks, 1)))
    way = chance.choice([Way.OUTLET, Way.OUTLET, Way.POST, Way.VISIT], places)
    return Problem(
        chance.uniform(0, 20_000, (communities, 2)),
        chance.integers(0, 3, communities),
        Cohorts(
            chance.integers(0, communities, cohorts),
            chance.integers(0, banks, cohorts),
            chance.choice([Way.OUTLET, Way.OUTLET, Way.OUTLET, Way.POST, Way.VISIT], cohorts).astype(np.int64),
            chance.integers(0, weeks, cohorts),
            people,
        ),
        Places(
            chance.integers(0, banks, places),
            way.astype(np.int64),
            np.where(way == Way.VISIT, chance.integers(-1, 3, places), -1),
            chance.uniform(0, 20_000, (places, 2)),
            chance.integers(0, 2 * room + 1, (places, weeks)),
        ),
        chance.integers(0, 2 * room * places // banks + 1, (banks, weeks)),
        Weights(unplaced_m=1_000_000),
    )


def least_cost(problem: Problem) -> float:
    """The cheapest plan's cost by HiGHS: every cohort to every place in every week, written down plainly."""
    cohorts, places = problem.cohorts, problem.places
    model = highspy.Highs()  # type: ignore[no-untyped-call]
    model.setOptionValue("output_flag", False)
    metres = distances_m(problem.community_position[cohorts.community], places.position)
    left_out = [model.addVariable(lb=0, obj=problem.weights.unplaced_m) for _ in range(len(cohorts))]
    leaving: list[list[highspy.highs_var]] = [[variable] for variable in left_out]
    coming: dict[tuple[int, int], list[highspy.highs_var]] = {}
    made: dict[tuple[int, int], list[highspy.highs_var]] = {}
    for cohort in range(len(cohorts)):
        for place in range(len(places)):
            area = places.area[place]
            is_for_them = (
                cohorts.bank[cohort] == places.bank[place]
                and cohorts.way[cohort] == places.way[place]
                and (area < 0 or area == problem.community_area[cohorts.community[cohort]])
            )
            if not is_for_them:
                continue
            walk = metres[cohort, place] if places.way[place] == Way.OUTLET else 0
            for week in range(int(cohorts.eligible_week[cohort]), problem.weeks):
                wait = (week - cohorts.eligible_week[cohort]) * problem.weights.week_m
                variable = model.addVariable(lb=0, obj=float(walk + wait))
                leaving[cohort].append(variable)
                coming.setdefault((place, week), []).append(variable)
                made.setdefault((int(cohorts.bank[cohort]), week), []).append(variable)
    for cohort, variables in enumerate(leaving):
        model.addConstr(sum(variables) == int(cohorts.people[cohort]))  # type: ignore[arg-type]
    calm = problem.calm()
    for (place, week), variables in coming.items():
        room = int(places.capacity[place, week])
        busy = model.addVariable(lb=0, ub=float(room - calm[place, week]), obj=problem.weights.busy_m)
        model.addConstr(sum(variables) - busy <= int(calm[place, week]))
    for (bank, week), variables in made.items():
        model.addConstr(sum(variables) <= int(problem.production[bank, week]))  # type: ignore[arg-type]
    model.run()
    assert model.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(model.getObjectiveValue())
