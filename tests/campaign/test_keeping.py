"""Where the bank is fixed a half-day is kept, never a chosen one moved, and it is given back when nobody is told of it."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django.fixtures import Settings

from tests.campaign.invited import FIXED, MONDAY, TODAY, UNIT, plan, states, texts
from tests.cast import CLERK, NOON, make_bank, make_guardian, make_person
from yikatong.campaign import invitations
from yikatong.campaign.appointments import Place, book, confirm, open_half_days
from yikatong.campaign.invitations import (
    RETRY_AFTER,
    SendReport,
    send_due,
)
from yikatong.campaign.keeping import give_back_withdrawn
from yikatong.campaign.models import Appointment, HalfDay, Invitation
from yikatong.registry.models import Membership, Organisation, Person

pytestmark = pytest.mark.django_db


def test_where_the_bank_is_fixed_a_half_day_is_kept() -> None:
    outlet = make_bank("ICBC")
    open_half_days(outlet, MONDAY, MONDAY + timedelta(days=6), by=CLERK, at=NOON)
    people = [make_person(serial, category="retiree") for serial in range(1, 21)]
    plan(slots=[(person, FIXED) for person in people])
    assert send_due(at=NOON, most=100).messages == 20
    kept = Appointment.objects.all()
    assert {(row.kind, row.state, row.outlet_id) for row in kept} == {("invited", "kept", "ICBC-1")}
    assert set(HalfDay.objects.values_list("taken", flat=True)) == {2}, "ten half-days alike, twenty people"
    for row, text in zip(Invitation.objects.order_by("person_id"), texts(), strict=True):
        one = Appointment.objects.get(person_id=row.person_id, appointment_id=row.appointment_id)
        half = {"am": "上午", "pm": "下午"}[one.half]
        assert f"，请于11月{one.day.day}日{half}带身份证到ICBC one办理您的第三代社保卡。" in text


def test_a_full_week_goes_on_in_the_next_and_without_any_room_the_person_chooses() -> None:
    make_bank("ICBC")
    for day, capacity in ((MONDAY, 1), (MONDAY + timedelta(days=8), 1)):
        HalfDay.objects.create(outlet_id="ICBC-1", day=day, half="pm", capacity=capacity)
    people = [make_person(serial, category="retiree") for serial in range(1, 4)]
    plan(slots=[(person, FIXED) for person in people])
    assert send_due(at=NOON, most=10).messages == 3
    assert sorted(Appointment.objects.values_list("day", flat=True)) == [MONDAY, MONDAY + timedelta(days=8)]
    assert sum("请选时间" in text for text in texts()) == 1
    assert Invitation.objects.filter(appointment_id=None).count() == 1


def test_what_a_person_chose_or_confirmed_is_never_moved() -> None:
    outlet = make_bank("ICBC")
    open_half_days(outlet, TODAY, MONDAY + timedelta(days=20), by=CLERK, at=NOON)
    chose, confirmed, neither = (make_person(serial, category="retiree") for serial in (1, 2, 3))
    plan("winter", slots=[(person, FIXED) for person in (confirmed, neither)])
    send_due(at=NOON, most=10)
    first = {row.person_id: row for row in Appointment.objects.all()}
    confirm(confirmed.person_id, first[confirmed.person_id].appointment_id, by=CLERK, at=NOON)
    number = uuid4()
    book(chose.person_id, Place("ICBC-1", TODAY + timedelta(days=1), "am"), appointment_id=number, by=CLERK, at=NOON)
    later = {**FIXED, "week_starts_on": MONDAY + timedelta(days=7)}
    plan("spring", slots=[(person, later) for person in (chose, confirmed, neither)])
    send_due(at=NOON + timedelta(days=7), most=10)
    kept = {row.person_id: row for row in Appointment.objects.filter(state="kept")}
    assert kept[chose.person_id].appointment_id == number
    assert kept[confirmed.person_id].appointment_id == first[confirmed.person_id].appointment_id
    assert kept[neither.person_id].day >= MONDAY + timedelta(days=7)
    assert "11月3日上午" in texts()[-3], "what they chose is what they are told"
    assert set(states().values()) == {"sent"}
    replaced = Invitation.objects.filter(campaign_id="winter").values_list("state", flat=True)
    assert list(replaced) == ["withdrawn", "withdrawn"]
    assert ["前次通知作废" in text for text in texts()[-3:]] == [False, True, True]


def test_a_place_that_is_not_kept_any_more_is_given_back_when_the_bank_is_open_again() -> None:
    outlet = make_bank("ICBC")
    open_half_days(outlet, MONDAY, MONDAY + timedelta(days=20), by=CLERK, at=NOON)
    person = make_person(1, category="retiree")
    plan("winter", slots=[(person, FIXED)])
    send_due(at=NOON, most=10)
    plan("spring", slots=[(person, {"week_starts_on": MONDAY + timedelta(days=7)})])
    send_due(at=NOON + timedelta(days=7), most=10)
    assert Appointment.objects.get().state == "cancelled"
    assert not HalfDay.objects.filter(taken__gt=0).exists()
    assert "ICBC" not in texts()[-1]


def test_whoever_may_choose_by_the_time_of_sending_is_told_no_bank() -> None:
    outlet = make_bank("ICBC")
    make_bank("ABC")
    open_half_days(outlet, MONDAY, MONDAY + timedelta(days=20), by=CLERK, at=NOON)
    free, bound, member = make_person(1), make_person(2, category="employee"), make_person(3)
    Organisation.objects.create(
        credit_code=UNIT,
        kind="employer",
        name="单位",
        district_code="110101",
        bank_codes=["ICBC"],
        collects_for_members=True,
    )
    Membership.objects.create(person_id=bound.person_id, organisation_code=UNIT, since=date(2020, 1, 1))
    plan(slots=[(free, FIXED), (bound, FIXED), (member, FIXED | {"way": "unit", "outlet_id": ""})])
    assert send_due(at=NOON, most=10).messages == 3
    rows = Invitation.objects.order_by("person_id").values_list("bank_code", "outlet_id")
    assert list(rows) == [("", ""), ("ICBC", "ICBC-1"), ("ICBC", "")], "what a unit's people wrote on its roster stands"
    assert Appointment.objects.get().person_id == bound.person_id
    assert sum("ICBC" in text for text in texts()) == 1


def test_a_half_day_ends_when_its_bank_is_not_fixed_any_more_before_the_message_goes_out(settings: Settings) -> None:
    outlet = make_bank("ICBC")
    open_half_days(outlet, MONDAY, MONDAY + timedelta(days=20), by=CLERK, at=NOON)
    working = settings.MESSAGE_PROVIDER
    settings.MESSAGE_PROVIDER = "tests.campaign.providers.Failing"
    plan(slots=[(make_person(1), FIXED)])
    send_due(at=NOON, most=10)
    assert Appointment.objects.get().state == "kept"
    make_bank("ABC")
    settings.MESSAGE_PROVIDER = working
    assert send_due(at=NOON + RETRY_AFTER, most=10).messages == 1
    assert Appointment.objects.get().state == "cancelled"
    assert not HalfDay.objects.filter(taken__gt=0).exists()
    assert "ICBC" not in texts()[0]


def kept_but_not_told(settings: Settings, person: Person) -> None:
    """A half-day was kept for the invitation; then its message failed."""
    outlet = make_bank("ICBC")
    open_half_days(outlet, MONDAY, MONDAY + timedelta(days=20), by=CLERK, at=NOON)
    working = settings.MESSAGE_PROVIDER
    settings.MESSAGE_PROVIDER = "tests.campaign.providers.Failing"
    plan(slots=[(person, FIXED)])
    send_due(at=NOON, most=10)
    settings.MESSAGE_PROVIDER = working
    assert Appointment.objects.get().state == "kept"


def free_again() -> bool:
    return not HalfDay.objects.filter(taken__gt=0).exists() and not Appointment.objects.filter(state="kept").exists()


def test_closing_an_invitation_gives_its_half_day_back(settings: Settings) -> None:
    person = make_person(1, category="retiree")
    kept_but_not_told(settings, person)
    Person.objects.update(phone_sealed=None)
    assert send_due(at=NOON + RETRY_AFTER, most=10) == SendReport(unreachable=1)
    assert free_again()


def test_closing_an_invitation_leaves_what_the_person_confirmed(settings: Settings) -> None:
    person = make_person(1, category="retiree")
    kept_but_not_told(settings, person)
    confirm(person.person_id, Appointment.objects.get().appointment_id, by=CLERK, at=NOON)
    Person.objects.update(phone_sealed=None)
    assert send_due(at=NOON + RETRY_AFTER, most=10) == SendReport(unreachable=1)
    assert Appointment.objects.get().state == "kept"


def test_publishing_another_plan_has_untold_half_days_given_back(settings: Settings) -> None:
    person = make_person(1, category="retiree")
    kept_but_not_told(settings, person)
    assert give_back_withdrawn(by=CLERK, at=NOON) == 0, "it is waiting still"
    plan("spring", slots=[])
    assert ProcrastinateJob.objects.filter(task_name="campaign.give_back_half_days").exists()
    assert [give_back_withdrawn(by=CLERK, at=NOON) for _ in range(2)] == [1, 0]
    assert free_again()


@pytest.mark.parametrize("how", ["confirmed", "noted again"])
def test_a_half_day_that_counts_otherwise_is_not_given_back(settings: Settings, how: str) -> None:
    person = make_person(1, category="retiree")
    kept_but_not_told(settings, person)
    kept = Appointment.objects.get()
    plan("spring", slots=[(person, FIXED)])
    if how == "confirmed":
        confirm(person.person_id, kept.appointment_id, by=CLERK, at=NOON)
    else:
        Invitation.objects.filter(campaign_id="spring").update(appointment_id=kept.appointment_id, state="sent")
    assert give_back_withdrawn(by=CLERK, at=NOON) == 0
    assert Appointment.objects.get().state == "kept"


def test_an_invitation_that_finds_no_room_ends_the_half_day_of_the_one_it_replaces() -> None:
    person = make_person(1, category="retiree")
    make_bank("ICBC")
    HalfDay.objects.create(outlet_id="ICBC-1", day=MONDAY, half="pm", capacity=1)
    plan(slots=[(person, FIXED)])
    send_due(at=NOON, most=10)
    plan("spring", slots=[(person, FIXED | {"week_starts_on": MONDAY + timedelta(days=7)})])
    assert send_due(at=NOON + timedelta(days=7), most=10).messages == 1
    assert free_again()
    assert "请选时间" in texts()[-1]


def test_a_child_who_is_told_anew_with_the_guardian_gives_the_earlier_half_day_back() -> None:
    outlet = make_bank("ICBC")
    open_half_days(outlet, MONDAY, MONDAY + timedelta(days=20), by=CLERK, at=NOON)
    mother, child = make_person(1), make_person(2, born=date(2015, 5, 17), category="minor")
    make_guardian(child, mother)
    plan(slots=[(child, FIXED)])
    assert send_due(at=NOON, most=10).messages == 1
    assert Appointment.objects.get().state == "kept"
    later = {"week_starts_on": MONDAY + timedelta(days=7)}
    plan("spring", slots=[(mother, later), (child, later)])
    assert send_due(at=NOON + timedelta(days=7), most=10) == SendReport(messages=1, people=2)
    assert free_again()


def test_without_a_proposal_the_next_free_half_day_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("of one row")

    outlet = make_bank("ICBC")
    open_half_days(outlet, MONDAY, MONDAY + timedelta(days=6), by=CLERK, at=NOON)
    monkeypatch.setattr(invitations, "places_proposed", broken)
    plan(slots=[(make_person(1), FIXED)])
    assert send_due(at=NOON, most=10).messages == 1
    assert Appointment.objects.get().day == MONDAY
