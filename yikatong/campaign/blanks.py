"""A bank's blank cards: how many cards it can make in each week with the stock it has and what is delivered.

A plan knows limits for each week, and a stock is none: what is not used today can be used tomorrow. So the stock is laid out over
the weeks beforehand, such that cumulated cards never exceed cumulated blanks, whatever the plan makes of it. First the weeks get
what people who are waiting by then could use, the earliest first; what is still to spare goes to the earliest weeks that can make
more. This restricts the plan where blanks are short: what a week leaves unused of its part, no later week gets. It is exact, so
that the best plan with the limits is the best with the stock, where blanks never run short, or where every week before the last
short one uses up its part, as it does when people wait for cards. Weeks begin with their delivery.
"""

from dataclasses import dataclass

import numpy as np

from yikatong.campaign.problem import Ints, ProblemWrong


@dataclass(frozen=True, slots=True)
class Shortage:
    """The first week in which a bank can make fewer cards than its machines could, and how many weeks there are of them.

    ``possible``: cards with the blanks; ``production``: without that limit.
    """

    bank: int
    week: int
    possible: int
    production: int
    weeks: int


def within_stock(production: Ints, opening: Ints, deliveries: Ints, *, wanted: Ints | None = None) -> Ints:
    """Production that the blanks suffice for, banks × weeks. Raises ``ProblemWrong``.

    ``opening``: blanks of each bank before the first week; ``deliveries``: at the beginning of each week; ``wanted``: people who
    may come from that week on. Without it, everybody is taken to wait from the first week.
    """
    _check(production, opening, deliveries, wanted)
    blanks = opening[:, None] + np.cumsum(deliveries, axis=1)
    useful = production if wanted is None else _as_early_as_can_be(production, blanks, wanted)
    laid_out = _as_early_as_can_be(useful, blanks, None)
    spare = blanks - np.cumsum(laid_out, axis=1)
    spare = np.minimum.accumulate(spare[:, ::-1], axis=1)[:, ::-1]
    return laid_out + _as_early_as_can_be(production - laid_out, spare, None)


def shortages(production: Ints, limited: Ints) -> list[Shortage]:
    """One for each bank whose blanks do not suffice, in the order of the banks."""
    is_short = limited < production
    found = []
    for bank in np.flatnonzero(is_short.any(axis=1)).tolist():
        week = int(is_short[bank].argmax())
        possible, could = int(limited[bank, week]), int(production[bank, week])
        found.append(Shortage(bank, week, possible, could, int(is_short[bank].sum())))
    return found


def shortage_words(shortage: Shortage, *, bank: str) -> str:
    """What the bank is asked for."""
    return (
        f"{bank}空白卡不足：第 {shortage.week + 1} 周可制 {shortage.production} 张，空白卡只够 {shortage.possible} 张，"
        f"共影响 {shortage.weeks} 周。请安排该行在第 {shortage.week + 1} 周前补充空白卡"
    )


def _as_early_as_can_be(most: Ints, blanks: Ints, wanted: Ints | None) -> Ints:
    """Week by week, as many as ``most`` allows, cumulated ``blanks`` suffice for, and people are waiting for."""
    made = np.zeros(most.shape, np.int64)
    so_far = np.zeros(len(most), np.int64)
    waiting = None if wanted is None else np.cumsum(wanted, axis=1)
    for week in range(most.shape[1]):
        until = blanks[:, week] if waiting is None else np.minimum(blanks[:, week], waiting[:, week])
        made[:, week] = np.minimum(most[:, week], until - so_far)
        so_far += made[:, week]
    return made


def _check(production: Ints, opening: Ints, deliveries: Ints, wanted: Ints | None) -> None:
    if opening.shape != production.shape[:1]:
        raise ProblemWrong(f"期初空白卡应为 {len(production)} 家银行，实际为 {len(opening)} 家")
    for what, numbers in (("空白卡到货", deliveries), ("可申领人数", wanted)):
        if numbers is not None and numbers.shape != production.shape:
            raise ProblemWrong(f"{what}应为 {production.shape}，实际为 {numbers.shape}")
    for what, numbers in (
        ("制卡能力", production),
        ("期初空白卡", opening),
        ("空白卡到货", deliveries),
        ("可申领人数", wanted),
    ):
        if numbers is not None and numbers.size and numbers.min() < 0:
            raise ProblemWrong(f"{what}：不能是负数")
