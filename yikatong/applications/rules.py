"""Who may apply for which card, at which bank, and when it must be ready.

Pure: no I/O, no clock, no framework. Facts about the person come in as ``Situation``, the programme's dated rules as
``ProgrammeRules``; what comes out is a list of banks, a date, or the first reason that stands against it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from yikatong.city.rules import ProgrammeRules
from yikatong.foundation.errors import Refused

ADULT_AGE_YEARS = 18


class Reason(StrEnum):
    """Why an application is refused, in the order of checking."""

    PERSON_UNKNOWN = "person_unknown"
    NOT_ALLOWED_TO_ACT = "not_allowed_to_act"
    GUARDIAN_REQUIRED = "guardian_required"
    ID_REUSED = "id_reused"
    APPLICATION_OPEN = "application_open"
    BATCH_NOT_OPEN = "batch_not_open"
    CARD_ALREADY_HELD = "card_already_held"
    NOTHING_TO_REPLACE = "nothing_to_replace"
    BANK_NOT_ALLOWED = "bank_not_allowed"
    OUTLET_MISSING = "outlet_missing"
    OUTLET_OF_OTHER_BANK = "outlet_of_other_bank"
    ADDRESS_MISSING = "address_missing"
    UNIT_MISSING = "unit_missing"
    MINOR_COLLECTS_AT_OUTLET = "minor_collects_at_outlet"
    STATE_FORBIDS = "state_forbids"


NEXT_STATES: dict[str, frozenset[str]] = {
    "submitted": frozenset({"approved", "rejected", "cancelled"}),
    "approved": frozenset({"in_production", "cancelled"}),
    "in_production": frozenset({"ready"}),
    "ready": frozenset({"collected", "cancelled"}),
    "rejected": frozenset(),
    "collected": frozenset(),
    "cancelled": frozenset(),
}
OPEN_STATES = frozenset({"submitted", "approved", "in_production", "ready"})


@dataclass(frozen=True, slots=True)
class Unit:
    """What matters of the employer or school a person belongs to."""

    code: str
    kind: str
    district_code: str
    bank_codes: tuple[str, ...]
    is_enrolled_as_whole: bool
    collects_for_members: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """The facts on the day of application. ``acting_person_id`` is who applies."""

    person_id: int
    acting_person_id: int | None
    category: str
    age_years: int
    guardian_ids: frozenset[int]
    units: tuple[Unit, ...]
    pension_bank_code: str
    all_bank_codes: tuple[str, ...]
    has_open_application: bool
    held_third_generation: bool
    has_lost_third_generation: bool
    has_had_third_generation: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for."""

    kind: str
    bank_code: str
    collection: str
    outlet_bank_code: str | None
    has_address: bool
    organisation_code: str


def eligible_banks(situation: Situation, rules: ProgrammeRules) -> tuple[str, ...]:
    """The banks this person may choose from, in no meaningful order.

    From 2026-01-01 (normal issuance) anyone may choose any bank, except where the unit collects for its people.
    Source: 京人社数据字〔2024〕133号 (collective exchange); rules/programme.toml ``bank_choice``.
    """
    is_normal = any(batch.code == "normal" for batch in rules.batches_open_to(situation.category, ""))
    rule = rules.bank_choice[situation.category].rule
    picked = _picked_by_unit(situation, rule, is_normal=is_normal)
    if picked:
        return tuple(code for code in situation.all_bank_codes if code in picked)
    is_first = not situation.has_had_third_generation
    if rule == "pension_bank_first" and is_first and situation.pension_bank_code in situation.all_bank_codes:
        return (situation.pension_bank_code,)
    return situation.all_bank_codes


def _picked_by_unit(situation: Situation, rule: str, *, is_normal: bool) -> frozenset[str]:
    for unit in situation.units:
        binds = {
            "unit_list": True,
            "unit_list_if_whole": unit.is_enrolled_as_whole,
            "unit_list_if_collects": unit.collects_for_members,
        }.get(rule, False)
        if binds and unit.bank_codes and (unit.collects_for_members or not is_normal):
            return frozenset(unit.bank_codes)
    return frozenset()


