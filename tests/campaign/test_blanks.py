"""Cards never outrun blanks, whatever a plan makes of its limits; and the stock is not held back without need."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.linear_program import small_problem
from yikatong.campaign.blanks import Shortage, shortage_words, shortages, within_stock
from yikatong.campaign.planner import load_of, plan
from yikatong.campaign.problem import ProblemWrong


@pytest.mark.parametrize(
    ("production", "opening", "deliveries", "wanted", "limited"),
    [
        ([10, 10, 10], 99, [0, 0, 0], None, [10, 10, 10]),  # enough
        ([10, 10, 10], 15, [0, 0, 0], None, [10, 5, 0]),  # the earliest weeks first
        ([10, 10, 10], 0, [5, 0, 20], None, [5, 0, 10]),  # not before they are delivered
        ([10, 10, 10], 15, [0, 0, 0], [0, 12, 3], [0, 10, 5]),  # nobody may come in the first week
        ([10, 10, 10], 25, [0, 0, 0], [0, 12, 3], [10, 10, 5]),  # and what is to spare goes to it
        ([10, 10, 10], 15, [0, 0, 0], [4, 0, 0], [10, 5, 0]),  # more blanks than people
        ([10, 0, 10], 12, [0, 0, 0], None, [10, 0, 2]),
        ([10, 10, 10], 0, [0, 0, 0], None, [0, 0, 0]),
    ],
)
def test_how_a_stock_is_laid_out(
    production: list[int], opening: int, deliveries: list[int], wanted: list[int] | None, limited: list[int]
) -> None:
    told = within_stock(
        np.array([production]),
        np.array([opening]),
        np.array([deliveries]),
        wanted=None if wanted is None else np.array([wanted]),
    )
    assert told.tolist() == [limited]


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_cards_never_outrun_blanks_and_none_is_held_back(seed: int, knows_people: bool) -> None:
    chance = np.random.default_rng(seed)
    shape = (3, 7)
    production, deliveries = chance.integers(0, 20, shape), chance.integers(0, 15, shape) * chance.integers(0, 2, shape)
    opening = chance.integers(0, 60, 3)
    wanted = chance.integers(0, 25, shape) if knows_people else None
    told = within_stock(production, opening, deliveries, wanted=wanted)
    blanks = opening[:, None] + np.cumsum(deliveries, axis=1)
    made = np.cumsum(told, axis=1)
    assert (told >= 0).all()
    assert (told <= production).all()
    assert (made <= blanks).all()
    for bank, week in np.argwhere(told < production):
        assert (made[bank, week:] == blanks[bank, week:]).any(), "one card more would be one blank too few later"


@given(st.integers(0, 2**32 - 1))
def test_knowing_the_people_serves_as_many_as_there_could_be(seed: int) -> None:
    """Against serving everybody at once with the stock itself, week after week."""
    chance = np.random.default_rng(seed)
    production, wanted = chance.integers(0, 20, (1, 6)), chance.integers(0, 25, (1, 6))
    deliveries, opening = chance.integers(0, 10, (1, 6)), chance.integers(0, 40, 1)
    told = within_stock(production, opening, deliveries, wanted=wanted)[0]
    stock, waiting, waiting_within, served, within = int(opening[0]), 0, 0, 0, 0
    for week in range(6):
        stock += int(deliveries[0, week])
        waiting += int(wanted[0, week])
        waiting_within += int(wanted[0, week])
        now = min(stock, waiting, int(production[0, week]))
        stock, waiting, served = stock - now, waiting - now, served + now
        then = min(waiting_within, int(told[week]))
        waiting_within, within = waiting_within - then, within + then
        assert within == served


def test_a_plan_keeps_to_the_stock_by_its_limits_alone() -> None:
    problem = replace(small_problem(2, tight=3.0), production=np.full((3, 5), 100))
    opening, deliveries, wanted = np.array([100, 10, 60]), np.zeros((3, 5), np.int64), np.zeros((3, 5), np.int64)
    deliveries[1, 3] = 60
    np.add.at(wanted, (problem.cohorts.bank, problem.cohorts.eligible_week), problem.cohorts.people)
    blanks = opening[:, None] + np.cumsum(deliveries, axis=1)
    made = []
    for people in (None, wanted):
        limited = within_stock(problem.production, opening, deliveries, wanted=people)
        cards = np.zeros((3, 5), np.int64)
        np.add.at(cards, problem.places.bank, load_of(problem, plan(problem.with_production(limited))))
        assert (np.cumsum(cards, axis=1) <= blanks).all()
        made.append(int(cards.sum()))
    assert 0 < made[0] < made[1], "blanks laid out for weeks in which nobody comes yet serve nobody"


def test_a_shortage_in_words() -> None:
    production = np.array([[10, 10, 10], [10, 10, 10]])
    limited = within_stock(production, np.array([99, 15]), np.zeros((2, 3), np.int64))
    (shortage,) = shortages(production, limited)
    assert shortage == Shortage(bank=1, week=1, possible=5, production=10, weeks=2)
    assert shortage_words(shortage, bank="工行") == (
        "工行空白卡不足：第 2 周可制 10 张，空白卡只够 5 张，共影响 2 周。请安排该行在第 2 周前补充空白卡"
    )


NONE = np.zeros((2, 3), np.int64)


@pytest.mark.parametrize(
    ("production", "opening", "deliveries", "wanted", "told"),
    [
        (NONE, np.zeros(3, np.int64), NONE, None, "期初空白卡应为 2 家银行，实际为 3 家"),
        (NONE, np.zeros(2, np.int64), NONE[:, 1:], None, "空白卡到货应为"),
        (NONE, np.zeros(2, np.int64), NONE, NONE[1:], "可申领人数应为"),
        (NONE - 1, np.zeros(2, np.int64), NONE, None, "制卡能力：不能是负数"),
        (NONE, np.array([0, -1]), NONE, None, "期初空白卡：不能是负数"),
        (NONE, np.zeros(2, np.int64), NONE - 1, None, "空白卡到货：不能是负数"),
        (NONE, np.zeros(2, np.int64), NONE, NONE - 1, "可申领人数：不能是负数"),
    ],
)
def test_numbers_that_are_none_are_refused(
    production: np.ndarray, opening: np.ndarray, deliveries: np.ndarray, wanted: np.ndarray | None, told: str
) -> None:
    with pytest.raises(ProblemWrong, match=told):
        within_stock(production, opening, deliveries, wanted=wanted)
