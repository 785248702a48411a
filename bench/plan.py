"""Planning a whole campaign: residents read from Parquet, planned, drawn person by person, and written back.

    python -m bench.plan [PEOPLE]

By default 22,000,000 made-up residents of Beijing's real communities, 16 banks, 3,000 outlets, 60 weeks. They are generated
first, which is not counted. Beside the plan stands the greedy one that has no planner: the nearest outlet, first come, first
served; and a campaign small enough for HiGHS is solved by both. The last line is JSON; the exit code is 0 exactly when the bars
of time, memory, gap and re-planning are met and HiGHS finds nothing cheaper.
"""

import json
import os
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from bench.campaign_city import BANKS, WEEKS, make_city, make_problem, write_residents
from bench.linear_program import least_cost, small_problem
from yikatong.campaign.greedy import plan_greedily
from yikatong.campaign.persons import grouped, slots_of
from yikatong.campaign.planner import Plan, cost_of, figures, plan, replan_bank
from yikatong.campaign.problem import Problem

PEOPLE = 22_000_000
WALL_BAR_S, MEMORY_BAR_GB, REPLAN_BAR_S = 120.0, 6.0, 20.0
SEED = 20_241_030
LOST_BANK, LOST_WEEK = 3, 40
HIGHS_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Measured:
    """One campaign, planned and written back."""

    problem: Problem
    made: Plan
    read_s: float
    plan_s: float
    write_s: float

    @property
    def wall_s(self) -> float:
        """From reading to writing back."""
        return self.read_s + self.plan_s + self.write_s


def main() -> int:
    """Run the benchmark."""
    people = int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE
    measured = measure(people)
    memory_gb = _peak_gb()
    problem, made = measured.problem, measured.made
    print(f"{people:,} people in {len(problem.cohorts):,} cohorts, {len(problem.places):,} places, {WEEKS} weeks")
    print(
        f"read {measured.read_s:.1f} s, plan {measured.plan_s:.1f} s, draw and write {measured.write_s:.1f} s: "
        f"{measured.wall_s:.1f} s, {memory_gb:.2f} GB"
    )
    replan_s, replan_gap = replanned(problem, made)
    print(f"gap {made.gap:.2%}; a bank without week {LOST_WEEK} planned anew: {replan_s:.1f} s, gap {replan_gap:.2%}")
    small = small_problem()
    highs_ratio = least_cost(small) / plan(small).cost_m
    print(f"a campaign of {small.cohorts.people.sum():,} people by HiGHS: {highs_ratio:.9f} of the plan's cost")
    compared = compare(problem, made)
    ok = (
        measured.wall_s <= WALL_BAR_S
        and memory_gb <= MEMORY_BAR_GB
        and replan_s <= REPLAN_BAR_S
        and (made.gap, replan_gap) == (0, 0)
        and abs(highs_ratio - 1) < HIGHS_TOLERANCE
    )
    result = {
        "name": "plan",
        "people": people,
        "wall_s": round(measured.wall_s, 1),
        "wall_bar_s": WALL_BAR_S,
        "memory_gb": round(memory_gb, 2),
        "memory_bar_gb": MEMORY_BAR_GB,
        "gap": made.gap,
        "replan_s": round(replan_s, 1),
        "replan_bar_s": REPLAN_BAR_S,
        "highs_ratio": highs_ratio,
        **compared,
        "cores": os.cpu_count(),
        "ok": ok,
    }
    print(json.dumps(result))
    return 0 if ok else 1


def measure(people: int) -> Measured:
    """Read, plan, draw, write; each by the clock."""
    chance = np.random.default_rng(SEED)
    city = make_city(chance)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "residents.parquet", Path(folder) / "slots.parquet"
        write_residents(city, people, source, chance)
        times = [time.perf_counter()]
        columns = pl.read_parquet(source)
        names = ("community", "bank", "way", "eligible_week")
        together = grouped(*(columns[name].to_numpy() for name in names), banks=BANKS, weeks=WEEKS)
        problem = make_problem(city, together.cohorts, people, chance)
        times.append(time.perf_counter())
        made = plan(problem, processes=os.cpu_count() or 1)
        times.append(time.perf_counter())
        person = columns["person_id"].to_numpy()
        del columns
        slots = slots_of(problem, made, together.cohort_of, person, seed=SEED)
        told = pl.DataFrame({"person_id": person, "place": slots.place, "week": slots.week})
        told.write_parquet(target, compression="lz4")
        times.append(time.perf_counter())
    read_s, plan_s, write_s = (float(each) for each in np.diff(times))
    return Measured(problem, made, read_s, plan_s, write_s)


def replanned(problem: Problem, made: Plan) -> tuple[float, float]:
    """Seconds and gap of planning anew after one bank loses its production of a week."""
    less = problem.production.copy()
    less[LOST_BANK, LOST_WEEK] = 0
    began = time.perf_counter()
    again = replan_bank(problem.with_production(less), made, LOST_BANK)
    return time.perf_counter() - began, again.gap


def compare(problem: Problem, made: Plan) -> dict[str, float]:
    """The plan beside the greedy one."""
    print("            left out   mean way     mean wait   load p95   cost")
    told: dict[str, float] = {}
    for name, prefix, each in (("plan", "", made), ("greedy", "greedy_", plan_greedily(problem))):
        means, cost = figures(problem, each), cost_of(problem, each)
        print(
            f"{name:10} {means.unplaced:9,}   {means.mean_distance_m / 1000:5.2f} km   {means.mean_wait_weeks:5.2f} weeks"
            f"   {means.load_p95:7.1%}   {cost:.4g}"
        )
        told |= {
            f"{prefix}left_out": means.unplaced,
            f"{prefix}mean_distance_m": round(means.mean_distance_m),
            f"{prefix}mean_wait_weeks": round(means.mean_wait_weeks, 2),
            f"{prefix}load_p95": round(means.load_p95, 3),
            f"{prefix}cost_m": cost,
        }
    return told


def _peak_gb() -> float:
    """The most that this process held, and the largest of its helpers for each core."""
    own, helper = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (own + (os.cpu_count() or 1) * helper) / 1024**2


if __name__ == "__main__":
    sys.exit(main())
