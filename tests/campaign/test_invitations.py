"""Invitations go out once each, when the week is near, to whoever may hear them."""

import os
import signal
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from tests.at_once import at_once
from tests.campaign.invited import FIXED, MONDAY, TODAY, UNIT, plan, states, texts
from tests.cast import CLERK, NOON, active_card, application_for, make_bank, make_guardian, make_person
from tests.dying import exit_code_of
from yikatong.accounts.models import ConsoleMessage
from yikatong.applications.services import submit
from yikatong.audit.models import AuditEvent
from yikatong.campaign.invitations import (
    ATTEMPTS_MAX,
    INVITED_AHEAD_DAYS,
    RETRY_AFTER,
    SendReport,
    find_unreachable,
    invitation_of,
    send_due,
)
from yikatong.campaign.models import Appointment, HalfDay, Invitation
from yikatong.campaign.publishing import publish
from yikatong.registry.models import IdentityKey, Membership, Organisation, Person

pytestmark = pytest.mark.django_db


def test_who_may_choose_is_told_the_week_and_no_bank() -> None:
    make_bank("ICBC")
    person = make_person(1)
    plan(slots=[(person, {})])
    assert send_due(at=NOON, most=10) == SendReport(messages=1, people=1)
    (text,) = texts()
    assert text == "【一卡通】测先生，11月16日起可申请您的第三代社保卡，银行自选。申请：localhost"
    assert "ICBC" not in text
    assert len(text) <= 70
    assert not Appointment.objects.exists()
    sent = invitation_of(person.person_id)
    assert sent is not None
    assert sent.state_since == NOON
    event = AuditEvent.objects.get(action="invitation.sent")
    assert (event.subject, event.person_id, event.details) == ("campaign:winter", person.person_id, {})


def test_nothing_is_sent_twice_and_no_more_than_asked_for() -> None:
    plan(slots=[(make_person(serial), {}) for serial in range(1, 6)])
    assert [send_due(at=NOON, most=2).messages for _ in range(4)] == [2, 2, 1, 0]
    assert Counter(row.to_masked for row in ConsoleMessage.objects.all()).most_common(1)[0][1] == 1


@pytest.mark.parametrize(("hour", "sent"), [("00:59", 0), ("01:00", 1), ("09:59", 1), ("10:00", 0)], ids=str)
def test_messages_go_out_from_nine_to_six_in_beijing(hour: str, sent: int) -> None:
    plan(slots=[(make_person(1), {})])
    at = datetime.fromisoformat(f"2026-11-02T{hour}:00+00:00")
    assert send_due(at=at, most=10).messages == sent


def test_a_drafts_slots_are_not_told_and_neither_is_a_replaced_plans() -> None:
    person = make_person(1)
    plan("draft", publish_it=False, slots=[(person, {})])
    assert send_due(at=NOON, most=10) == SendReport()
    plan("winter", slots=[(person, {})])
    plan("spring", slots=[(person, {"week_starts_on": MONDAY + timedelta(days=7)})])
    assert send_due(at=NOON, most=10) == SendReport()
    assert send_due(at=NOON + timedelta(days=7), most=10).messages == 1


@pytest.mark.parametrize(
    ("way", "says"),
    [
        ("unit", "由单位统一领取，11月16日当周办理，请留意单位通知"),
        ("visit", "11月16日当周协办员将联系您，上门办理第三代社保卡，不收费"),
        ("post", "11月16日起可申请您的第三代社保卡，银行自选"),
    ],
)
def test_other_ways_are_told_in_their_words(way: str, says: str) -> None:
    plan(slots=[(make_person(1), {"way": way, "outlet_id": ""})])
    send_due(at=NOON, most=10)
    (text,) = texts()
    assert says in text
    assert len(text) <= 70


def test_a_minor_is_invited_with_the_guardian_in_one_message() -> None:
    mother, other = make_person(1), make_person(2)
    children = [make_person(serial, born=date(2015, 5, 17), category="minor") for serial in (3, 4)]
    for child in children:
        make_guardian(child, mother)
        make_guardian(child, other)
    plan(slots=[(person, {}) for person in (mother, *children)])
    assert send_due(at=NOON, most=10) == SendReport(messages=1, people=3)
    assert texts() == ["【一卡通】测先生，11月16日起可申请您和2名孩子的第三代社保卡，银行自选。申请：localhost"]
    assert set(states().values()) == {"sent"}


def test_a_child_of_another_week_is_told_apart_and_through_the_first_guardian_who_has_a_phone() -> None:
    silent, mother = make_person(1), make_person(2)
    Person.objects.filter(person_id=silent.person_id).update(phone_sealed=None)
    child = make_person(3, born=date(2015, 5, 17), category="minor")
    for guardian in (silent, mother):
        make_guardian(child, guardian)
    plan(slots=[(child, {"week_starts_on": TODAY}), (mother, {})])
    assert send_due(at=NOON, most=10).messages == 2
    assert texts()[0] == "【一卡通】测女士，即日起可申请您孩子的第三代社保卡，银行自选。申请：localhost"
    assert {row.to_masked for row in ConsoleMessage.objects.all()} == {"102****0002"}


