"""Who may apply for which card, at which bank, and when it must be ready.

Pure: no I/O, no clock, no framework. Facts about the person come in as ``Situation``, the programme's dated rules as
``ProgrammeRules``; what comes out is a list of banks, a date, or the first reason that stands against it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from yikatong.city.rules import ProgrammeRules
from yikatong.foundation.errors import Refused
from yikatong.foundation.workdays import is_working_day

ADULT_AGE_YEARS = 18


class Reason(StrEnum):
    """Why an application is refused, in the order of checking."""

    PERSON_UNKNOWN = "person_unknown"
    ID_REUSED = "id_reused"
    NOT_OFFERED = "not_offered"
    NOT_ALLOWED_TO_ACT = "not_allowed_to_act"
    GUARDIAN_REQUIRED = "guardian_required"
    APPLICATION_OPEN = "application_open"
    BATCH_NOT_OPEN = "batch_not_open"
    CHANNEL_NOT_OPEN = "channel_not_open"
    CARD_ALREADY_HELD = "card_already_held"
    REPLACEMENT_NEEDED = "replacement_needed"
    NOTHING_TO_REPLACE = "nothing_to_replace"
    BANK_NOT_ALLOWED = "bank_not_allowed"
    OUTLET_MISSING = "outlet_missing"
    OUTLET_OF_OTHER_BANK = "outlet_of_other_bank"
    MINOR_COLLECTS_AT_OUTLET = "minor_collects_at_outlet"
    ADDRESS_MISSING = "address_missing"
    UNIT_MISSING = "unit_missing"
    UNIT_DOES_NOT_COLLECT = "unit_does_not_collect"
    APPLICATION_UNKNOWN = "application_unknown"
    STATE_FORBIDS = "state_forbids"


KINDS = frozenset({"first", "replacement"})
CHANNELS = frozenset({"web", "outlet", "outreach", "unit"})
COLLECTIONS = frozenset({"outlet", "post", "unit", "visit"})
COLLECTIVE_CHANNELS: Mapping[str, frozenset[str]] = {
    "employee": frozenset({"web", "unit"}),
    "student": frozenset({"web", "unit"}),
    "retiree": frozenset({"web", "outreach"}),
}
"""During the collective exchange: online only, by the unit for its people, and for retirees community helpers at home.

Source: 京人社数据字〔2024〕133号 (channels); that the unit's own upload counts as online: assumption.
"""


NEXT_STATES: Mapping[str, frozenset[str]] = {
    "submitted": frozenset({"approved", "rejected", "cancelled"}),
    "approved": frozenset({"in_production", "cancelled"}),
    "in_production": frozenset({"ready"}),
    "ready": frozenset({"collected", "cancelled"}),
    "rejected": frozenset(),
    "collected": frozenset(),
    "cancelled": frozenset(),
}
"""What may follow what. ``ready`` becomes ``cancelled`` only when a posted card is reported lost, never by ``cancel``."""
OPEN_STATES = frozenset({"submitted", "approved", "in_production", "ready"})
WITHDRAWABLE_STATES = frozenset({"submitted", "approved"})


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
    """The facts on the day of application.

    ``acting_person_id`` is who applies, ``None`` when a clerk or helper has the applicant's document before them.
    ``delegate_ids``: to whom the person gave the right to apply.
    ``bank_names``: code and Chinese name of every bank that takes part on that day.
    """

    person_id: int
    acting_person_id: int | None
    category: str
    age_years: int
    guardian_ids: frozenset[int]
    units: tuple[Unit, ...]
    pension_bank_code: str
    bank_names: Mapping[str, str]
    has_open_application: bool
    held_third_generation: bool
    has_lost_third_generation: bool
    has_had_third_generation: bool
    delegate_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. ``outlet_bank_code``: whose the chosen outlet is, ``None`` without one."""

    kind: str
    channel: str
    bank_code: str
    collection: str
    outlet_bank_code: str | None
    has_address: bool
    organisation_code: str


