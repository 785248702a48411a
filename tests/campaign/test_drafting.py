"""A plan of the register: who is in it, at which bank, from when, and what is stored."""

import csv
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.campaign.world import MONDAY, make_city
from tests.cast import CLERK, NOON, active_card, application_for, make_guardian, make_person
from yikatong.applications.services import submit
from yikatong.audit.models import AuditEvent
from yikatong.banks.models import Outlet
from yikatong.campaign.cli import campaign as commands
from yikatong.campaign.models import Campaign, Invitation, Slot
from yikatong.campaign.problem import ProblemWrong
from yikatong.campaign.services import Request, plan_now
from yikatong.campaign.uptake import count_uptake
from yikatong.registry.models import Membership, Organisation, Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def city(db: None) -> list[Outlet]:
    """One community in 东城, and two banks with an outlet each there."""
    return make_city("ABC", "ICBC")


def planned(**changes: object) -> Campaign:
    options: dict[str, object] = {"starts_on": MONDAY, "weeks": 4, "seed": 1}
    return plan_now("exchange", Request(**(options | changes)), again=True, by=CLERK, at=NOON)  # type: ignore[arg-type]


def test_everybody_who_has_no_card_and_has_not_applied_gets_a_slot(city: list[Outlet]) -> None:
    waiting = [make_person(serial) for serial in range(1, 6)]
    active_card(make_person(6), city[0])
    submit(application_for(make_person(7), city[1]), by=CLERK, at=NOON)
    made = planned()
    assert (made.people, made.left_out, made.gap) == (5, 0, 0)
    slots = Slot.objects.order_by("person_id")
    assert [slot.person_id for slot in slots] == [person.person_id for person in waiting]
    for slot in slots:
        assert (slot.way, slot.outlet_id) in {("outlet", f"{slot.bank_code}-1"), ("post", "")}
        assert slot.week_starts_on == MONDAY, "there is room at once"
    assert AuditEvent.objects.get(action="campaign.planned").subject == "campaign:exchange"


def test_a_retirees_bank_is_the_pensions_and_a_members_one_of_the_units(city: list[Outlet]) -> None:
    retirees = [make_person(serial, category="retiree") for serial in range(1, 9)]
    Person.objects.filter(person_id__in=[person.person_id for person in retirees]).update(pension_bank_code="ICBC")
    Organisation.objects.create(
        credit_code="91110000000000000X", kind="employer", name="单位", district_code="110101", bank_codes=["ABC"]
    )
    members = [make_person(serial, category="employee") for serial in range(11, 19)]
    for person in members:
        Membership.objects.create(
            person_id=person.person_id, organisation_code="91110000000000000X", since=date(2020, 1, 1)
        )
    planned()
    banks = dict(Slot.objects.values_list("person_id", "bank_code"))
    assert {banks[person.person_id] for person in retirees} == {"ICBC"}
    assert {banks[person.person_id] for person in members} == {"ABC"}


def test_nobody_comes_before_their_batch_opens(city: list[Outlet]) -> None:
    person = make_person(1, category="retiree")
    made = planned(starts_on=date(2025, 9, 1), weeks=10)
    assert made.left_out == 0
    slot = Slot.objects.get(person_id=person.person_id)
    assert slot.week_starts_on == date(2025, 10, 6), "the first Monday of the retirees' batch of 1 October 2025"


def test_whose_batch_does_not_open_within_the_plan_is_not_in_it(city: list[Outlet]) -> None:
    late, early = make_person(1, category="retiree"), make_person(2, category="minor", born=date(2015, 1, 1))
    make_guardian(early, late)
    made = planned(starts_on=date(2025, 9, 1), weeks=4)
    assert made.people == 1
    assert made.not_open == 1
    slots = dict(Slot.objects.values_list("person_id", "refusal"))
    assert slots == {early.person_id: "", late.person_id: "batch_not_open"}


def test_who_is_visited_goes_to_no_outlet(city: list[Outlet]) -> None:
    person = make_person(1, category="retiree")
    Person.objects.filter(person_id=person.person_id).update(needs_home_visit=True)
    planned()
    slot = Slot.objects.get(person_id=person.person_id)
    assert (slot.way, slot.outlet_id, slot.week_starts_on) == ("visit", "", MONDAY)


