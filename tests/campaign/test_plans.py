"""What a plan of the register makes of people, units, banks, blanks and what-ifs, and how it is compared and explained."""

from datetime import date, timedelta

import pytest

from tests.campaign.asking import ask, planned
from tests.campaign.world import MONDAY, UNIT, enrolled, make_city, make_unit, wished
from tests.cast import CLERK, NOON, application_for, make_guardian, make_person
from yikatong.applications.services import submit
from yikatong.audit.models import AuditEvent
from yikatong.banks.models import Bank, Outlet
from yikatong.campaign import reading, services
from yikatong.campaign.capacities import Kind, record_change, withdraw_change
from yikatong.campaign.changes import Change, CloseOutlet, LoseProduction, MoreDemand
from yikatong.campaign.comparing import compare_plans
from yikatong.campaign.foresight import foresee
from yikatong.campaign.models import (
    BankWeek,
    Campaign,
    CampaignState,
    Invitation,
    PlaceWeek,
    Slot,
    UnitSlot,
)
from yikatong.campaign.reasons import why
from yikatong.campaign.services import (
    plan_requested,
)
from yikatong.foundation.errors import Refused
from yikatong.issuance.stock import deliver_blanks
from yikatong.registry.models import Organisation, Person

pytestmark = pytest.mark.django_db
LAST = MONDAY + timedelta(weeks=4, days=-1)


@pytest.fixture
def city(db: None) -> list[Outlet]:
    """Two banks with an outlet each."""
    return make_city("ABC", "ICBC")


def test_a_minor_is_planned_with_a_guardian_and_not_without(city: list[Outlet]) -> None:
    mother, child, orphan = make_person(1), *(make_person(i, born=date(2016, 5, 1), category="minor") for i in (2, 3))
    make_guardian(child, mother)
    made = planned()
    slots = {slot.person_id: slot for slot in Slot.objects.all()}
    assert made.without_guardian == 1
    assert slots[orphan.person_id].refusal == "no_guardian"
    assert "监护人" in why(made, orphan.person_id)
    told = [(slots[p.person_id].outlet_id, slots[p.person_id].week_starts_on) for p in (mother, child)]
    assert told[0] == told[1]
    assert told[0][0]


def test_a_unit_comes_in_one_week_or_is_told_why_not(city: list[Outlet]) -> None:
    members = make_unit(people=range(1, 31), banks=("ABC", "ICBC"))
    large = make_unit("91110000000000001X", people=range(101, 141), banks=("ICBC",))
    Organisation.objects.filter(credit_code=UNIT).update(name="一号单位")
    record_change(Kind.PRODUCTION_CARDS, "ICBC", 10, MONDAY, None, "设备检修", by=CLERK, at=NOON)
    made = planned()
    weeks = set(Slot.objects.filter(organisation_code=UNIT).values_list("way", "week_starts_on"))
    assert len(weeks) == 1
    assert weeks.pop()[0] == "unit"
    assert UnitSlot.objects.get(organisation_code=UNIT).people == 30
    assert "由一号单位统一代领" in why(made, members[0].person_id)
    refused = UnitSlot.objects.get(organisation_code="91110000000000001X")
    assert (refused.week_starts_on, refused.refusal) == (None, "larger_than_a_week")
    assert "超过该行每周最多 25 人" in refused.refusal_words
    assert "没有安排" in why(made, large[0].person_id)
    assert made.left_out == 40


def test_with_the_unit_comes_who_may_collect_through_it(city: list[Outlet]) -> None:
    """No minor, and nobody whose bank the unit did not pick: both come by themselves."""
    adult, retired, child = make_unit(people=range(1, 4), banks=("ABC",))
    mother = make_person(9)
    make_guardian(child, mother)
    Person.objects.filter(pk=retired.pk).update(category="retiree", pension_bank_code="ICBC")
    Person.objects.filter(pk=child.pk).update(category="student", birth_date=date(2012, 1, 1))
    planned()
    ways = dict(Slot.objects.values_list("person_id", "way"))
    assert ways[adult.person_id] == "unit"
    assert ways[retired.person_id] != "unit"
    assert ways[child.person_id] == "outlet"
    assert UnitSlot.objects.get().banks == {"ABC": 1}


