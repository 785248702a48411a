"""What the data folder adds to the public list of cooperating banks: English names, days of joining, the bank that is not named
yet, how example outlets are made, and what a bank offers to whoever takes the card from it.

Read here because all of a folder is validated in one place; used by ``yikatong.banks``.
"""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import msgspec

from yikatong.city.dated import Entry, in_force, read_entries
from yikatong.city.folder import CITY_DATA, BadCityData, Problem

BANKS = "rules/banks.toml"
Percent = Annotated[int, msgspec.Meta(ge=0, le=100, description="0 到 100 的整数")]


class BankEntry(Entry, frozen=True, kw_only=True):
    """A bank by its code. ``name_zh`` only for one that the public list lacks, which then is an assumption."""

    name_en: Annotated[str, msgspec.Meta(min_length=1, max_length=80, description="不超过 80 字的英文名称")]
    joined_on: date
    outlet_weight: Annotated[int, msgspec.Meta(ge=0, description="不小于 0 的整数")]
    name_zh: Annotated[str, msgspec.Meta(max_length=40, description="不超过 40 字的名称")] = ""
    is_assumption: bool = False  # of the bank itself, not merely of its weight


class OutletPlan(Entry, frozen=True, kw_only=True):
    """To how many outlets the listed ones are completed, and from which seed."""

    total: Annotated[int, msgspec.Meta(gt=0, le=100_000, description="1 到 100000 的整数")]
    seed: Annotated[str, msgspec.Meta(min_length=1, max_length=40, description="不超过 40 字的种子")]
    two_window_percent: Percent
    instant_issue_percent: Percent


class Offer(Entry, frozen=True, kw_only=True):
    """What a bank, by its ``code``, offers with the card until a day, that day included.

    One at a time, in so few words that all banks' cards stay of one size. It changes no order.
    """

    ends_on: date
    text_zh: Annotated[str, msgspec.Meta(min_length=1, max_length=30, description="不超过 30 字的中文")]
    text_en: Annotated[str, msgspec.Meta(min_length=1, max_length=60, description="不超过 60 字的英文")]


_TABLES: dict[str, type[Entry]] = {"bank": BankEntry, "outlet_plan": OutletPlan, "offer": Offer}


def read_banks(data: Path) -> tuple[dict[str, list[Any]], list[Problem]]:
    """The rule file's entries by table, and every fault in it."""
    entries, problems = read_entries(data, BANKS, _TABLES)
    if len(entries["outlet_plan"]) != 1:
        problems.append(Problem(BANKS, 0, "outlet_plan", "必须恰好有一条"))
    problems += [
        Problem(BANKS, 0, "bank.name_zh", f"{bank.code}：名称未公布的银行必须同时写 name_zh 和 is_assumption = true")
        for bank in entries["bank"]
        if bool(bank.name_zh) != bank.is_assumption
    ]
    banks = {bank.code for bank in entries["bank"]}
    for offer in entries["offer"]:
        if offer.code not in banks:
            problems.append(Problem(BANKS, 0, "offer.code", f"{offer.code}：没有这家银行"))
        if offer.ends_on < offer.effective_from:
            problems.append(Problem(BANKS, 0, "offer.ends_on", f"{offer.code}：{offer.ends_on} 早于生效日"))
    return entries, problems


@cache
def offers_at(day: date, data: Path = CITY_DATA) -> dict[str, Offer]:
    """Each bank's offer of a day, by the bank's code; a bank without one is missing. Raises ``BadCityData``."""
    entries, problems = read_banks(data)
    if problems:
        raise BadCityData(problems)
    offers: dict[str, Offer] = in_force(entries["offer"], day)
    return {code: offer for code, offer in offers.items() if offer.ends_on >= day}