def eligible_banks(situation: Situation, rules: ProgrammeRules) -> tuple[str, ...]:
    """The codes of the banks this person may choose from, in no meaningful order; never empty while any bank takes part.

    From 2026-01-01 (normal issuance) anyone may choose any bank, except where the unit collects for its people. Who belongs
    to two units that picked may choose among the picks of both (assumption).
    Source: 京人社数据字〔2024〕133号 (collective exchange); rules/programme.toml ``bank_choice``.
    """
    rule = rules.bank_choice[situation.category].rule
    banks = tuple(situation.bank_names)
    picked = _picked_by_units(situation, rule, is_normal=_is_normal(situation, rules))
    if picked:
        return tuple(code for code in banks if code in picked)
    is_first = not situation.has_had_third_generation
    if rule == "pension_bank_first" and is_first and situation.pension_bank_code in situation.bank_names:
        return (situation.pension_bank_code,)
    return banks


def _is_normal(situation: Situation, rules: ProgrammeRules) -> bool:
    """Whether normal issuance has begun: it is the one batch that looks at no district for anybody."""
    return any(batch.code == "normal" for batch in rules.batches_open_to(situation.category, ""))


def _picked_by_units(situation: Situation, rule: str, *, is_normal: bool) -> frozenset[str]:
    """What the units that bind this person picked, as far as those banks take part."""
    picked: set[str] = set()
    for unit in situation.units:
        binds = {
            "unit_list": True,
            "unit_list_if_whole": unit.is_enrolled_as_whole,
            "unit_list_if_collects": unit.collects_for_members,
        }.get(rule, False)
        if binds and (unit.collects_for_members or not is_normal):
            picked.update(unit.bank_codes)
    return frozenset(picked & situation.bank_names.keys())


def check_right_to_act(situation: Situation, channel: str) -> None:
    """A minor's card is applied for by a guardian; anybody else applies themselves, or whom they gave that right.

    Raises ``Refused``.

    Nobody stands before a desk on the web, so there it must be known who acts.
    """
    acting = situation.acting_person_id
    if situation.age_years < ADULT_AGE_YEARS:
        if acting is None or acting not in situation.guardian_ids:
            raise Refused(Reason.GUARDIAN_REQUIRED, "未满十八周岁的，由监护人代为申请")
    elif acting is None:
        if channel == "web":
            raise Refused(Reason.NOT_ALLOWED_TO_ACT, "请先登录，由本人申请")
    elif acting != situation.person_id and acting not in situation.guardian_ids | situation.delegate_ids:
        raise Refused(Reason.NOT_ALLOWED_TO_ACT, "您没有为此人办理的权限；请由本人申请，或先办理委托")


def check_application(wish: Wish, situation: Situation, rules: ProgrammeRules) -> None:
    """Raise ``Refused`` with the first reason that stands against this application."""
    if wish.kind not in KINDS or wish.channel not in CHANNELS or wish.collection not in COLLECTIONS:
        asked = f"{wish.kind} / {wish.channel} / {wish.collection}"
        raise Refused(Reason.NOT_OFFERED, f"没有这种办理方式：{asked}；请重新打开申请页面")
    check_right_to_act(situation, wish.channel)
    if situation.has_open_application:
        raise Refused(Reason.APPLICATION_OPEN, "已有一份办理中的申请，请先查看进度；不需要的可以取消后重新申请")
    if not _is_batch_open(situation, rules):
        raise Refused(Reason.BATCH_NOT_OPEN, "您所在的批次尚未开始，请留意通知")
    _check_channel(wish, situation, rules)
    _check_kind(wish, situation)
    allowed = eligible_banks(situation, rules)
    if wish.bank_code not in allowed:
        names = "、".join(situation.bank_names[code] for code in allowed)
        raise Refused(Reason.BANK_NOT_ALLOWED, f"不能选择这家银行；可选：{names}")
    _check_collection(wish, situation)


def _is_batch_open(situation: Situation, rules: ProgrammeRules) -> bool:
    districts: Sequence[str] = [unit.district_code for unit in situation.units] or [""]
    return any(rules.batches_open_to(situation.category, district) for district in districts)