def test_a_wish_fixes_the_bank_only_where_the_unit_collects(city: list[Outlet]) -> None:
    (member,) = make_unit(people=range(1, 2), banks=("ABC", "ICBC"), collects=False)
    wished(member, UNIT, "ICBC")
    planned()
    assert Slot.objects.values_list("bank_code", "is_bank_fixed").get() == ("ICBC", False)


def test_banks_that_have_not_joined_are_not_planned_with(city: list[Outlet]) -> None:
    for serial in range(1, 11):
        make_person(serial)
    Bank.objects.filter(code="ICBC").update(joined_on=MONDAY + timedelta(days=1))
    planned()
    assert set(Slot.objects.values_list("bank_code", flat=True)) == {"ABC"}


def test_whoever_came_of_age_is_planned_alone(city: list[Outlet]) -> None:
    grown, father = make_person(1, born=date(2008, 1, 1)), make_person(2)
    make_guardian(grown, father)
    made = planned()
    assert made.families_split == 0
    assert foreseen_guardians() == {-1}


def foreseen_guardians() -> set[int]:
    known = reading.read_city(MONDAY)
    readers = reading.read_people(known, MONDAY, 4)
    return set(foresee(known, readers.people, starts_on=MONDAY, seed=1).guardian.tolist())


def test_cards_that_are_applied_for_are_made_first(city: list[Outlet]) -> None:
    for serial in range(1, 11):
        make_person(serial)
    applied = [make_person(serial) for serial in range(11, 14)]
    for person in applied:
        submit(application_for(person, city[0]), by=CLERK, at=NOON)
    Person.objects.update(category="retiree", pension_bank_code="ABC")
    record_change(Kind.PRODUCTION_CARDS, "ABC", 1, MONDAY, None, "产能有限", by=CLERK, at=NOON)
    planned()
    weeks = BankWeek.objects.filter(bank_code="ABC").order_by("week_starts_on").values_list("production", "planned")
    assert list(weeks)[:3] == [(2, 2), (5, 5), (5, 3)]


def test_units_are_served_as_they_enrolled_and_people_at_the_bank_they_wrote_down(city: list[Outlet]) -> None:
    codes = ["91110000000000001X", "91110000000000002X", "91110000000000003X"]
    members = {
        code: make_unit(code, people=range(100 * n, 100 * n + 20), banks=("ABC", "ICBC"))
        for n, code in enumerate(codes, 1)
    }
    for bank in ("ABC", "ICBC"):
        record_change(Kind.PRODUCTION_CARDS, bank, 8, MONDAY, None, "产能有限", by=CLERK, at=NOON)
    for days, code in ((3, codes[0]), (1, codes[1]), (2, codes[2])):
        enrolled(code, at=NOON - timedelta(days=10 - days))
        for person in members[code]:
            wished(person, code, "ICBC")
    planned()
    weeks = dict(UnitSlot.objects.values_list("organisation_code", "week_starts_on"))
    assert [weeks[code] for code in (codes[1], codes[2], codes[0])] == [MONDAY + timedelta(weeks=n) for n in range(3)]
    assert set(Slot.objects.values_list("bank_code", "is_bank_fixed")) == {("ICBC", True)}
    assert UnitSlot.objects.get(organisation_code=codes[0]).banks == {"ICBC": 20}