def test_nobody_without_a_phone_is_told_and_helpers_find_them() -> None:
    silent = make_person(1)
    Person.objects.filter(person_id=silent.person_id).update(phone_sealed=None)
    orphan = make_person(2, born=date(2015, 5, 17), category="minor")
    plan(slots=[(silent, {}), (orphan, {}), (make_person(3), {})])
    assert send_due(at=NOON, most=10) == SendReport(messages=1, people=1, unreachable=2)
    assert [row.person_id for row in find_unreachable()] == [silent.person_id, orphan.person_id]
    assert [row.person_id for row in find_unreachable(after_person_id=silent.person_id)] == [orphan.person_id]
    assert send_due(at=NOON, most=10) == SendReport()


def test_who_applied_or_has_a_card_since_the_plan_is_not_invited_but_a_units_people_are_told() -> None:
    outlet = make_bank("ICBC")
    applied, holder, member = (make_person(serial) for serial in (1, 2, 3))
    submit(application_for(applied, outlet), by=CLERK, at=NOON)
    active_card(holder, outlet)
    Organisation.objects.create(
        credit_code=UNIT, kind="employer", name="单位", district_code="110101", bank_codes=["ICBC"]
    )
    Membership.objects.create(person_id=member.person_id, organisation_code=UNIT, since=date(2020, 1, 1))
    submit(application_for(member, outlet), by=CLERK, at=NOON)
    plan(slots=[(applied, {}), (holder, {}), (member, {"way": "unit", "outlet_id": ""})])
    assert send_due(at=NOON, most=10) == SendReport(messages=1, people=1, not_needed=2)
    assert states() == {
        applied.person_id: "withdrawn",
        holder.person_id: "withdrawn",
        member.person_id: "sent",
    }


def test_what_fails_is_tried_again_later_and_given_up_at_last(settings: Settings) -> None:
    settings.MESSAGE_PROVIDER = "tests.campaign.providers.Failing"
    person = make_person(1)
    plan(slots=[(person, {})])
    at = NOON
    for _ in range(ATTEMPTS_MAX - 1):
        assert send_due(at=at, most=10) == SendReport(to_retry=1)
        assert send_due(at=at + RETRY_AFTER / 2, most=10) == SendReport(), "not at once again"
        at += RETRY_AFTER
    assert send_due(at=at, most=10) == SendReport(failed=1)
    assert [row.person_id for row in find_unreachable()] == [person.person_id]
    assert send_due(at=at + timedelta(hours=1), most=10) == SendReport()


def test_one_bad_row_does_not_stop_the_others() -> None:
    people = [make_person(serial) for serial in range(1, 4)]
    Person.objects.filter(person_id=people[0].person_id).update(phone_sealed=b"no sealed phone")
    plan(slots=[(person, {}) for person in people])
    IdentityKey.objects.filter(person_id=people[1].person_id).delete()
    Person.objects.filter(person_id=people[1].person_id).delete()
    assert send_due(at=NOON, most=10) == SendReport(messages=1, people=1, to_retry=2)
    for number in range(1, ATTEMPTS_MAX - 1):
        assert send_due(at=NOON + number * RETRY_AFTER, most=10) == SendReport(to_retry=2)
    assert send_due(at=NOON + ATTEMPTS_MAX * RETRY_AFTER, most=10) == SendReport(failed=2)
    assert set(states().values()) == {"sent", "failed"}


def test_a_provider_that_is_back_sends(settings: Settings) -> None:
    working = settings.MESSAGE_PROVIDER
    plan(slots=[(make_person(1), {})])
    settings.MESSAGE_PROVIDER = "tests.campaign.providers.Failing"
    send_due(at=NOON, most=10)
    settings.MESSAGE_PROVIDER = working
    assert send_due(at=NOON + RETRY_AFTER, most=10).messages == 1


@given(
    weeks=st.lists(st.integers(-3, 8), min_size=1, max_size=6),
    fixed=st.lists(st.booleans(), min_size=6, max_size=6),
    ages=st.lists(st.sampled_from(["adult", "ward", "orphan"]), min_size=6, max_size=6),
)
@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_nobody_early_nobody_twice_no_minor_alone_and_no_half_day_too_full(
    db: None, weeks: list[int], fixed: list[bool], ages: list[str]
) -> None:
    """Every second day over ten weeks, with a half-day for one now and then."""
    with transaction.atomic():
        _ten_weeks(weeks, fixed, ages)
        transaction.set_rollback(True)


