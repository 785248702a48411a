"""The forecast against campaigns made up with known shares and delays: it finds them, whenever it is asked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.campaign.forecast import Prior, beta_quantile, estimate, expected, uptake_words
from yikatong.campaign.problem import ProblemWrong

LAG = np.array([0.4, 0.3, 0.2, 0.1])
SHARES = np.array([0.85, 0.6, 0.3])
GUESS = Prior(np.array([70.0, 70.0, 70.0]), np.full(3, 50.0), np.array([25.0, 25.0, 25.0, 25.0]), 50.0)


def campaign(seed: int, *, weeks: int = 12, people: int = 3_000, growing: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Invited, and who applied after how many weeks; by chance, from the known shares and delay."""
    chance = np.random.default_rng(seed)
    by_week = people * (np.arange(1, weeks + 1) if growing else np.ones(weeks, np.int64))
    invited = np.broadcast_to(by_week, (len(SHARES), weeks)).astype(np.int64)
    applied = np.zeros((*invited.shape, len(LAG)), np.int64)
    for group, share in enumerate(SHARES):
        for week in range(weeks):
            applied[group, week] = chance.multinomial(chance.binomial(invited[group, week], share), LAG)
    return invited, applied


@pytest.mark.parametrize("weeks_over", [1, 2, 3, 6, 12])
def test_known_shares_are_found_however_many_invitations_are_recent(weeks_over: int) -> None:
    """In every week most have been invited lately; who has had no time yet must not count as one who stays away."""
    prior = Prior(GUESS.percent, GUESS.weight, 100 * LAG, 20_000.0)
    invited, applied = campaign(1)
    told = estimate(prior, invited, applied, weeks_over=weeks_over)
    assert told.share == pytest.approx(SHARES, abs=0.035 if weeks_over == 1 else 0.015)
    assert told.lag == pytest.approx(LAG, abs=0.015)
    is_over = np.arange(len(LAG)) < (weeks_over - np.arange(12))[:, None]
    naive = np.where(is_over, applied, 0).sum(axis=(1, 2)) / invited[:, :weeks_over].sum(axis=1)
    assert (naive < SHARES * 0.96).all(), "counting heads would be too low"


def test_a_wrong_belief_about_the_delay_is_unlearned() -> None:
    invited, applied = campaign(2)
    told = estimate(GUESS, invited, applied, weeks_over=12)
    assert told.lag == pytest.approx(LAG, abs=0.01)
    assert told.share == pytest.approx(SHARES, abs=0.01)


def test_the_estimate_is_right_on_average_and_its_interval_holds_as_often_as_it_says() -> None:
    prior = Prior(GUESS.percent, np.full(3, 1.0), 100 * LAG, 1e6)
    told = [estimate(prior, *campaign(seed, weeks=6, people=60, growing=False), weeks_over=6) for seed in range(300)]
    assert np.mean([each.share for each in told], axis=0) == pytest.approx(SHARES, abs=0.005)
    held = np.mean([(each.low <= SHARES) & (each.high >= SHARES) for each in told])
    assert 0.74 < held < 0.86


def test_without_anything_happening_the_guess_stands() -> None:
    invited, applied = np.zeros((3, 4), np.int64), np.zeros((3, 4, 4), np.int64)
    told = estimate(GUESS, invited, applied, weeks_over=0)
    assert told.share == pytest.approx([0.7, 0.7, 0.7])
    assert told.lag == pytest.approx([0.25] * 4)
    assert (told.low < 0.7).all()
    assert (told.high > 0.7).all()
    assert uptake_words(told, 0) == "预计 70% 的受邀人员会申领（80% 区间 62–78%），尚无实际情况，依据预设值"


def test_what_is_not_over_is_not_looked_at() -> None:
    invited, applied = campaign(3, weeks=8)
    told = estimate(GUESS, invited, applied, weeks_over=5)
    later = applied.copy()
    later[:, np.arange(8)[:, None] + np.arange(4)[None, :] >= 5] = 0
    again = estimate(GUESS, invited, later, weeks_over=5)
    assert (told.share == again.share).all()
    assert (told.invited == invited[:, :5].sum(axis=1)).all()


def test_more_people_make_the_interval_narrower() -> None:
    few, many = (estimate(GUESS, *campaign(4, people=people), weeks_over=12) for people in (10, 1_000))
    assert (many.high - many.low < (few.high - few.low) / 5).all()


