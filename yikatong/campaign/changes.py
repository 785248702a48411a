"""What if: one thing that a plan takes to be otherwise than it is. Kept with the plan as JSON, told in words.

Pure: no I/O, no framework. What a change does to capacities: ``campaign.calendar``; to demand: ``campaign.reading``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from yikatong.campaign.problem import ProblemWrong

PERCENT_MAX = 1_000
"""Ten times the demand: more is a slip of the keyboard. Source: assumption."""


class _Change(msgspec.Struct, frozen=True, tag_field="kind"):
    """Dates are days, both of them still within the change."""


class CloseOutlet(_Change, frozen=True, tag="close_outlet"):
    """An outlet that takes nobody."""

    outlet_id: str
    first_day: date
    last_day: date


class LoseProduction(_Change, frozen=True, tag="lose_production"):
    """A bank that makes no cards."""

    bank_code: str
    first_day: date
    last_day: date


class MoreDemand(_Change, frozen=True, tag="more_demand"):
    """``percent`` of the people of a district, 200 being twice as many; under 100, fewer."""

    district_code: str
    percent: int


type Change = CloseOutlet | LoseProduction | MoreDemand
_CHANGES = list[CloseOutlet | LoseProduction | MoreDemand]
msgspec.json.Decoder(_CHANGES)  # ready before there are threads: see docs/decisions/0010


@dataclass(frozen=True, slots=True)
class Names:
    """What people call things, by code."""

    outlets: Mapping[str, str]
    banks: Mapping[str, str]
    districts: Mapping[str, str]


def to_json(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """As ``Campaign.changes`` keeps them."""
    found: list[dict[str, Any]] = msgspec.to_builtins(list(changes))
    return found


def from_json(kept: Any) -> tuple[Change, ...]:
    """What ``to_json`` made. Raises ``ProblemWrong`` for anything else."""
    try:
        return tuple(msgspec.convert(kept, _CHANGES))
    except msgspec.ValidationError as error:
        raise ProblemWrong(f"不认识的情景：{error}") from error


def check(changes: Sequence[Change], names: Names) -> None:
    """Raise ``ProblemWrong`` for a change of what there is not, for days the wrong way round, for a share that is none."""
    for change in changes:
        if isinstance(change, MoreDemand):
            _known(change.district_code, names.districts, "区")
            if not 0 <= change.percent <= PERCENT_MAX:
                raise ProblemWrong(f"需求比例应在 0 到 {PERCENT_MAX}% 之间，填的是 {change.percent}%")
            continue
        if isinstance(change, CloseOutlet):
            _known(change.outlet_id, names.outlets, "网点")
        else:
            _known(change.bank_code, names.banks, "银行")
        if change.last_day < change.first_day:
            raise ProblemWrong(f"结束日期 {change.last_day} 早于开始日期 {change.first_day}，请对调")


def words(change: Change, names: Names) -> str:
    """The change in a sentence."""
    if isinstance(change, MoreDemand):
        return f"{names.districts.get(change.district_code, change.district_code)}需求为 {change.percent}%"
    if isinstance(change, CloseOutlet):
        what = f"{names.outlets.get(change.outlet_id, change.outlet_id)}停办"
    else:
        what = f"{names.banks.get(change.bank_code, change.bank_code)}停止制卡"
    return f"{what}：{change.first_day} 至 {change.last_day}"


def demand_is_changed(changes: Iterable[Change]) -> bool:
    """Whether people are planned for who are not in the register, or people of it are not: such a plan is never published."""
    return any(isinstance(change, MoreDemand) and change.percent != 100 for change in changes)


def _known(code: str, names: Mapping[str, str], what: str) -> None:
    if code not in names:
        raise ProblemWrong(f"没有编号为 {code} 的{what}，请从列表中选择")
