"""Who of those invited will come, and when: a forecast that begins with a guess and learns from what happens.

Each group of people (a category, or a category in a district) has a share that applies. Before anybody was invited it is a guess
that weighs as much as so many people: a Beta distribution. Then come those who were invited and those who applied. Whoever was
invited lately had less time, so each week of invitations counts only by the part of the usual delay that is over. The delay in
weeks is a guess too at first, a Dirichlet distribution, and learns from all groups together; who has not applied yet is reckoned
with as those were who had more time (EM for right-truncated counts). Source: assumption (one delay for all groups; people decide
apart from each other).

The interval is of the share alone. It leaves aside that the delay itself is estimated and that few or many may come by chance,
so that it is somewhat narrow while most invitations are recent. Pure: counts in, counts out; it stores nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yikatong.campaign.problem import Ints, ProblemWrong

type Floats = NDArray[np.float64]

LOW, HIGH = 0.1, 0.9
"""The interval is from the 10th to the 90th percentile."""
_EM_ROUNDS = 500
_EM_CLOSE = 1e-10
_GRID = 2_001
_GRID_DEVIATIONS = 9.0


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed before anything happens.

    ``percent``: of each group, who will apply; ``weight``: people that this belief is worth, per group. ``lag_percent``: of those
    who apply, who does so in the week of the invitation, a week later and so on, the last entry being that week or any later;
    ``lag_weight``: people that it is worth.
    """

    percent: Floats
    weight: Floats
    lag_percent: Floats
    lag_weight: float

    def check(self) -> None:
        """Raise ``ProblemWrong`` for numbers that are none."""
        if len(self.percent) != len(self.weight):
            raise ProblemWrong(f"申领率有 {len(self.percent)} 项，权重有 {len(self.weight)} 项")
        if not ((self.percent > 0) & (self.percent < 100)).all():
            raise ProblemWrong("预设申领率应大于 0%、小于 100%")
        if not ((self.weight > 0).all() and self.lag_weight > 0):
            raise ProblemWrong("预设的权重应大于 0 人")
        if not len(self.lag_percent) or (self.lag_percent <= 0).any():
            raise ProblemWrong("申领时滞的每一周都应大于 0%")
        if abs(self.lag_percent.sum() - 100) > 0.5:
            raise ProblemWrong(f"申领时滞合计应为 100%，实际为 {self.lag_percent.sum():.1f}%")


@dataclass(frozen=True, slots=True)
class Uptake:
    """The forecast, in shares from 0 to 1: each group's ``share`` with ``low`` and ``high``; ``lag``: of appliers, by week.

    ``invited``: people of each group who were invited so far; ``seen``: as how many they count, by the time that they had.
    """

    share: Floats
    low: Floats
    high: Floats
    lag: Floats
    invited: Ints
    seen: Floats


@dataclass(frozen=True, slots=True)
class Expected:
    """Who is likely to come, groups × weeks, and the same with the lower and the higher share."""

    people: Floats
    low: Floats
    high: Floats


def estimate(prior: Prior, invited: Ints, applied: Ints, *, weeks_over: int) -> Uptake:
    """``invited``: groups × weeks of invitation; ``applied``: groups × weeks of invitation × weeks until they applied.

    The first ``weeks_over`` weeks are over; what belongs to later ones is not looked at. The last of the weeks until applying
    is that one or any later. Raises ``ProblemWrong``.
    """
    prior.check()
    _check(prior, invited, applied, weeks_over)
    weeks = invited.shape[1]
    lags = len(prior.lag_percent)
    had = weeks_over - np.arange(weeks)
    is_over = np.arange(lags)[None, :] < had[:, None]
    came = np.where(is_over[None, :, :], applied, 0)
    lag = _lag(prior, came.sum(axis=0), is_over)
    elapsed = (is_over * lag).sum(axis=1)
    seen = invited @ elapsed
    applicants = came.sum(axis=(1, 2)).astype(np.float64)
    ones = prior.percent / 100 * prior.weight + applicants
    zeros = (1 - prior.percent / 100) * prior.weight + np.maximum(seen - applicants, 0.0)
    return Uptake(
        share=ones / (ones + zeros),
        low=np.array([beta_quantile(a, b, LOW) for a, b in zip(ones, zeros, strict=True)]),
        high=np.array([beta_quantile(a, b, HIGH) for a, b in zip(ones, zeros, strict=True)]),
        lag=lag,
        invited=invited[:, had > 0].sum(axis=1),
        seen=seen,
    )


