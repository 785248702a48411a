"""Waiting read off the table, against simulations of the very weeks, and a bad plan against a good one."""

import numpy as np
import pytest

from bench.linear_program import small_problem
from yikatong.campaign.planner import load_of, plan
from yikatong.campaign.problem import ProblemWrong
from yikatong.campaign.queues import Service, simulate
from yikatong.campaign.waiting import waiting_of

SERVICE = Service()


def simulated(people: int, windows: int, days: int, *, weeks: int, seed: int) -> tuple[float, float]:
    """A place's week, so many times over, half-day by half-day as it is."""
    each, left = divmod(people, 2 * days)
    half_days = np.tile(each + (np.arange(2 * days) < left), weeks)
    waiting = simulate(half_days, np.full(len(half_days), windows), SERVICE, seed=seed)
    return waiting.quantile(0.5), waiting.quantile(0.95)


@pytest.mark.parametrize("windows", [1, 3, 12])
@pytest.mark.parametrize(("load", "days"), [(0.3, 5), (0.77, 5), (0.93, 3), (1.02, 5), (1.27, 3), (2.2, 5), (9.0, 1)])
def test_what_is_read_off_is_what_is_simulated(windows: int, load: float, days: int) -> None:
    """Within the stated error."""
    people = int(load * windows * 2 * days * SERVICE.half_day_minutes / SERVICE.minutes) + 3
    told = waiting_of(np.array([[people]]), np.array([windows]), np.array([days]), SERVICE, seed=1)
    weeks = max(400 // (2 * days) if load < 2 else 40, 60_000 // people)
    p50, p95 = simulated(people, windows, days, weeks=weeks, seed=2)
    assert told.p50[0, 0] == pytest.approx(p50, rel=0.08, abs=1.0)
    assert told.p95[0, 0] == pytest.approx(p95, rel=0.08, abs=1.0)


def test_more_people_wait_longer_and_more_windows_wait_less() -> None:
    people = np.arange(50, 3_000, 50)[None, :]
    days = np.full(people.shape[1], 5)
    two, four = (waiting_of(people, np.array([windows]), days, SERVICE, seed=1).p95[0] for windows in (2, 4))
    assert (np.diff(two) > -0.5).all()
    assert (four <= two + 0.5).all()
    assert two[-1] > 100


def test_a_bad_plan_shows_its_queues() -> None:
    """The same people: as planned, all as early as they may, and all in the first week."""
    problem = small_problem(1, tight=3.0, weeks=5)
    made = plan(problem)
    good = load_of(problem, made)
    early, at_once = np.zeros_like(good), np.zeros_like(good)
    place, start, _, people = made.slots
    np.add.at(early, (place, start), people)
    at_once[:, 0] = good.sum(axis=1)
    windows, days = np.full(len(good), 10), np.full(5, 5)
    crowd = int(0.8 * 10 * float(SERVICE.room(np.array(10))) / good.max())
    calm, busy, worst = (
        waiting_of(load * crowd, windows, days, SERVICE, seed=1).p95.max() for load in (good, early, at_once)
    )
    assert calm < 3
    assert worst >= busy > 4 * calm


def test_another_plan_with_as_many_people_tells_the_same() -> None:
    days = np.full(3, 5)
    one = waiting_of(np.array([[200, 0, 250]]), np.array([2]), days, SERVICE, seed=1)
    other = waiting_of(np.array([[900, 200, 250], [40, 0, 90]]), np.array([2, 3]), days, SERVICE, seed=1)
    assert one.p95[0, 0] == other.p95[0, 1]
    assert one.p50[0, 2] == other.p50[0, 2]
    assert waiting_of(np.array([[250]]), np.array([2]), days[:1], SERVICE, seed=2).p95[0, 0] != one.p95[0, 2]


def test_nobody_waits_where_nobody_comes() -> None:
    told = waiting_of(np.array([[0, 0], [0, 40]]), np.array([0, 2]), np.array([0, 5]), SERVICE, seed=1)
    assert told.p95[0].tolist() == [0, 0]
    assert told.p95[1, 0] == 0
    nothing = waiting_of(np.zeros((0, 4), np.int64), np.zeros(0, np.int64), np.full(4, 5), SERVICE, seed=1)
    assert nothing.p50.shape == (0, 4)


@pytest.mark.parametrize(
    ("coming", "windows", "days", "told"),
    [
        ([[5]], [0], [5], "第 0 个领卡点第 1 周没有窗口或工作日，却安排了 5 人"),
        ([[5]], [1], [0], "没有窗口或工作日"),
        ([[-1]], [1], [5], "不能是负数"),
        ([[5, 5]], [1], [5], "1 个领卡点 × 1 周"),
    ],
)
def test_what_cannot_be_is_refused(coming: list[list[int]], windows: list[int], days: list[int], told: str) -> None:
    with pytest.raises(ProblemWrong, match=told):
        waiting_of(np.array(coming), np.array(windows), np.array(days), SERVICE, seed=1)
