"""Whom a street's helpers call on, and what a device is told of them."""

import json
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.cast import CLERK, NOON, active_card, application_for, make_bank
from tests.outreach.makers import BY, CENTRE, OTHER_STREET, STREET, World, make_retiree, packaged, visit_of
from yikatong.applications.services import submit
from yikatong.audit.models import AuditEvent
from yikatong.campaign.capacities import Kind, record_change
from yikatong.campaign.models import Invitation
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.outreach import planning, uploads
from yikatong.outreach.models import Package, Visit, VisitState
from yikatong.outreach.rules import Reason
from yikatong.registry.models import Person
from yikatong.registry.selectors import clear_view

TODAY = beijing_day(NOON)
DAY = timedelta(days=1)


def called_on(*, at: "object" = NOON) -> list[int]:
    helper = planning.helper_of("helper")
    return [visit.person_id for visit in planning.plan_day(helper, by=BY, at=at)]  # type: ignore[arg-type]


def not_reached(person: Person, week: date, state: str = "unreachable") -> None:
    Invitation.objects.create(
        person_id=person.person_id,
        campaign_id="winter",
        way="outlet",
        week_starts_on=week,
        state=state,
        state_since=NOON,
    )


def test_those_who_need_it_asked_or_were_not_reached(world: World) -> None:
    needs, asks, unreached, failed = (make_retiree(n, needs_visit=n == 1) for n in range(1, 5))
    Person.objects.filter(pk=unreached.pk).update(phone_sealed=None, phone_index=None)
    told = make_retiree(5, needs_visit=False)
    away = make_retiree(6, community=f"{OTHER_STREET}001")
    planning.ask_for_visit(asks.person_id, by=CENTRE, at=NOON)
    not_reached(unreached, date(2026, 12, 7))
    not_reached(failed, date(2026, 11, 9), "failed")
    not_reached(told, date(2026, 11, 9), "sent")
    found = called_on()
    assert set(found) == {needs.person_id, asks.person_id, unreached.person_id, failed.person_id}
    assert away.person_id not in found
    reasons = dict(Visit.objects.values_list("person_id", "reason"))
    assert [reasons[p.person_id] for p in (needs, asks, unreached)] == ["registered", "asked", "unreachable"]
    assert called_on() == found, "planning again plans nothing more"


def test_nobody_who_has_a_card_or_has_applied_or_is_a_minor(world: World) -> None:
    has_card, has_applied, minor = (make_retiree(n) for n in range(1, 4))
    active_card(has_card, make_bank("ICBC"))
    submit(application_for(has_applied, make_bank("ICBC")), by=CLERK, at=NOON)
    Person.objects.filter(pk=minor.pk).update(birth_date=date(2015, 1, 1), category="minor")
    assert called_on() == []


def test_a_streets_capacity_is_shared_and_whoever_was_not_seen_comes_first_the_next_day(world: World) -> None:
    people = [make_retiree(n) for n in range(1, 9)]
    record_change(Kind.VISITS, STREET, 3, TODAY, None, "两名协办员请假", by=CENTRE, at=NOON)
    planning.assign_helper("second", STREET, by=CENTRE, at=NOON)
    mine = called_on()
    assert len(mine) == 2
    second = planning.plan_day(planning.helper_of("second"), by=BY, at=NOON)
    assert len(second) == 1
    assert second[0].person_id not in mine
    tomorrow = called_on(at=NOON + DAY)
    assert sorted(tomorrow) == sorted(mine)
    assert len(people) > 3


def test_who_was_not_at_home_is_called_on_another_day_who_declined_is_not(world: World) -> None:
    absent, unwilling = make_retiree(1), make_retiree(2)
    packaged(world)
    uploads.close_visit(visit_of(absent).visit_id, VisitState.NOT_HOME, device=world.device, by=BY, at=NOON)
    uploads.close_visit(visit_of(unwilling).visit_id, VisitState.DECLINED, device=world.device, by=BY, at=NOON)
    assert packaged(world)["visits"] == []
    assert called_on(at=NOON + DAY) == [absent.person_id]


def test_a_helper_without_an_area_is_told_so(world: World) -> None:
    with pytest.raises(Refused) as refused:
        planning.helper_of("nobody")
    assert refused.value.reason is Reason.NOT_A_HELPER
    with pytest.raises(Refused) as refused:
        planning.assign_helper("nobody", "999999999", by=CENTRE, at=NOON)
    assert refused.value.reason is Reason.AREA_UNKNOWN


def test_a_package_holds_what_the_visit_needs_and_no_more(world: World) -> None:
    person = make_retiree(1)
    clear = clear_view(person)
    package = packaged(world)
    (visit,) = package["visits"]
    assert set(visit) == {
        "visit_id", "name", "identity_tail", "phone", "community", "district", "reason", "needs_large_print",
        "has_older_card", "is_replacement", "banks", "is_pension_bank",
    }  # fmt: skip
    text = json.dumps(package, ensure_ascii=False)
    assert clear.identity_number not in text
    assert clear.identity_number[:14] not in text
    assert person.birth_date.isoformat() not in text
    assert (visit["name"], visit["identity_tail"]) == (clear.name, clear.identity_number[-4:])
    assert sorted(visit["banks"]) == ["ABC", "ICBC"]
    assert {outlet["outlet_id"] for outlet in package["outlets"]} == {"ABC-1", "ICBC-1"}
    assert Package.objects.get().visit_ids == [visit_of(person).visit_id]
    (row,) = AuditEvent.objects.filter(action="visit.downloaded")
    assert (row.person_id, row.actor, row.details["device"]) == (
        person.person_id,
        "outreach:helper",
        str(world.device.device_id),
    )


def test_during_the_collective_exchange_the_bank_is_the_pensions(world: World) -> None:
    make_retiree(1)
    before_2026 = NOON.replace(year=2025)
    (visit,) = packaged(world, at=before_2026)["visits"]
    assert (visit["banks"], visit["is_pension_bank"]) == (["ICBC"], True)


def test_whose_week_comes_first_is_called_on_first(world: World) -> None:
    needs, later, failed, sooner = (make_retiree(n, needs_visit=n == 1) for n in range(1, 5))
    for person in (later, sooner):
        Person.objects.filter(pk=person.pk).update(phone_sealed=None, phone_index=None)
    not_reached(later, date(2026, 12, 7))
    not_reached(failed, date(2026, 11, 16), "failed")
    not_reached(sooner, date(2026, 11, 9))
    record_change(Kind.VISITS, STREET, 1, TODAY, None, "只有一名协办员", by=CENTRE, at=NOON)
    order = []
    for days in range(4):
        (person_id,) = called_on(at=NOON + days * DAY)
        order.append(person_id)
        visit = Visit.objects.get(person_id=person_id)
        Visit.objects.filter(pk=visit.pk).update(state=VisitState.DECLINED)
    assert order == [sooner.person_id, failed.person_id, later.person_id, needs.person_id]


def test_candidates_are_found_without_reading_the_register(world: World) -> None:
    with connection.cursor() as cursor:  # as of a city: for a handful of people any index is as good
        cursor.execute("set local enable_seqscan = off")
        cursor.execute("update pg_class set reltuples = 1000000, relpages = 1 where relname = 'registry_person'")
    helper = planning.helper_of("helper")
    with CaptureQueriesContext(connection) as asked:
        planning.plan_day(helper, by=BY, at=NOON)
    searches = [each["sql"] for each in asked if "needs_home_visit" in each["sql"]]
    assert len(searches) == 2
    with connection.cursor() as cursor:
        cursor.execute("explain " + searches[0])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "outreach_candidates" in plan, plan