@given(st.integers(0, 2**32 - 1), st.integers(0, 6))
def test_shares_are_shares_whatever_happens(seed: int, weeks_over: int) -> None:
    chance = np.random.default_rng(seed)
    invited = chance.integers(0, 50, (3, 6)) * chance.integers(0, 2, (3, 6))
    applied = np.zeros((3, 6, 4), np.int64)
    for at in np.ndindex(invited.shape):
        applied[at] = chance.multinomial(chance.integers(0, invited[at] + 1), chance.dirichlet(np.full(4, 0.3)))
    prior = Prior(chance.uniform(0.1, 99.9, 3), chance.uniform(0.5, 1e6, 3), np.full(4, 25.0), chance.uniform(0.1, 1e4))
    told = estimate(prior, invited, applied, weeks_over=weeks_over)
    assert ((told.low > 0) & (told.low < told.high) & (told.high < 1)).all()
    assert ((told.share > 0) & (told.share < 1)).all()
    assert told.lag.sum() == pytest.approx(1)
    assert (told.lag > 0).all()
    coming = expected(invited, told)
    assert (coming.people.sum(axis=1) <= invited.sum(axis=1) * told.share + 1e-9).all()
    assert (coming.low <= coming.high).all()


def test_who_is_invited_comes_later_by_the_usual_delay() -> None:
    told = estimate(GUESS, *campaign(5), weeks_over=12)
    planned = np.array([[100, 0, 0, 0, 0], [0, 0, 100, 0, 0], [0, 0, 0, 0, 100]])
    coming = expected(planned, told)
    assert coming.people[0] == pytest.approx(100 * told.share[0] * np.r_[told.lag, 0])
    assert coming.people[1] == pytest.approx(100 * told.share[1] * np.r_[0, 0, told.lag[:3]])
    assert coming.people[2] == pytest.approx(100 * told.share[2] * np.r_[0, 0, 0, 0, told.lag[0]])
    assert coming.high[0] == pytest.approx(coming.people[0] * told.high[0] / told.share[0])


def test_the_forecast_in_words() -> None:
    told = estimate(GUESS, *campaign(6), weeks_over=12)
    assert uptake_words(told, 1) == "预计 60% 的受邀人员会申领（80% 区间 60–60%），依据 234,000 人的实际情况"


@pytest.mark.parametrize("of", [0.05, 0.3, 1.0, 2.5, 40.0, 1e6])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_quantiles_that_have_a_formula(of: float, share: float) -> None:
    """The Beta distributions with one parameter 1 are powers."""
    assert beta_quantile(of, 1.0, share) == pytest.approx(share ** (1 / of), abs=0.001)
    assert beta_quantile(1.0, of, share) == pytest.approx(1 - (1 - share) ** (1 / of), abs=0.001)


@pytest.mark.parametrize(("ones", "zeros"), [(0.4, 0.4), (3.0, 9.0), (5e5, 2e5), (2e-3, 1.0), (8e6, 12.0)])
def test_quantiles_against_many_draws(ones: float, zeros: float) -> None:
    draws = np.random.default_rng(1).beta(ones, zeros, 400_000)
    for share in (0.1, 0.9):
        assert beta_quantile(ones, zeros, share) == pytest.approx(np.quantile(draws, share), abs=0.003)


PRIOR_PARTS = {"percent": GUESS.percent, "weight": GUESS.weight, "lag_percent": GUESS.lag_percent, "lag_weight": 5.0}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"percent": np.array([0.0, 50, 50])}, "申领率应大于 0%"),
        ({"percent": np.array([50.0])}, "申领率有 1 项"),
        ({"weight": np.array([0.0, 1, 1])}, "权重应大于 0 人"),
        ({"lag_weight": 0.0}, "权重应大于 0 人"),
        ({"lag_percent": np.array([100.0, 0.0])}, "每一周都应大于 0%"),
        ({"lag_percent": np.array([50.0, 30.0])}, "合计应为 100%，实际为 80.0%"),
    ],
)
def test_beliefs_that_are_none_are_refused(changed: dict[str, object], told: str) -> None:
    with pytest.raises(ProblemWrong, match=told):
        Prior(**{**PRIOR_PARTS, **changed}).check()


@pytest.mark.parametrize(
    ("invited", "applied", "weeks_over", "told"),
    [
        (np.zeros((2, 4)), np.zeros((2, 4, 4)), 1, "受邀人数应为 3 组"),
        (np.zeros((3, 4)), np.zeros((3, 4, 5)), 1, "申领人数应为"),
        (np.zeros((3, 4)) - 1, np.zeros((3, 4, 4)), 1, "不能是负数"),
        (np.zeros((3, 4)), np.ones((3, 4, 4)), 1, "多于受邀人数"),
        (np.zeros((3, 4)), np.zeros((3, 4, 4)), -1, "周数不能是负数"),
    ],
)
def test_counts_that_cannot_be_are_refused(
    invited: np.ndarray, applied: np.ndarray, weeks_over: int, told: str
) -> None:
    with pytest.raises(ProblemWrong, match=told):
        estimate(GUESS, invited.astype(np.int64), applied.astype(np.int64), weeks_over=weeks_over)
