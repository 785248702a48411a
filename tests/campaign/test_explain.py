"""What is said of limits and of one person's slot, held against plans that were made to have one cause each."""

from dataclasses import replace

import numpy as np
import pytest

from bench.linear_program import small_problem
from yikatong.campaign.explain import Limit, binding_words, bindings, reason_of, reason_words, saving_words
from yikatong.campaign.planner import plan
from yikatong.campaign.problem import Cohorts, Places, Problem, Way, Weights


def one_street(people: int, capacity: list[list[int]], production: list[int]) -> Problem:
    """One community of one bank at 0; outlets 1 km apart, the first at 1 km."""
    count = len(capacity)
    zero, outlets = np.zeros(1, np.int64), np.zeros(count, np.int64)
    return Problem(
        np.zeros((1, 2)),
        zero,
        Cohorts(zero, zero, zero, zero, np.array([people])),
        Places(
            outlets,
            outlets,
            outlets - 1,
            np.column_stack([1_000.0 * np.arange(1, count + 1), np.zeros(count)]),
            np.array(capacity),
        ),
        np.array([production]),
        Weights(busy_m=0),
    )


def test_the_nearest_at_once_needs_no_excuse() -> None:
    problem = one_street(5, [[10, 10]], [10, 10])
    reason = reason_of(problem, plan(problem), 0, 0, 0)
    assert (reason.nearer, reason.way_m, reason.waited_weeks) == (0, 1_000, 0)
    assert (
        reason_words(reason, place="东单支行")
        == "东单支行是您所选银行离您最近的网点（约 1.0 公里）。从可以申领的当周开始办理。"
    )


def test_a_full_outlet_is_why_one_waits() -> None:
    problem = one_street(15, [[10, 10]], [99, 99])
    made = plan(problem)
    reason = reason_of(problem, made, 0, 0, 1)
    assert (reason.full_weeks, reason.unmade_weeks) == ((0,), ())
    assert "其间该网点有 1 周已排满" in reason_words(reason, place="东单支行")
    (binding,) = [each for each in bindings(problem, made) if each.week == 0]
    assert (binding.limit, binding.of, binding.price_m) == (Limit.PLACE, 0, 2_000)
    told = binding_words(problem, binding, places=["东单支行"], banks=["工行"])
    assert told == "东单支行第 1 周已排满：该周每多接待 1 人，最多可少走 2.0 公里，或少等 1.0 周"


def test_used_up_production_is_why_one_waits() -> None:
    problem = one_street(15, [[99, 99]], [10, 10])
    made = plan(problem)
    reason = reason_of(problem, made, 0, 0, 1)
    assert (reason.full_weeks, reason.unmade_weeks) == ((), (0,))
    assert "银行有 1 周制卡能力已用完" in reason_words(reason, place="东单支行")
    (binding,) = [each for each in bindings(problem, made) if each.week == 0]
    assert binding.limit is Limit.PRODUCTION
    assert binding_words(problem, binding, places=["东单支行"], banks=["工行"]).startswith("工行第 1 周制卡能力已用完")


def test_a_farther_outlet_is_said_to_be_farther_and_why() -> None:
    problem = one_street(15, [[10], [10]], [99])
    reason = reason_of(problem, plan(problem), 0, 1, 0)
    assert (reason.nearer, reason.way_m, reason.nearest_m) == (1, 2_000, 1_000)
    assert "有 1 家更近（最近约 1.0 公里）" in reason_words(reason, place="西单支行")


def test_who_is_left_out_makes_a_limit_dear() -> None:
    problem = one_street(15, [[10]], [99])
    dearest = bindings(problem, plan(problem))[0]
    assert saving_words(problem, dearest.price_m) == "就少 1 人领不到卡"


def test_waiting_without_a_full_week_is_told_as_what_it_is() -> None:
    problem = one_street(10, [[10, 10]], [99, 99])
    problem = replace(problem, weights=Weights(busy_m=5_000))
    made = plan(problem)
    reason = reason_of(problem, made, 0, 0, 1)
    assert (reason.full_weeks, reason.unmade_weeks, reason.waited_weeks) == ((), (), 1)
    assert "避免该网点过于拥挤" in reason_words(reason, place="东单支行")


def test_post_is_told_without_a_way() -> None:
    problem = one_street(5, [[10]], [10])
    post = np.array([Way.POST], np.int64)
    problem = replace(problem, cohorts=replace(problem.cohorts, way=post), places=replace(problem.places, way=post))
    reason = reason_of(problem, plan(problem), 0, 0, 0)
    assert reason_words(reason, place="邮寄").startswith("邮寄：按您选择的领卡方式办理。")


@pytest.mark.parametrize("seed", range(5))
def test_prices_of_limits_that_are_not_reached_are_none(seed: int) -> None:
    problem = small_problem(seed, tight=0.8)
    made = plan(problem)
    place, _, week, people = made.slots
    load = np.zeros(problem.places.capacity.shape, np.int64)
    np.add.at(load, (place, week), people)
    cards = np.zeros(problem.production.shape, np.int64)
    np.add.at(cards, (problem.places.bank[place], week), people)
    told = bindings(problem, made, most=1_000)
    prices = [each.price_m for each in told]
    assert prices == sorted(prices, reverse=True)
    for each in told:
        if each.limit is Limit.PLACE:
            assert load[each.of, each.week] == problem.places.capacity[each.of, each.week]
        else:
            assert cards[each.of, each.week] == problem.production[each.of, each.week]