def test_more_than_fit_are_left_out_and_the_limit_is_told(city: list[Outlet]) -> None:
    for serial in range(1, 4):
        make_person(serial)
    Outlet.objects.update(windows=0)
    made = planned()
    assert (made.people, made.left_out) == (3, 3)
    assert set(Slot.objects.values_list("outlet_id", "week_starts_on")) == {("", None)}
    assert any("领不到卡" in sentence for sentence in made.limits)


def test_planning_again_replaces_and_another_seed_only_redraws(city: list[Outlet]) -> None:
    for serial in range(1, 30):
        make_person(serial)
    first, again, other = planned(), planned(), planned(seed=2)
    assert first.mean_wait_weeks == again.mean_wait_weeks
    assert Campaign.objects.get() == other
    assert Slot.objects.count() == 29


def test_a_community_that_is_none_is_counted_and_not_planned(city: list[Outlet]) -> None:
    make_person(1)
    strange = make_person(2)
    Person.objects.filter(person_id=strange.person_id).update(community_code="999999999999")
    made = planned()
    assert (made.people, made.unknown_community) == (1, 1)


def test_an_empty_register_is_told(city: list[Outlet]) -> None:
    with pytest.raises(ProblemWrong, match="没有需要换发的人"):
        planned()


def test_the_commands_plan_show_and_write(city: list[Outlet], tmp_path: Path) -> None:
    make_person(1)
    run = CliRunner()
    done = run.invoke(commands, ["plan", "exchange", "--starts", "2026-11-30", "--weeks", "4"])
    assert done.exit_code == 0, done.output
    assert "1 人，安排不下 0 人" in done.output
    assert run.invoke(commands, ["plan", "exchange"]).exit_code == 1, "a draft is not replaced unasked"
    assert run.invoke(commands, ["plan", "exchange", "--starts", "2026-12-07", "--again"]).exit_code == 0
    assert "2026-12-07 起 26 周" in run.invoke(commands, ["show", "exchange"]).output
    out = tmp_path / "load.csv"
    assert run.invoke(commands, ["load", "exchange", "--out", str(out)]).exit_code == 0
    with out.open(encoding="utf-8-sig") as file:
        (row,) = csv.DictReader(file)
    assert (row["week_starts_on"], row["people"]) == ("2026-12-07", "1")
    told = run.invoke(commands, ["why", "exchange", str(Slot.objects.get().person_id)]).output
    assert "2026-12-07 起的一周" in told
    lost = ["plan", "lost", "--starts", "2026-12-07", "--based-on", "exchange"]
    lost += ["--lose-production", "ABC:2026-12-07:2026-12-13", "--lose-production", "ICBC:2026-12-07:2026-12-13"]
    assert run.invoke(commands, lost).exit_code == 0
    assert "换周次 1 人" in run.invoke(commands, ["compare", "exchange", "lost"]).output
    assert "write OUTLET" in run.invoke(commands, ["plan", "x", "--close-outlet", "ICBC-1"]).output
    unknown = run.invoke(commands, ["show", "nothing"])
    assert unknown.exit_code == 1
    assert "there are: lost, exchange" in unknown.output


def test_the_commands_tell_the_forecast_and_whom_no_message_reached(city: list[Outlet]) -> None:
    person = make_person(1)
    planned()
    Campaign.objects.update(state="published")
    Invitation.objects.create(
        person_id=person.person_id,
        campaign_id="exchange",
        way="outlet",
        week_starts_on=MONDAY,
        state="unreachable",
        state_since=NOON,
    )
    run = CliRunner()
    told = run.invoke(commands, ["unreachable"]).output
    assert told.split() == [str(person.person_id), str(MONDAY), "没有手机号码"]
    assert run.invoke(commands, ["unreachable", "--after", str(person.person_id)]).output == ""
    Invitation.objects.update(state="sent")
    count_uptake("exchange")
    lines = run.invoke(commands, ["forecast"]).output.splitlines()
    (flexible,) = [line for line in lines if line.startswith("flexible")]
    assert "预计 70% 的受邀人员会申领" in flexible
    assert "本期受邀 1 人，已申领 0 人" in flexible
    assert len(lines) == 6