def check_right_to_act(situation: Situation) -> None:
    """A minor's card is applied for by a guardian; anybody else applies for themselves. Raises ``Refused``."""
    acting = situation.acting_person_id
    if situation.age_years < ADULT_AGE_YEARS:
        if acting is None or acting not in situation.guardian_ids:
            raise Refused(Reason.GUARDIAN_REQUIRED, "未满十八周岁的，由监护人代为申请")
    elif acting not in {None, situation.person_id} and acting not in situation.guardian_ids:
        raise Refused(Reason.NOT_ALLOWED_TO_ACT, "您没有为此人办理的权限；请由本人申请，或先办理委托")


def check_application(wish: Wish, situation: Situation, rules: ProgrammeRules) -> None:
    """Raise ``Refused`` with the first reason that stands against this application."""
    check_right_to_act(situation)
    if situation.has_open_application:
        raise Refused(Reason.APPLICATION_OPEN, "已有一份办理中的申请，请先查看进度；不需要的可以取消后重新申请")
    if not _is_batch_open(situation, rules):
        raise Refused(Reason.BATCH_NOT_OPEN, "您所在的批次尚未开始，请留意通知")
    if wish.kind == "first" and situation.held_third_generation:
        raise Refused(Reason.CARD_ALREADY_HELD, "已持有第三代社保卡；如已遗失，请先正式挂失再申请补卡")
    if wish.kind == "replacement" and not situation.has_lost_third_generation:
        raise Refused(Reason.NOTHING_TO_REPLACE, "没有已正式挂失的第三代社保卡，不能申请补卡")
    allowed = eligible_banks(situation, rules)
    if wish.bank_code not in allowed:
        raise Refused(Reason.BANK_NOT_ALLOWED, f"不能选择这家银行；可选：{'、'.join(allowed)}")
    _check_collection(wish, situation)


def _is_batch_open(situation: Situation, rules: ProgrammeRules) -> bool:
    districts: Sequence[str] = [unit.district_code for unit in situation.units] or [""]
    return any(rules.batches_open_to(situation.category, district) for district in districts)


def _check_collection(wish: Wish, situation: Situation) -> None:
    if wish.collection == "outlet":
        if wish.outlet_bank_code is None:
            raise Refused(Reason.OUTLET_MISSING, "请选择领卡网点")
        if wish.outlet_bank_code != wish.bank_code:
            raise Refused(Reason.OUTLET_OF_OTHER_BANK, "所选网点不属于所选银行，请重新选择")
        return
    if situation.age_years < ADULT_AGE_YEARS:
        raise Refused(Reason.MINOR_COLLECTS_AT_OUTLET, "未成年人的卡由监护人到网点领取，请选择领卡网点")
    if wish.collection == "post" and not wish.has_address:
        raise Refused(Reason.ADDRESS_MISSING, "请填写邮寄地址")
    if wish.collection == "unit" and wish.organisation_code not in {unit.code for unit in situation.units}:
        raise Refused(Reason.UNIT_MISSING, "您不属于所填单位，不能由该单位代领")


def promised_by(kind: str, submitted_on: date, rules: ProgrammeRules) -> date:
    """The day by which the card must be made: natural days for a first card, working days for a replacement.

    Monday to Friday count as working days; public holidays are not known yet. Source: rules/programme.toml ``limit``.
    """
    if kind == "first":
        return submitted_on + timedelta(days=rules.limits.first_issue_max_natural_days)
    day, left = submitted_on, rules.limits.replacement_max_working_days
    while left:
        day += timedelta(days=1)
        left -= day.isoweekday() <= 5
    return day


def check_step(state: str, following: str) -> None:
    """Raise ``Refused`` when an application in ``state`` cannot become ``following``."""
    if following not in NEXT_STATES[state]:
        raise Refused(Reason.STATE_FORBIDS, f"申请目前是“{state}”，不能变为“{following}”")