def _check_channel(wish: Wish, situation: Situation, rules: ProgrammeRules) -> None:
    collective = COLLECTIVE_CHANNELS.get(situation.category, frozenset({"web"}))
    if not _is_normal(situation, rules) and wish.channel not in collective:
        raise Refused(Reason.CHANNEL_NOT_OPEN, "集中换发期间请在网上办理；2026年1月1日起可到网点或服务点办理")
    if wish.channel == "unit" and _unit_of(wish, situation) is None:
        raise Refused(Reason.UNIT_MISSING, "此人不属于所填单位，不能由该单位代为申请")


def _check_kind(wish: Wish, situation: Situation) -> None:
    if wish.kind == "first" and situation.held_third_generation:
        raise Refused(Reason.CARD_ALREADY_HELD, "已持有第三代社保卡；如已遗失，请先正式挂失再申请补卡")
    if wish.kind == "first" and situation.has_lost_third_generation:
        raise Refused(Reason.REPLACEMENT_NEEDED, "您的第三代社保卡已正式挂失，请申请补卡")
    if wish.kind == "replacement" and not situation.has_lost_third_generation:
        raise Refused(Reason.NOTHING_TO_REPLACE, "没有已正式挂失的第三代社保卡，不能申请补卡")


def _unit_of(wish: Wish, situation: Situation) -> Unit | None:
    return next((unit for unit in situation.units if unit.code == wish.organisation_code), None)


def _check_collection(wish: Wish, situation: Situation) -> None:
    if wish.collection == "outlet":
        if wish.outlet_bank_code is None:
            raise Refused(Reason.OUTLET_MISSING, "请选择领卡网点")
        if wish.outlet_bank_code != wish.bank_code:
            raise Refused(Reason.OUTLET_OF_OTHER_BANK, "所选网点不属于所选银行，请重新选择")
        return
    if situation.age_years < ADULT_AGE_YEARS:
        raise Refused(Reason.MINOR_COLLECTS_AT_OUTLET, "未成年人的卡由监护人到网点领取，请选择领卡网点")
    if wish.collection in {"post", "visit"}:
        if not wish.has_address:
            raise Refused(Reason.ADDRESS_MISSING, "请填写收卡地址")
        return
    unit = _unit_of(wish, situation)
    if unit is None:
        raise Refused(Reason.UNIT_MISSING, "您不属于所填单位，不能由该单位代领")
    if not unit.collects_for_members:
        raise Refused(Reason.UNIT_DOES_NOT_COLLECT, "所填单位不代领社保卡，请选择网点领取或邮寄")
    if unit.bank_codes and wish.bank_code not in unit.bank_codes:
        raise Refused(Reason.BANK_NOT_ALLOWED, "由单位代领的，只能选择单位选定的银行")


def promised_by(kind: str, submitted_on: date, rules: ProgrammeRules) -> date:
    """The day by which the card must be made: natural days for a first card, working days for a replacement.

    Source: rules/programme.toml ``limit``; working days: ``foundation.workdays``.
    """
    if kind == "first":
        return submitted_on + timedelta(days=rules.limits.first_issue_max_natural_days)
    day, left = submitted_on, rules.limits.replacement_max_working_days
    while left:
        day += timedelta(days=1)
        left -= is_working_day(day)
    return day


def check_step(state: str, following: str) -> None:
    """Raise ``Refused`` when an application in ``state`` cannot become ``following``."""
    if following not in NEXT_STATES[state]:
        raise Refused(Reason.STATE_FORBIDS, f"申请目前的状态（{state}）不允许这一步（{following}）")


def check_withdrawal(state: str) -> bool:
    """Whether the application is to be withdrawn now; ``False`` when it was already. Raises ``Refused``.

    Once its card is being made it cannot be: the card exists and must be collected, or reported lost and replaced.
    """
    if state == "cancelled":
        return False
    if state not in WITHDRAWABLE_STATES:
        raise Refused(Reason.STATE_FORBIDS, "卡片已进入制作或申请已办结，不能取消")
    return True
