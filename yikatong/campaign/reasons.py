"""Why one person has the slot they have in a stored plan, or none, in words; from what was stored with the plan.

It plans nothing and names nobody.
"""

from datetime import timedelta

import numpy as np

from yikatong.banks.models import Bank, Outlet
from yikatong.campaign.explain import Reason, reason_words
from yikatong.campaign.geography import Geography, positions
from yikatong.campaign.models import BankWeek, Campaign, PlaceWeek, Slot, UnitSlot
from yikatong.campaign.problem import distances_m
from yikatong.campaign.refusals import NO_COMMUNITY, NO_GUARDIAN, NO_ROOM, NO_WEEK_FOR_UNIT, NOT_OPEN
from yikatong.registry.models import Organisation, Person

REFUSAL_WORDS: dict[str, str] = {
    NO_ROOM: "本期内所选方式的领卡点和银行制卡能力都已排满，暂时安排不下",
    NO_WEEK_FOR_UNIT: "所在单位在本期内没有能一次容纳全体人员的周次",
    NO_GUARDIAN: "未满十八周岁，登记簿中没有监护人：请先登记监护关系",
    NOT_OPEN: "所在批次在计划期内尚未开放",
    NO_COMMUNITY: "登记簿中的社区代码不在城市数据中：请先更正",
}


def why(campaign: Campaign, person_id: int) -> str:
    """Sentences for the person's slot; says so when the plan does not know the person."""
    slot = Slot.objects.filter(campaign_id=campaign.campaign_id, person_id=person_id).first()
    if slot is None:
        return "此人不在这个计划中：制定计划时已持有或领过第三代社保卡，或已有办理中的申请。"
    if slot.week_starts_on is None:
        return f"没有安排：{_refusal_words(campaign, slot)}。"
    if slot.way == "unit":
        return _unit_words(campaign, slot)
    if slot.way == "post" and not slot.is_bank_fixed:
        return f"{slot.week_starts_on} 起的一周：本人还没有申请，计划预测按邮寄领取并预留能力；申请时仍可自行选择银行和领卡方式。"
    from yikatong.campaign.reading import eligible_week_of  # it loads columns of millions: only when asked

    person = Person.objects.get(person_id=person_id)
    since = campaign.starts_on + timedelta(weeks=eligible_week_of(person, campaign.starts_on, campaign.weeks))
    weeks = [since + timedelta(weeks=number) for number in range(max((slot.week_starts_on - since).days // 7, 0))]
    found = _place(slot, person)
    if found is None:
        return f"{slot.week_starts_on} 起的一周：安排时的网点或社区已不在城市数据中，请重新计划。"
    place, outlet_name, nearer, way_m, nearest_m = found
    crowded = PlaceWeek.objects.filter(campaign_id=campaign.campaign_id, place=place, week_starts_on__in=weeks)
    at_place = dict(crowded.values_list("week_starts_on", "capacity"))
    full = {row.week_starts_on for row in crowded if row.planned >= row.capacity}
    production = BankWeek.objects.filter(
        campaign_id=campaign.campaign_id, bank_code=slot.bank_code, week_starts_on__in=weeks
    )
    unmade = {row.week_starts_on for row in production if row.planned >= row.production}
    reason = Reason(
        nearer=nearer,
        way_m=way_m,
        nearest_m=nearest_m,
        waited_weeks=len(weeks),
        full_weeks=tuple(number for number, week in enumerate(weeks) if week in full or week not in at_place),
        unmade_weeks=tuple(number for number, week in enumerate(weeks) if week in unmade),
    )
    return f"{slot.week_starts_on} 起的一周：{reason_words(reason, place=outlet_name)}"


def _refusal_words(campaign: Campaign, slot: Slot) -> str:
    words = REFUSAL_WORDS.get(slot.refusal, slot.refusal)
    unit = UnitSlot.objects.filter(campaign_id=campaign.campaign_id, organisation_code=slot.organisation_code).first()
    return f"{words}（{unit.refusal_words}）" if slot.organisation_code and unit and unit.refusal_words else words


def _unit_words(campaign: Campaign, slot: Slot) -> str:
    unit = Organisation.objects.filter(credit_code=slot.organisation_code).first()
    planned = UnitSlot.objects.filter(
        campaign_id=campaign.campaign_id, organisation_code=slot.organisation_code
    ).first()
    name = unit.name if unit else slot.organisation_code
    people = planned.people if planned else 0
    return (
        f"{slot.week_starts_on} 起的一周：由{name}统一代领，本单位 {people} 人安排在同一周，"
        "是按单位登记先后、所选银行能一次容纳全体人员的第一周。"
    )


def _place(slot: Slot, person: Person) -> tuple[str, str, int, int, int] | None:
    """The place's key and name, how many of the bank's outlets are nearer, the way there and to the nearest, in metres; ``None``
    for a place or a community that is no more."""
    from yikatong.campaign.building import district_features, outlet_point

    bank = Bank.objects.filter(code=slot.bank_code).first()
    bank_name = bank.name_zh if bank else slot.bank_code
    if slot.way == "post":
        return f"post:{slot.bank_code}", f"{bank_name}邮寄", 0, 0, 0
    if slot.way == "visit":
        street = person.community_code[:9]
        return f"visit:{slot.bank_code}:{street}", f"{bank_name}上门办理", 0, 0, 0
    geography = Geography(district_features())
    if person.community_code[:6] not in geography.districts():
        return None
    outlets = list(Outlet.objects.filter(bank_id=slot.bank_code).order_by("outlet_id"))
    home = positions([geography.near(person.community_code[:9], person.community_code)])
    metres = distances_m(home, positions(outlet_point(geography, outlet) for outlet in outlets))[0]
    here = next((number for number, outlet in enumerate(outlets) if outlet.outlet_id == slot.outlet_id), None)
    if here is None:
        return None
    way_m = int(metres[here])
    return slot.outlet_id, outlets[here].name, int(np.count_nonzero(metres < way_m)), way_m, int(metres.min())
