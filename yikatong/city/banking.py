"""What the data folder adds to the public list of cooperating banks: English names, days of joining, the bank that is not named
yet, and how example outlets are made.

Read here because all of a folder is validated in one place; used by ``yikatong.banks``.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec

from yikatong.city.dated import Entry, read_entries
from yikatong.city.folder import Problem

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


_TABLES: dict[str, type[Entry]] = {"bank": BankEntry, "outlet_plan": OutletPlan}


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
    return entries, problems