def test_a_lost_weeks_production_delays_and_the_comparison_says_how_many(city: list[Outlet]) -> None:
    for serial in range(1, 41):
        make_person(serial)
    first = planned("as-is")
    lost = [LoseProduction(code, MONDAY, MONDAY + timedelta(days=6)) for code in ("ABC", "ICBC")]
    second = planned("lost", based_on="as-is", changes=lost)
    assert set(Slot.objects.filter(campaign_id="lost").values_list("week_starts_on", flat=True)) == {
        MONDAY + timedelta(weeks=1)
    }
    compared = compare_plans(first, second)
    assert (compared.movement.other_place, compared.movement.other_week) == (0, 40)
    waits = {row.name: row for row in compared.figures}["mean_wait_weeks"]
    assert (waits.first, waits.second, waits.difference) == (0, 1, 1)
    assert sum(row.first for row in compared.banks) == sum(row.second for row in compared.banks) == 40
    assert [row.name for row in compared.districts_wait] == ["110101"]
    slot = Slot.objects.filter(campaign_id="lost", way="outlet").first()
    assert slot is not None
    told = why(second, slot.person_id)
    assert "比可以申领时晚 1 周" in told
    assert "银行有 1 周制卡能力已用完" in told


@pytest.mark.parametrize(("percent", "people"), [(200, 20), (50, 5), (0, 0), (100, 10)])
def test_changed_demand_counts_people_who_get_no_slot(city: list[Outlet], percent: int, people: int) -> None:
    for serial in range(1, 11):
        make_person(serial)
    made = planned(changes=[MoreDemand("110101", percent)])
    if people == 0:
        assert made.state == CampaignState.FAILED
        return
    assert made.people == people
    assert Slot.objects.count() == min(people, 10)
    assert not Slot.objects.filter(person_id__lt=0).exists()


def test_a_closed_outlet_sends_people_to_another_week(city: list[Outlet]) -> None:
    for serial in range(1, 6):
        make_person(serial)
    Person.objects.update(category="retiree", pension_bank_code="ABC")
    record_change(Kind.OUTLET_CLOSED, "ABC-1", 0, MONDAY, MONDAY + timedelta(days=13), "装修停业", by=CLERK, at=NOON)
    planned()
    at_outlet = Slot.objects.filter(way="outlet")
    assert at_outlet.exists()
    assert set(at_outlet.values_list("week_starts_on", flat=True)) == {MONDAY + timedelta(weeks=2)}


def test_a_plan_by_forecast_invites_more_than_there_is_room_for(city: list[Outlet]) -> None:
    """80 % of retirees are taken to come, 84 % at the most: for ten cards a week eleven people can be invited."""
    for serial in range(1, 61):
        make_person(serial)
    Person.objects.update(category="retiree", pension_bank_code="ABC")
    record_change(Kind.PRODUCTION_CARDS, "ABC", 2, MONDAY, None, "产能有限", by=CLERK, at=NOON)
    for_everybody, by_forecast = planned("all"), planned("likely", by_forecast=True)
    assert (for_everybody.left_out, by_forecast.left_out) == (20, 16)
    weeks = BankWeek.objects.filter(bank_code="ABC", campaign_id="likely").order_by("week_starts_on")
    assert [(week.production, week.planned) for week in weeks] == [(10, 11)] * 4, "the bank makes ten as before"
    assert [week.expected for week in weeks] == [6, 7, 8, 9], "80 % of those invited, some of them a week or more later"


