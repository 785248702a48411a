"""A unit applies for its people: with the bank that the roster names and never another, once, and every refusal in words."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.at_once import at_once
from tests.cast import NOON, active_card, application_for, make_bank
from tests.units.makers import EMPLOYER, SCHOOL, STUDENT, UNIT, as_csv, enrolled, make_named, row_of, uploaded
from yikatong.accounts.models import ConsoleMessage
from yikatong.applications.models import Application
from yikatong.applications.services import submit
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.foundation.errors import Refused
from yikatong.issuance.models import Card
from yikatong.issuance.production import produce_card
from yikatong.registry.models import Membership, Person
from yikatong.registry.sealing import field_cipher
from yikatong.units.applying import begin_applying, begin_reminding, work_off
from yikatong.units.models import ApplyRun, RosterEntry
from yikatong.units.rosters import confirm
from yikatong.units.selectors import Standing, counts_by_standing, people_of

DAY = timedelta(days=1)


def refusal(command: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refused:
        command()
    return str(refused.value.reason)


def on_the_roster(wishes: dict[Person, str], code: str = EMPLOYER) -> None:
    roster = uploaded(as_csv([row_of(person, bank) for person, bank in wishes.items()]), code)
    assert roster.rows_bad == 0, roster
    confirm(code, roster.roster_id, by=UNIT, at=NOON)


def applied(code: str = EMPLOYER, **outlets: str) -> ApplyRun:
    run = begin_applying(code, outlets, by=UNIT, at=NOON)
    return work_off(run.run_id, clock=lambda: NOON)


def banks_applied_for() -> dict[int, tuple[str, str, str]]:
    return {a.person_id: (a.bank_code, a.collection, a.channel) for a in Application.objects.all()}


def test_everybody_gets_the_bank_they_chose_and_nobody_a_default(units: None) -> None:
    enrolled()
    one, two, undecided = (make_named(serial) for serial in (1, 2, 3))
    on_the_roster({one: "ABC", two: "ICBC", undecided: ""})
    run = applied()
    assert (run.state, run.total, run.done, run.refused) == ("done", 2, 2, 0)
    assert banks_applied_for() == {
        one.person_id: ("ABC", "unit", "unit"),
        two.person_id: ("ICBC", "unit", "unit"),
    }
    assert set(Application.objects.values_list("organisation_code", "kind")) == {(EMPLOYER, "first")}
    assert counts_by_standing(EMPLOYER)[Standing.UNCHOSEN] == 1
    assert AuditEvent.objects.filter(action="application.submitted", actor="unit:test").count() == 2


def test_again_is_harmless_and_goes_on_where_it_stopped(units: None) -> None:
    enrolled()
    people = [make_named(serial) for serial in range(1, 6)]
    on_the_roster(dict.fromkeys(people, "ABC"))
    run = begin_applying(EMPLOYER, {}, by=UNIT, at=NOON)
    assert begin_applying(EMPLOYER, {}, by=UNIT, at=NOON).run_id == run.run_id, "one at a time"
    moments = iter([NOON] * 3)

    def breaks() -> object:
        try:
            return next(moments)
        except StopIteration:
            raise ConnectionError from None

    with pytest.raises(ConnectionError):
        work_off(run.run_id, clock=breaks)  # type: ignore[arg-type]
    assert Application.objects.count() == 2
    for _ in range(2):
        found = work_off(run.run_id, clock=lambda: NOON)
        assert (found.state, found.done, Application.objects.count()) == ("done", 5, 5)
    assert refusal(lambda: begin_applying(EMPLOYER, {}, by=UNIT, at=NOON)) == "nobody_to_apply_for"


def test_two_workers_at_once_apply_once(committed_units: None) -> None:
    enrolled()
    on_the_roster({make_named(serial): "ABC" for serial in range(1, 9)})
    run = begin_applying(EMPLOYER, {}, by=UNIT, at=NOON)
    at_once(2, lambda: work_off(run.run_id, clock=lambda: NOON))
    run.refresh_from_db()
    assert (Application.objects.count(), run.state, run.refused) == (8, "done", 0)


def test_who_applied_themselves_is_left_alone(units: None) -> None:
    enrolled()
    outlet = make_bank("ICBC")
    person, other = make_named(1), make_named(2)
    on_the_roster({person: "ABC", other: "ABC"})
    by = Actor("resident", str(person.person_id))
    submit(application_for(person, outlet), by=by, at=NOON)
    run = applied()
    assert (run.total, run.refused) == (1, 0)
    assert banks_applied_for()[person.person_id] == ("ICBC", "outlet", "web"), "their own choice stands"
    rows = {view.person_id: view for view in people_of(EMPLOYER)}
    assert (rows[person.person_id].by_unit, rows[person.person_id].bank_code) == (False, "ICBC")
    assert rows[other.person_id].by_unit


def test_refusals_are_kept_per_person_and_tried_again(units: None) -> None:
    enrolled()
    person, sound = make_named(1), make_named(2)
    on_the_roster({person: "ABC", sound: "ABC"})
    Membership.objects.filter(person_id=person.person_id).update(until=NOON.date() - DAY)
    run = applied()
    assert (run.done, run.refused) == (2, 1)
    (row,) = people_of(EMPLOYER, standing="refused")
    assert (row.person_id, row.refusal_reason) == (person.person_id, "unit_missing")
    assert "不属于所填单位" in row.refusal_text
    Membership.objects.filter(person_id=person.person_id).update(until=None)
    assert (applied().refused, counts_by_standing(EMPLOYER)[Standing.REFUSED]) == (0, 0)


def test_who_holds_a_card_is_told(units: None) -> None:
    enrolled()
    person = make_named(1)
    card = active_card(person, make_bank("ICBC"))
    on_the_roster({person: "ABC"})
    assert refusal(lambda: begin_applying(EMPLOYER, {}, by=UNIT, at=NOON)) == "nobody_to_apply_for"
    assert counts_by_standing(EMPLOYER)[Standing.COLLECTED] == 1
    assert card.bank_code == "ICBC"


def test_where_the_unit_does_not_collect_an_outlet_of_each_bank_is_named(units: None) -> None:
    enrolled(collects=False)
    on_the_roster({make_named(1): "ABC", make_named(2): "ICBC"})
    for outlets in ({}, {"ABC": "ABC-1"}, {"ABC": "ABC-1", "ICBC": "ABC-1"}, {"ABC": "x", "ICBC": "ICBC-1"}):
        assert refusal(lambda: begin_applying(EMPLOYER, outlets, by=UNIT, at=NOON)) == "outlet_missing"  # noqa: B023
    applied(ABC="ABC-1", ICBC="ICBC-1")
    assert set(Application.objects.values_list("bank_code", "collection", "outlet_id")) == {
        ("ABC", "outlet", "ABC-1"),
        ("ICBC", "outlet", "ICBC-1"),
    }


def test_a_school_applies_for_all_its_students_who_chose(units: None) -> None:
    enrolled(SCHOOL, ("BOC",), whole=True)
    students = [make_named(serial, category="student", born=STUDENT) for serial in (1, 2, 3)]
    on_the_roster({students[0]: "BOC", students[1]: "BOC", students[2]: ""}, SCHOOL)
    assert applied(SCHOOL).done == 2
    assert counts_by_standing(SCHOOL) == dict.fromkeys(Standing, 0) | {Standing.APPLIED: 2, Standing.UNCHOSEN: 1}


def test_standings_follow_the_card(units: None) -> None:
    enrolled()
    person = make_named(1)
    on_the_roster({person: "ABC"})
    assert counts_by_standing(EMPLOYER)[Standing.TO_APPLY] == 1
    applied()
    assert counts_by_standing(EMPLOYER)[Standing.APPLIED] == 1
    produce_card(person.person_id, Application.objects.get().application_id, at=NOON)
    assert counts_by_standing(EMPLOYER)[Standing.MAKING] == 1
    assert Card.objects.get(generation=3).bank_code == "ABC"


def test_without_enrolment_nothing_can_be_begun(units: None) -> None:
    for begin in (
        lambda: begin_applying(EMPLOYER, {}, by=UNIT, at=NOON),
        lambda: begin_reminding(EMPLOYER, by=UNIT, at=NOON),
    ):
        assert refusal(begin) == "not_enrolled"


# --- reminding ---


def reminded(at: object = NOON) -> ApplyRun:
    run = begin_reminding(EMPLOYER, by=UNIT, at=at)  # type: ignore[arg-type]
    return work_off(run.run_id, clock=lambda: at)  # type: ignore[arg-type,return-value]


def test_who_has_not_chosen_is_reminded_once_a_day(units: None) -> None:
    enrolled()
    undecided, decided, without_phone = (make_named(serial) for serial in (1, 2, 3))
    Person.objects.filter(pk=without_phone.pk).update(phone_sealed=None, phone_index=None)
    on_the_roster({undecided: "", decided: "ABC", without_phone: ""})
    run = reminded()
    assert (run.done, run.refused) == (2, 1), "nobody is reached without a phone"
    text = field_cipher().open("sms", bytes(ConsoleMessage.objects.get().body_sealed))
    assert "由您本人决定" in text
    assert "ICBC" in text
    assert RosterEntry.objects.get(person_id=undecided.person_id).reminded_on == NOON.date()
    assert AuditEvent.objects.filter(action="unit.person_reminded").count() == 1
    RosterEntry.objects.filter(person_id=without_phone.person_id).update(ended_at=NOON)
    assert refusal(lambda: begin_reminding(EMPLOYER, by=UNIT, at=NOON + timedelta(hours=3))) == "nobody_to_remind"
    reminded(NOON + DAY)
    assert AuditEvent.objects.filter(action="unit.person_reminded").count() == 2


# --- finding people ---


def test_people_are_found_within_the_unit_by_name_and_end_of_number(units: None) -> None:
    enrolled()
    people = {make_named(serial): "" for serial in range(1, 8)}
    on_the_roster(people)
    for person in people:
        name, number, *_ = row_of(person)
        for query in (name, f" {name} ", number[-4:], number[-4:].lower(), number):
            found = people_of(EMPLOYER, query=query)
            assert person.person_id in {view.person_id for view in found}, query
            assert people_of(SCHOOL, query=query) == []
        assert "*" in found[0].person.identity_number, "masked"
    assert people_of(EMPLOYER, query="不存在") == []


def test_pages_of_people_meet_without_gap_or_overlap(units: None) -> None:
    enrolled()
    on_the_roster({make_named(serial): "ABC" if serial % 2 else "" for serial in range(1, 12)})
    for standing, expected in (("", 11), ("unchosen", 5), ("to_apply", 6), ("no such", 11)):
        seen: list[int] = []
        while page := people_of(EMPLOYER, standing=standing, after_person_id=seen[-1] if seen else 0, limit=2):
            seen += [view.person_id for view in page]
        assert len(seen) == len(set(seen)) == expected
