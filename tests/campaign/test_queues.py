"""Queues against a clerk-by-clerk walk written plainly, against arithmetic, and between a good plan and a bad one."""

import heapq

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.linear_program import small_problem
from yikatong.campaign.planner import load_of, plan
from yikatong.campaign.problem import ProblemWrong
from yikatong.campaign.queues import Service, half_days, simulate, walk

EXACT = Service(minutes=10, variation=0.0, no_show=0.0, walk_in=0.0, late_minutes=0.0)


@given(st.integers(0, 2**32 - 1))
def test_side_by_side_is_the_same_as_one_after_another(seed: int) -> None:
    chance = np.random.default_rng(seed)
    lanes, longest = int(chance.integers(1, 6)), int(chance.integers(1, 12))
    arrivals = np.sort(chance.uniform(0, 100, (lanes, longest)), axis=1)
    came, windows = chance.integers(0, longest + 1, lanes), chance.integers(1, 4, lanes)
    took = chance.uniform(0, 40, (lanes, longest))
    waits, over = walk(arrivals, came, took, windows, 100.0)
    for lane in range(lanes):
        free = [0.0] * int(windows[lane])
        for number in range(int(came[lane])):
            begin = max(heapq.heappop(free), arrivals[lane, number])
            heapq.heappush(free, begin + took[lane, number])
            assert waits[lane, number] == pytest.approx(begin - arrivals[lane, number])
        assert over[lane] == pytest.approx(max(max(free) - 100.0, 0.0))


def test_appointments_that_fit_wait_for_nobody() -> None:
    """Twenty-one people in 210 minutes, ten minutes each, one window."""
    waiting = simulate(np.array([21]), np.array([1]), EXACT, seed=1)
    assert waiting.came[0] == 21
    assert waiting.minutes == pytest.approx(0)
    assert waiting.over_minutes[0] == pytest.approx(5)


def test_twice_too_many_wait_longer_and_longer() -> None:
    """One comes every five minutes and takes ten: the n-th waits five times n."""
    waiting = simulate(np.array([42]), np.array([1]), EXACT, seed=1)
    assert waiting.minutes == pytest.approx(5.0 * np.arange(42))
    assert waiting.over_minutes[0] == pytest.approx(2.5 + 42 * 10 - 210)
    assert simulate(np.array([42]), np.array([2]), EXACT, seed=1).minutes == pytest.approx(0)


def test_no_shows_and_walk_ins_come_as_often_as_stated() -> None:
    invited = np.full(2_000, 40)
    service = Service(no_show=0.1, walk_in=0.05)
    came = simulate(invited, np.full(2_000, 3), service, seed=3).came.sum()
    expected = invited.sum() * (1 - 0.1 + 0.05)
    assert came == pytest.approx(expected, rel=0.01)


def test_windows_work_as_much_as_the_plan_says() -> None:
    """Planned and simulated work agree within one percent, and calm windows do not queue."""
    lanes = 4_000
    service = Service()
    windows = np.full(lanes, 4)
    invited = np.floor(service.room(windows) * 0.6).astype(np.int64)
    waiting = simulate(invited, windows, service, seed=5)
    planned = invited.sum() * service.minutes * (1 - service.no_show + service.walk_in)
    assert waiting.worked_minutes.sum() == pytest.approx(planned, rel=0.01)
    assert waiting.quantile(0.5) == 0
    assert waiting.quantile(0.95) < service.minutes


def test_a_bad_plan_shows_its_queues() -> None:
    """The same people: as planned, and all in the first week that they may come."""
    problem = small_problem(1, tight=3.0, weeks=5)
    made = plan(problem)
    good = load_of(problem, made)
    bad = np.zeros_like(good)
    place, start, _, people = made.slots
    np.add.at(bad, (place, start), people)
    bad[:, 0] = bad.sum(axis=1)
    service = Service(minutes=60.0)
    told = []
    for load in (good, bad):
        invited = half_days(load).reshape(-1) * 10
        told.append(simulate(invited, np.full(len(invited), 6), service, seed=1).quantile(0.95))
    assert told[1] > 2 * told[0]


def test_a_weeks_people_are_all_in_its_half_days() -> None:
    load = np.array([[0, 7, 10, 23]])
    spread = half_days(load)
    assert spread.shape == (1, 4, 10)
    assert (spread.sum(axis=2) == load).all()
    assert (spread.max(axis=2) - spread.min(axis=2) <= 1).all()


def test_quantiles_are_told_for_each_outlet() -> None:
    waiting = simulate(np.array([42, 21, 42, 0]), np.array([1, 1, 1, 1]), EXACT, seed=1)
    outlet = np.array([0, 1, 0, 2])
    worst = waiting.by_lane(1.0, outlet)
    assert worst == pytest.approx([5.0 * 41, 0.0, 0.0])
    assert waiting.by_lane(0.5, outlet)[0] == pytest.approx(5.0 * 20)


def test_the_same_seed_tells_the_same() -> None:
    lanes = np.full(50, 30), np.full(50, 2)
    first, again, other = (simulate(*lanes, Service(), seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.minutes, again.minutes)
    assert not np.array_equal(first.minutes[:100], other.minutes[:100])


@pytest.mark.parametrize(
    ("invited", "windows", "service"),
    [
        ([5], [0], Service()),
        ([-1], [1], Service()),
        ([5, 5], [1], Service()),
        ([5], [1], Service(minutes=0)),
        ([5], [1], Service(no_show=1.5)),
    ],
)
def test_what_cannot_be_is_refused(invited: list[int], windows: list[int], service: Service) -> None:
    with pytest.raises(ProblemWrong):
        simulate(np.array(invited), np.array(windows), service, seed=1)


def test_closed_half_days_and_nobody_at_all_are_no_fault() -> None:
    waiting = simulate(np.array([0, 0]), np.array([0, 2]), Service(), seed=1)
    assert waiting.quantile(0.95) == 0
    nothing = simulate(np.empty(0, np.int64), np.empty(0, np.int64), Service(), seed=1)
    assert len(nothing.minutes) == 0