def test_a_bank_makes_no_more_cards_than_it_has_blanks(city: list[Outlet]) -> None:
    for serial in range(1, 31):
        make_person(serial)
    Person.objects.update(category="retiree", pension_bank_code="ABC")
    deliver_blanks("ABC", 10, delivery_note="n1", by=CLERK, at=NOON)
    record_change(Kind.BLANKS, "ABC", 15, MONDAY + timedelta(weeks=2), None, "第二批到货", by=CLERK, at=NOON)
    made = planned()
    weeks = BankWeek.objects.filter(bank_code="ABC").order_by("week_starts_on")
    assert sum(week.planned for week in weeks) == 25
    assert sum(week.planned for week in weeks[:2]) == 10
    assert made.left_out == 5
    assert BankWeek.objects.filter(bank_code="ICBC").first().production > 100  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("days_before", "is_entered", "cards"), [(20, False, 7), (20, True, 4), (5, False, 7), (5, True, 11)]
)
def test_blanks_noted_before_the_plan_begins_count_once(
    city: list[Outlet], days_before: int, is_entered: bool, cards: int
) -> None:
    """NOON is 28 days before MONDAY. What came until then is in the stock where that is entered, else it is what was noted."""
    for serial in range(1, 31):
        make_person(serial)
    Person.objects.update(category="retiree", pension_bank_code="ABC")
    at = NOON + timedelta(days=13)
    if is_entered:
        deliver_blanks("ABC", 4, delivery_note="n1", by=CLERK, at=NOON)
    record_change(Kind.BLANKS, "ABC", 7, MONDAY - timedelta(days=days_before), None, "空白卡到货", by=CLERK, at=NOON)
    ask(at=at)
    plan_requested("winter", at=at)
    assert sum(BankWeek.objects.filter(bank_code="ABC").values_list("planned", flat=True)) == cards


def test_waiting_at_the_counter_is_told_where_people_come(city: list[Outlet]) -> None:
    for serial in range(1, 131):
        make_person(serial)
    Person.objects.update(category="retiree", pension_bank_code="ABC")
    planned()
    busy = PlaceWeek.objects.get(place="ABC-1", week_starts_on=MONDAY)
    quiet = PlaceWeek.objects.get(place="ICBC-1", week_starts_on=MONDAY)
    assert busy.planned > 0
    assert busy.wait_p50_min is not None
    assert busy.wait_p95_min is not None
    assert 0 <= busy.wait_p50_min <= busy.wait_p95_min < 60
    assert quiet.wait_p95_min is None
    assert (
        PlaceWeek.objects.filter(way="post", wait_p50_min=None).count() == PlaceWeek.objects.filter(way="post").count()
    )


def test_a_withdrawn_change_no_longer_holds(city: list[Outlet]) -> None:
    make_person(1)
    changes = [
        record_change(Kind.PRODUCTION_CARDS, code, 0, MONDAY, None, "停产检修", by=CLERK, at=NOON)
        for code in ("ABC", "ICBC")
    ]
    assert planned().left_out == 1
    for change in changes * 2:
        withdraw_change(change.change_id, by=CLERK, at=NOON)
    assert planned(again=True).left_out == 0
    assert AuditEvent.objects.filter(action="capacity.withdrawn").count() == 2


