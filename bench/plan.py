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
from pathlib import Path

import numpy as np
import polars as pl

from bench.campaign_city import WEEKS, make_city, make_problem, write_residents
from bench.linear_program import least_cost, small_problem
from yikatong.campaign.greedy import plan_greedily
from yikatong.campaign.persons import grouped, slots_of
from yikatong.campaign.planner import cost_of, figures, plan, replan_bank

PEOPLE = 22_000_000
WALL_BAR_S, MEMORY_BAR_GB, REPLAN_BAR_S = 120.0, 6.0, 20.0
SEED = 20_241_030
LOST_WEEK = 40
HIGHS_TOLERANCE = 1e-9


def main() -> int:
    """Run the benchmark."""
    people = int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE
    cores = os.cpu_count() or 1
    chance = np.random.default_rng(SEED)
    with tempfile.TemporaryDirectory() as folder:
        city = make_city(chance)
        source, target = Path(folder) / "residents.parquet", Path(folder) / "slots.parquet"
        write_residents(city, people, source, chance)

        began = time.perf_counter()
        columns = pl.read_parquet(source)
        together = grouped(
            *(columns[name].to_numpy() for name in ("community", "bank", "way", "eligible_week")), banks=16, weeks=WEEKS
        )
        problem = make_problem(city, together.cohorts, people, chance)
        read_s = time.perf_counter() - began

        began = time.perf_counter()
        made = plan(problem, processes=cores)
        plan_s = time.perf_counter() - began

        began = time.perf_counter()
        person = columns["person_id"].to_numpy()
        del columns
        slots = slots_of(problem, made, together.cohort_of, person, seed=SEED)
        pl.DataFrame({"person_id": person, "place": slots.place, "week": slots.week}).write_parquet(
            target, compression="lz4"
        )
        write_s = time.perf_counter() - began

    began = time.perf_counter()
    bank = 3
    less = problem.production.copy()
    less[bank, LOST_WEEK] = 0
    again = replan_bank(problem.with_production(less), made, bank)
    replan_s = time.perf_counter() - began

    small = small_problem()
    highs_ratio = least_cost(small) / plan(small).cost_m

    greedy = plan_greedily(problem)
    ours, theirs = figures(problem, made), figures(problem, greedy)
    wall_s = read_s + plan_s + write_s
    memory_gb = _peak_gb()
    print(f"{people:,} people in {len(problem.cohorts):,} cohorts, {len(problem.places):,} places, {WEEKS} weeks")
    print(
        f"read {read_s:.1f} s, plan {plan_s:.1f} s, draw and write {write_s:.1f} s: {wall_s:.1f} s, {memory_gb:.2f} GB"
    )
    print(f"gap {made.gap:.2%}; re-plan of one bank without week {LOST_WEEK}: {replan_s:.1f} s, gap {again.gap:.2%}")
    print("            left out   mean way     mean wait   load p95   cost")
    for name, told, cost in (
        ("plan", ours, cost_of(problem, made)),
        ("greedy", theirs, cost_of(problem, greedy)),
    ):
        print(
            f"{name:10} {told.unplaced:9,}   {told.mean_distance_m / 1000:5.2f} km   {told.mean_wait_weeks:5.2f} weeks"
            f"   {told.load_p95:7.1%}   {cost:.4g}"
        )
    print(f"a campaign of {small.cohorts.people.sum():,} people by HiGHS: {highs_ratio:.9f} of the plan's cost")
    ok = (
        wall_s <= WALL_BAR_S
        and memory_gb <= MEMORY_BAR_GB
        and replan_s <= REPLAN_BAR_S
        and (made.gap, again.gap) == (0, 0)
        and abs(highs_ratio - 1) < HIGHS_TOLERANCE
    )
    result = {
        "name": "plan",
        "people": people,
        "wall_s": round(wall_s, 1),
        "wall_bar_s": WALL_BAR_S,
        "memory_gb": round(memory_gb, 2),
        "memory_bar_gb": MEMORY_BAR_GB,
        "gap": made.gap,
        "replan_s": round(replan_s, 1),
        "replan_bar_s": REPLAN_BAR_S,
        "mean_distance_m": round(ours.mean_distance_m),
        "greedy_mean_distance_m": round(theirs.mean_distance_m),
        "mean_wait_weeks": round(ours.mean_wait_weeks, 2),
        "greedy_mean_wait_weeks": round(theirs.mean_wait_weeks, 2),
        "left_out": ours.unplaced,
        "greedy_left_out": theirs.unplaced,
        "load_p95": round(ours.load_p95, 3),
        "cost_ratio": round(cost_of(problem, greedy) / max(cost_of(problem, made), 1), 3),
        "highs_ratio": highs_ratio,
        "cores": cores,
        "ok": ok,
    }
    print(json.dumps(result))
    return 0 if ok else 1


def _peak_gb() -> float:
    """The most that this process held, and the largest of its helpers for each core."""
    own, helper = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (own + (os.cpu_count() or 1) * helper) / 1024**2


if __name__ == "__main__":
    sys.exit(main())