def expected(planned: Ints, uptake: Uptake) -> Expected:
    """``planned``: people to be invited, groups × weeks. Who comes after the last week is not in it; append weeks to see them."""
    weeks = planned.shape[1]
    by_week = np.zeros((weeks, weeks))
    for late, part in enumerate(uptake.lag[:weeks]):
        by_week += part * np.eye(weeks, k=late)
    coming = planned @ by_week
    people, low, high = (coming * share[:, None] for share in (uptake.share, uptake.low, uptake.high))
    return Expected(people, low, high)


def uptake_words(uptake: Uptake, group: int) -> str:
    """One group's forecast in a sentence."""
    share, low, high = (100 * float(of[group]) for of in (uptake.share, uptake.low, uptake.high))
    told = f"预计 {share:.0f}% 的受邀人员会申领（80% 区间 {low:.0f}–{high:.0f}%）"
    invited = int(uptake.invited[group])
    if not invited:
        return f"{told}，尚无实际情况，依据预设值"
    return f"{told}，依据 {invited:,} 人的实际情况"


def beta_quantile(ones: float, zeros: float, share: float) -> float:
    """A quantile of the Beta distribution by summing its density, within 0.001.

    The grid covers nine standard deviations about the mean of the log-odds, where the density has no poles.
    """
    center, deviation = _log_odds(ones, zeros)
    odds = center + deviation * np.linspace(-_GRID_DEVIATIONS, _GRID_DEVIATIONS, _GRID)
    logs = -ones * np.logaddexp(0.0, -odds) - zeros * np.logaddexp(0.0, odds)
    density = np.exp(logs - logs.max())
    below = np.r_[0.0, np.cumsum((density[1:] + density[:-1]) / 2)]
    at = np.interp(share * below[-1], below, odds)
    return float(np.exp(-np.logaddexp(0.0, -at)))


def _log_odds(ones: float, zeros: float) -> tuple[float, float]:
    """Where the log-odds of a Beta lie, and about how far they spread: the sum of the tails of both Gamma variables."""
    center = float(np.log(ones / zeros))
    return center, float(np.sqrt(1 / ones + 1 / zeros + 1 / ones**2 + 1 / zeros**2))


def _lag(prior: Prior, came: Ints, is_over: NDArray[np.bool_]) -> Floats:
    """The delay's distribution: what was believed, who came, and for each week of invitations those who are still to come."""
    believed = prior.lag_percent / prior.lag_percent.sum()
    counts = came.sum(axis=0)
    by_week = came.sum(axis=1)
    lag = believed
    for _ in range(_EM_ROUNDS):
        elapsed = (is_over * lag).sum(axis=1)
        to_come = np.divide(by_week, elapsed, out=np.zeros(len(elapsed)), where=elapsed > 0)
        full = believed * prior.lag_weight + counts + (to_come[:, None] * ~is_over * lag).sum(axis=0)
        new = full / full.sum()
        if np.abs(new - lag).max() < _EM_CLOSE:
            return new
        lag = new
    return lag


def _check(prior: Prior, invited: Ints, applied: Ints, weeks_over: int) -> None:
    groups, lags = len(prior.percent), len(prior.lag_percent)
    if invited.ndim != 2 or len(invited) != groups:
        raise ProblemWrong(f"受邀人数应为 {groups} 组 × 周，实际为 {invited.shape}")
    if applied.shape != (*invited.shape, lags):
        raise ProblemWrong(f"申领人数应为 {(*invited.shape, lags)}，实际为 {applied.shape}")
    if invited.size and (invited.min() < 0 or applied.min() < 0):
        raise ProblemWrong("受邀人数和申领人数不能是负数")
    if (applied.sum(axis=2) > invited).any():
        raise ProblemWrong("申领人数多于受邀人数")
    if weeks_over < 0:
        raise ProblemWrong(f"已结束的周数不能是负数：{weeks_over}")
