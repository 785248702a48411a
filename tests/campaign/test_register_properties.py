"""Whatever the register holds: no limit is exceeded, no unit split, no minor planned alone, nobody early, everybody explained.

Towns by chance, from a seed, planned through the same service as the pages use and looked at in the tables.
"""

import random
from datetime import date, timedelta

import pytest

from tests.campaign.world import make_city, make_unit
from tests.cast import CLERK, NOON, make_guardian, make_person
from yikatong.applications.rules import ADULT_AGE_YEARS
from yikatong.campaign.capacities import Kind, record_change
from yikatong.campaign.models import BankWeek, Campaign, PlaceWeek, Slot, UnitSlot
from yikatong.campaign.reasons import why
from yikatong.campaign.services import Request, plan_now
from yikatong.city.rules import rules_at
from yikatong.foundation.clock import age_years
from yikatong.registry.models import Person
from yikatong.registry.selectors import guardians_of, organisations_of

pytestmark = pytest.mark.django_db
BANKS = ("ABC", "BOC", "ICBC")
BATCHES_OPEN = date(2025, 7, 21)
"""Within these weeks the batches of individuals (August) and of retirees (October 2025) open."""


def some_town(chance: random.Random) -> None:
    """People of every kind, units small and large, and not enough of everything."""
    make_city(*BANKS)
    serial = 0
    for number in range(chance.randint(0, 3)):
        people = range(serial + 1, serial + 1 + chance.choice([1, 4, 12, 60]))
        serial = people.stop
        picked = tuple(chance.sample(BANKS, chance.randint(1, 3)))
        make_unit(f"9111000000000000{number}X", people=people, banks=picked, collects=chance.random() < 0.8)
    adults = []
    for _ in range(chance.randint(5, 40)):
        serial += 1
        category = chance.choice(["flexible", "resident", "student", "retiree", "employee"])
        person = make_person(serial, category=category, born=date(1950 + serial % 40, 3, 2))
        Person.objects.filter(pk=person.pk).update(
            pension_bank_code=chance.choice(BANKS) if category == "retiree" else "",
            needs_home_visit=category == "retiree" and chance.random() < 0.3,
            community_code="999999999999" if chance.random() < 0.05 else person.community_code,
        )
        adults.append(person)
    for _ in range(chance.randint(0, 12)):
        serial += 1
        child = make_person(serial, category="minor", born=date(2014, 1, 1))
        if chance.random() < 0.8:
            make_guardian(child, chance.choice(adults))
    for bank in BANKS:
        cards = chance.choice([0, 1, 3, 20])
        record_change(Kind.PRODUCTION_CARDS, bank, cards, date(2025, 1, 1), None, "产能有限", by=CLERK, at=NOON)


def planned(seed: int) -> Campaign:
    asked = Request(starts_on=BATCHES_OPEN, weeks=14, seed=seed)
    return plan_now("town", asked, again=True, by=CLERK, at=NOON)


@pytest.mark.parametrize("seed", range(12))
def test_in_a_town_by_chance(seed: int) -> None:
    some_town(random.Random(seed))
    made = planned(seed)
    assert made.gap == 0
    for place in PlaceWeek.objects.all():
        assert place.planned <= place.capacity, place.place
    for bank in BankWeek.objects.all():
        assert bank.planned <= bank.production
    slots = {slot.person_id: slot for slot in Slot.objects.all()}
    assert set(slots) == set(Person.objects.values_list("person_id", flat=True)), "placed or explained, one and all"
    for person in Person.objects.all():
        slot = slots[person.person_id]
        assert (slot.week_starts_on is None) == bool(slot.refusal)
        assert why(made, person.person_id)
        if slot.week_starts_on is not None:
            _may_come(person, slot.week_starts_on)
    for unit in UnitSlot.objects.all():
        weeks = {slot.week_starts_on for slot in slots.values() if slot.organisation_code == unit.organisation_code}
        assert weeks == {unit.week_starts_on}, "a unit's people stay together"
    load = sum(PlaceWeek.objects.values_list("planned", flat=True)) + sum(
        BankWeek.objects.values_list("units", flat=True)
    )
    assert load == sum(BankWeek.objects.values_list("planned", flat=True)) == made.people - made.left_out


def _may_come(person: Person, week: date) -> None:
    units = organisations_of(person.person_id, BATCHES_OPEN)
    districts = [unit.district_code for unit in units] or [""]
    assert any(rules_at(week).batches_open_to(person.category, district) for district in districts), "not early"
    if age_years(person.birth_date, BATCHES_OPEN) < ADULT_AGE_YEARS:
        assert guardians_of(person.person_id, BATCHES_OPEN), "no minor without a guardian"


def test_the_same_seed_plans_the_same_and_another_another() -> None:
    some_town(random.Random(3))
    told = []
    for seed in (5, 5, 6):
        planned(seed)
        told.append(list(Slot.objects.order_by("person_id").values_list("person_id", "outlet_id", "week_starts_on")))
    assert told[0] == told[1]
    assert told[0] != told[2]


def test_weeks_run_from_monday_to_monday() -> None:
    some_town(random.Random(1))
    planned(1)
    starts = set(BankWeek.objects.values_list("week_starts_on", flat=True))
    assert starts == {BATCHES_OPEN + timedelta(weeks=week) for week in range(14)}