def _ten_weeks(weeks: list[int], fixed: list[bool], ages: list[str]) -> None:
    make_bank("ICBC")
    guardian = make_person(900)
    slots: list[tuple[Person, dict[str, object]]] = []
    for serial, (week, age, is_fixed) in enumerate(zip(weeks, ages, fixed, strict=False), start=1):
        person = make_person(serial, born=date(1950 if age == "adult" else 2015, 5, 17))
        if age == "ward":
            make_guardian(person, guardian)
        slots.append((person, {"week_starts_on": MONDAY + timedelta(days=7 * week), "is_bank_fixed": is_fixed}))
    for day in range(0, 60, 9):
        HalfDay.objects.create(outlet_id="ICBC-1", day=TODAY + timedelta(days=day), half="am", capacity=1)
    plan(slots=slots)
    seen: dict[int, date] = {}
    for day in range(0, 70, 2):
        send_due(at=NOON + timedelta(days=day), most=3)
        for row in Invitation.objects.filter(state="sent"):
            seen.setdefault(row.person_id, TODAY + timedelta(days=day))
            assert seen[row.person_id] >= row.week_starts_on - timedelta(days=INVITED_AHEAD_DAYS)
    orphans = {person.person_id for (person, _), age in zip(slots, ages, strict=False) if age == "orphan"}
    assert seen.keys() == {person.person_id for person, _ in slots} - orphans
    told = AuditEvent.objects.filter(action="invitation.sent").values_list("person_id", flat=True)
    assert sorted(told) == sorted(seen), "nobody twice"
    for half in HalfDay.objects.all():
        here = Appointment.objects.filter(outlet_id=half.outlet_id, day=half.day, half=half.half, state="kept")
        assert here.count() == half.taken <= half.capacity


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_send_each_invitation_once_and_a_family_one_message() -> None:
    outlet = make_bank("ICBC")
    HalfDay.objects.create(outlet_id=outlet.outlet_id, day=MONDAY, half="am", capacity=5)
    HalfDay.objects.create(outlet_id=outlet.outlet_id, day=MONDAY + timedelta(days=7), half="am", capacity=3)
    mothers = [make_person(serial) for serial in range(1, 6)]
    children = [make_person(serial + 100, born=date(2015, 5, 17)) for serial in range(1, 6)]
    for child, mother in zip(children, mothers, strict=True):
        make_guardian(child, mother)
    retirees = [make_person(serial + 200, category="retiree") for serial in range(1, 11)]
    plan(slots=[*((person, {}) for person in (*children, *mothers)), *((person, FIXED) for person in retirees)])
    reports = at_once(4, lambda: send_due(at=NOON, most=100))
    reports.append(send_due(at=NOON, most=100))
    assert sum(report.messages for report in reports) == 15
    assert sum(report.people for report in reports) == 20
    assert set(states().values()) == {"sent"}
    assert ConsoleMessage.objects.count() == 15
    assert sorted(HalfDay.objects.values_list("capacity", "taken")) == [(3, 3), (5, 5)]
    assert Appointment.objects.count() == 8


@pytest.mark.django_db(transaction=True)
def test_publishing_while_workers_send_invites_nobody_twice() -> None:
    people = [make_person(serial) for serial in range(1, 41)]
    plan("winter", slots=[(person, {}) for person in people])
    plan("spring", publish_it=False, slots=[(person, {}) for person in people])
    numbers = iter(range(4))

    def work() -> None:
        if next(numbers) == 0:
            publish("spring", by=CLERK, at=NOON)
        else:
            send_due(at=NOON, most=100)

    at_once(4, work)
    send_due(at=NOON, most=100)
    assert ConsoleMessage.objects.count() == 40
    sent = Invitation.objects.filter(state="sent").values_list("person_id", flat=True)
    assert sorted(sent) == [person.person_id for person in people]
    assert not Invitation.objects.filter(state="waiting").exists()


def send_to_outside(settings: dict[str, str], at: datetime) -> None:
    """Send through a provider that may be the end of this process; in a process of its own."""
    os.environ.update(settings)
    django_settings.MESSAGE_PROVIDER = "tests.campaign.providers.Outside"
    send_due(at=at, most=100)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("dies", "messages"), [("before", 8), ("after", 9)])
def test_a_worker_that_is_killed_loses_no_invitation(tmp_path: Path, dies: str, messages: int) -> None:
    """At least once: only a message that the provider had taken the moment before is sent again."""
    plan(slots=[(make_person(serial), {}) for serial in range(1, 9)])
    sent_to = tmp_path / "sent"

    def work(dies_after: int) -> int:
        settings = {"SENT_TO": str(sent_to), "DIES": dies, "DIES_AFTER": str(dies_after)}
        return exit_code_of(send_to_outside, settings, NOON)

    assert work(3) == -signal.SIGKILL
    assert work(1_000) == 0
    sent = Counter(sent_to.read_text().splitlines())
    assert (len(sent), sum(sent.values())) == (8, messages)
    assert set(states().values()) == {"sent"}