@pytest.mark.parametrize(
    ("kind", "of", "value", "until", "words", "reason"),
    [
        ("dance", "ABC", 1, None, "检修设备", "kind_unknown"),
        ("production_cards", "XYZ", 1, None, "检修设备", "nothing_of_this_name"),
        ("visits", "110101999", 1, None, "检修设备", "nothing_of_this_name"),
        ("production_cards", "ABC", -1, None, "检修设备", "value_wrong"),
        ("outlet_windows", "ABC-1", 6_000_000, None, "检修设备", "value_wrong"),
        ("blanks", "ABC", 0, None, "检修设备", "value_wrong"),
        ("production_cards", "ABC", 1, MONDAY - timedelta(days=1), "检修设备", "days_wrong"),
        ("production_cards", "ABC", 1, None, " ", "reason_missing"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(
    city: list[Outlet], kind: str, of: str, value: int, until: date | None, words: str, reason: str
) -> None:
    with pytest.raises(Refused) as refused:
        record_change(kind, of, value, MONDAY, until, words, by=CLERK, at=NOON)
    assert refused.value.reason == reason


def test_planning_anew_moves_nobody_who_is_invited_for_the_next_seven_days(city: list[Outlet]) -> None:
    """NOON is Monday 2 November 2026: weeks up to and with that of 9 November are closed to all others."""
    first_monday = date(2026, 11, 2)
    people = [make_person(serial) for serial in range(1, 37)]
    for code in ("ABC", "ICBC"):
        record_change(Kind.PRODUCTION_CARDS, code, 1, first_monday, None, "产能有限", by=CLERK, at=NOON)
    before = planned("before", starts_on=first_monday)
    Campaign.objects.update(state=CampaignState.PUBLISHED)
    slots = Slot.objects.filter(campaign_id="before").exclude(week_starts_on=None)
    for slot in slots:
        Invitation.objects.create(
            person_id=slot.person_id,
            campaign_id="before",
            way=slot.way,
            week_starts_on=slot.week_starts_on,
            state="sent",
            state_since=NOON,
        )
    after = planned("after", starts_on=first_monday, based_on="before", keeps_invited=True, seed=7)
    stays = {s.person_id: s for s in slots if s.week_starts_on and s.week_starts_on <= date(2026, 11, 9)}
    assert 0 < len(stays) < len(people)
    anew = {slot.person_id: slot for slot in Slot.objects.filter(campaign_id="after")}
    assert len(anew) == len(people)
    for person_id, slot in anew.items():
        if person_id in stays:
            kept = stays[person_id]
            assert (slot.bank_code, slot.outlet_id, slot.week_starts_on) == (
                kept.bank_code,
                kept.outlet_id,
                kept.week_starts_on,
            )
        else:
            assert slot.week_starts_on is None or slot.week_starts_on > date(2026, 11, 9)
    assert after.people == before.people - len(stays)
    Campaign.objects.filter(campaign_id="before").update(state=CampaignState.REPLACED)
    Campaign.objects.filter(campaign_id="after").update(state=CampaignState.PUBLISHED)
    planned("third", starts_on=first_monday, based_on="after", keeps_invited=True, seed=8)
    for person_id, kept in stays.items():
        slot = Slot.objects.get(campaign_id="third", person_id=person_id)
        assert (slot.outlet_id, slot.week_starts_on) == (kept.outlet_id, kept.week_starts_on), "told by the first still"


def test_whoever_is_not_in_the_plan_is_told_so(city: list[Outlet]) -> None:
    make_person(1)
    assert "不在这个计划中" in why(planned(), 999)


def test_changes_are_kept_with_the_plan_and_told(city: list[Outlet]) -> None:
    make_person(1)
    changes: list[Change] = [CloseOutlet("ABC-1", MONDAY, LAST), MoreDemand("110101", 150)]
    made = planned(changes=changes)
    from yikatong.campaign.changes import from_json, words

    told = [words(change, services.names_of()) for change in from_json(made.changes)]
    assert told == [f"ABC one停办：{MONDAY} 至 {LAST}", "东城区需求为 150%"]


def told(person: Person, state: str, week: date, *, campaign: str = "before") -> None:
    Invitation.objects.create(
        person_id=person.person_id, campaign_id=campaign, way="unit", week_starts_on=week, state=state, state_since=NOON
    )


def test_a_unit_told_in_part_stays_whole_and_whoever_was_told_long_ago_is_planned_anew(city: list[Outlet]) -> None:
    """Of three colleagues one was told, one has no phone, one's invitation still waits: next week is theirs, all three's."""
    first_monday = date(2026, 9, 7)
    colleagues = make_unit(people=range(1, 4), banks=("ABC",))
    never_came = make_person(9)
    planned("before", starts_on=first_monday, weeks=12)
    Campaign.objects.update(state=CampaignState.PUBLISHED)
    next_week = date(2026, 11, 9)
    Slot.objects.filter(way="unit").update(week_starts_on=next_week)
    for person, state in zip(colleagues, ("sent", "unreachable", "waiting"), strict=True):
        told(person, state, next_week)
    told(never_came, "sent", first_monday)
    planned("after", starts_on=date(2026, 11, 2), weeks=12, based_on="before", keeps_invited=True)
    weeks = dict(Slot.objects.filter(campaign_id="after").values_list("person_id", "week_starts_on"))
    assert {weeks[person.person_id] for person in colleagues} == {next_week}
    assert weeks[never_came.person_id] == date(2026, 11, 16)
