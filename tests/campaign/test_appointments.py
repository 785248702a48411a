"""Half-days hold what they hold, however many ask at once; moving, cancelling and not coming give the place back."""

import random
import threading
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from tests.at_once import at_once
from tests.cast import CLERK, NOON, make_bank
from yikatong.audit.models import AuditEvent
from yikatong.banks.models import Outlet
from yikatong.campaign import appointments
from yikatong.campaign.appointments import (
    HALF_DAY_MAX,
    NotBooked,
    Place,
    Reason,
    book,
    end,
    open_all_half_days,
    open_half_days,
)
from yikatong.campaign.capacities import record_change, withdraw_change
from yikatong.campaign.models import Appointment, CapacityChange, HalfDay

DAY = date(2026, 11, 9)
OUTLET = "ICBC-1"
MORNING, AFTERNOON = Place(OUTLET, DAY, "am"), Place(OUTLET, DAY, "pm")


def half_day(place: Place, capacity: int) -> None:
    HalfDay.objects.create(outlet_id=place.outlet_id, day=place.day, half=place.half, capacity=capacity)


def taken(place: Place) -> int:
    return HalfDay.objects.get(outlet_id=place.outlet_id, day=place.day, half=place.half).taken


def asks(person_id: int, place: Place, *, appointment_id: UUID | None = None, at: datetime = NOON) -> str:
    return book(person_id, place, appointment_id=appointment_id or uuid4(), by=CLERK, at=at)


def in_step() -> bool:
    """Whether every half-day counts exactly the appointments that are kept there."""
    return all(
        half.taken
        == Appointment.objects.filter(
            outlet_id=half.outlet_id, day=half.day, half=half.half, state__in=["kept", "done"]
        ).count()
        for half in HalfDay.objects.all()
    )


@pytest.fixture
def day(db: None) -> None:
    """A morning for two and an afternoon for one."""
    half_day(MORNING, 2)
    half_day(AFTERNOON, 1)


def test_a_place_is_taken_once_however_often_it_is_asked_for(day: None) -> None:
    number = uuid4()
    assert [asks(1, MORNING, appointment_id=number) for _ in range(3)] == ["booked", "repeated", "repeated"]
    assert asks(1, MORNING) == "repeated", "another click on the same half-day"
    assert taken(MORNING) == 1
    assert AuditEvent.objects.filter(action="appointment.booked", person_id=1).count() == 1


def test_a_full_half_day_offers_the_next_free_one(day: None) -> None:
    asks(1, MORNING)
    asks(2, MORNING)
    with pytest.raises(NotBooked, match="2026-11-09 上午已约满；最近有空的是 2026-11-09 下午") as refused:
        asks(3, MORNING)
    assert (refused.value.reason, refused.value.next_free) == (Reason.FULL, (AFTERNOON,))
    asks(3, AFTERNOON)
    with pytest.raises(NotBooked, match="请选择其他网点") as nothing:
        asks(4, MORNING)
    assert nothing.value.next_free == ()


def test_moving_gives_the_first_place_back(day: None) -> None:
    asks(1, MORNING)
    assert asks(1, AFTERNOON) == "moved"
    assert (taken(MORNING), taken(AFTERNOON)) == (0, 1)
    assert sorted(Appointment.objects.values_list("state", flat=True)) == ["kept", "moved"]


def test_who_cannot_move_keeps_what_they_have(day: None) -> None:
    asks(1, AFTERNOON)
    asks(2, MORNING)
    with pytest.raises(NotBooked):
        asks(2, AFTERNOON)
    kept = Appointment.objects.get(person_id=2, state="kept")
    assert kept.half == "am"
    assert in_step()


@pytest.mark.parametrize("state", ["cancelled", "no_show"])
def test_cancelling_and_not_coming_give_the_place_back_once(day: None, state: str) -> None:
    number = uuid4()
    asks(1, AFTERNOON, appointment_id=number)
    for _ in range(2):
        end(1, number, state=state, by=CLERK, at=NOON)  # type: ignore[arg-type]
    assert taken(AFTERNOON) == 0
    assert asks(2, AFTERNOON) == "booked"
    other = "no_show" if state == "cancelled" else "cancelled"
    with pytest.raises(NotBooked) as ended:
        end(1, number, state=other, by=CLERK, at=NOON)  # type: ignore[arg-type]
    assert ended.value.reason == Reason.ENDED
    with pytest.raises(NotBooked) as unknown:
        end(2, uuid4(), state="cancelled", by=CLERK, at=NOON)
    assert unknown.value.reason == Reason.UNKNOWN


def test_walk_ins_count_against_the_half_day(day: None) -> None:
    book(1, AFTERNOON, appointment_id=uuid4(), by=CLERK, at=NOON, kind="walk_in")
    with pytest.raises(NotBooked):
        asks(2, AFTERNOON)


def test_what_cannot_be_booked_is_told(day: None) -> None:
    with pytest.raises(NotBooked) as past:
        asks(1, MORNING, at=NOON + timedelta(days=30))
    with pytest.raises(NotBooked) as closed:
        asks(1, Place(OUTLET, DAY + timedelta(days=1), "am"))
    number = uuid4()
    asks(1, MORNING, appointment_id=number)
    with pytest.raises(NotBooked) as reused:
        asks(1, AFTERNOON, appointment_id=number)
    assert [each.value.reason for each in (past, closed, reused)] == [Reason.PAST, Reason.UNKNOWN, Reason.CONFLICT]


def test_the_table_itself_refuses_one_too_many(day: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        HalfDay.objects.filter(half="pm").update(taken=2)


def test_half_days_open_on_working_days_by_the_windows(db: None) -> None:
    outlet = make_bank("ICBC")
    monday, sunday = date(2026, 11, 9), date(2026, 11, 15)
    assert open_half_days(outlet, monday, sunday, by=CLERK, at=NOON) == 10
    assert set(HalfDay.objects.values_list("capacity", flat=True)) == {13}, "210 minutes for cards, 8 each, two halves"
    HalfDay.objects.filter(day=monday, half="am").update(taken=5)
    assert open_half_days(outlet, monday, sunday + timedelta(days=1), by=CLERK, at=NOON) == 2
    assert HalfDay.objects.get(day=monday, half="am").taken == 5


def test_all_outlets_are_opened_at_once_and_follow_what_departs_from_the_rules(db: None) -> None:
    make_bank("ICBC")
    make_bank("ABC")
    monday, friday = date(2026, 11, 9), date(2026, 11, 13)
    closed = record_change("outlet_closed", "ABC-1", 0, monday, monday, "装修停业", by=CLERK, at=NOON)
    assert open_all_half_days(monday, friday, by=CLERK, at=NOON) == 20
    capacities = HalfDay.objects.filter(outlet_id="ABC-1").order_by("day").values_list("capacity", flat=True)
    assert list(capacities) == [0, 0, *[13] * 8]
    record_change("outlet_windows", OUTLET, 2, monday, None, "集中换发加开窗口", by=CLERK, at=NOON)
    withdraw_change(closed.change_id, by=CLERK, at=NOON)
    assert open_all_half_days(monday, friday, by=CLERK, at=NOON) == 0
    assert set(HalfDay.objects.values_list("outlet_id", "capacity")) == {("ABC-1", 13), (OUTLET, 52)}
    asks(1, MORNING)
    record_change("outlet_closed", OUTLET, 0, monday, friday, "临时停业", by=CLERK, at=NOON)
    open_all_half_days(monday, friday, by=CLERK, at=NOON)
    half = HalfDay.objects.get(outlet_id=OUTLET, day=DAY, half="am")
    assert (half.capacity, half.taken) == (1, 1), "no appointment is taken from anybody"


def test_absurd_windows_open_no_more_than_an_outlet_can_serve(db: None) -> None:
    make_bank("ICBC")
    record_change("outlet_windows", OUTLET, 2, DAY, None, "多打了几个零", by=CLERK, at=NOON)
    CapacityChange.objects.update(value=2_000_000_000)  # as they were taken before they were limited
    Outlet.objects.update(windows=2_000_000_000)
    assert open_all_half_days(DAY, DAY + timedelta(days=1), by=CLERK, at=NOON) == 4
    assert set(HalfDay.objects.values_list("capacity", flat=True)) == {HALF_DAY_MAX}
    CapacityChange.objects.update(withdrawn_at=NOON)
    open_all_half_days(DAY, DAY, by=CLERK, at=NOON)
    assert set(HalfDay.objects.values_list("capacity", flat=True)) == {HALF_DAY_MAX}


def test_of_several_changes_the_last_one_recorded_counts_on_each_day(db: None) -> None:
    make_bank("ICBC")
    make_bank("ABC")
    record_change("outlet_windows", OUTLET, 2, DAY, DAY + timedelta(days=2), "集中换发", by=CLERK, at=NOON)
    record_change("outlet_windows", OUTLET, 3, DAY + timedelta(days=1), None, "再加窗口", by=CLERK, at=NOON)
    record_change(
        "outlet_closed", OUTLET, 0, DAY + timedelta(days=3), DAY + timedelta(days=3), "停电检修", by=CLERK, at=NOON
    )
    open_all_half_days(DAY, DAY + timedelta(days=4), by=CLERK, at=NOON)
    found = HalfDay.objects.filter(outlet_id=OUTLET, half="am").order_by("day").values_list("capacity", flat=True)
    assert list(found) == [52, 78, 78, 0, 78]
    assert set(HalfDay.objects.filter(outlet_id="ABC-1").values_list("capacity", flat=True)) == {13}


@pytest.mark.django_db(transaction=True)
def test_half_days_follow_while_people_book_and_move() -> None:
    """What follows locks half-days in the same order as booking does: nobody waits for each other for ever."""
    make_bank("ICBC")
    days = [DAY + timedelta(days=number) for number in range(5)]
    open_all_half_days(days[0], days[-1], by=CLERK, at=NOON)
    numbers = iter(range(4))

    def work() -> str:
        number = next(numbers)
        chance = random.Random(number)
        for step in range(25):
            if number == 0:
                record_change("outlet_windows", OUTLET, step % 3 + 1, days[0], None, "窗口有变化", by=CLERK, at=NOON)
                open_all_half_days(days[0], days[-1], by=CLERK, at=NOON)
            else:
                asks(number, Place(OUTLET, chance.choice(days), chance.choice(["am", "pm"])))
        return "went through"

    assert at_once(4, work) == ["went through"] * 4
    assert in_step()


@pytest.mark.django_db(transaction=True)
def test_a_deadlock_is_told_as_busy() -> None:
    """Somebody holds the half-day and then wants the lock of the person who waits for the half-day."""
    half_day(MORNING, 2)
    held = threading.Event()

    def holds() -> str:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("set local deadlock_timeout = '1h'")  # the other one is to find it out
            cursor.execute("select 1 from campaign_half_day for update")
            held.set()
            while not _somebody_waits():
                pass
            cursor.execute("select pg_advisory_xact_lock(hashtextextended('campaign appointment of 1', 0))")
        return "went through"

    def asks_meanwhile() -> str:
        held.wait()
        try:
            return asks(1, MORNING)
        except NotBooked as refused:
            return refused.reason

    works = iter([holds, asks_meanwhile])

    def work() -> str:
        return next(works)()

    assert sorted(at_once(2, work)) == [Reason.BUSY, "went through"]


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select pg_stat_clear_snapshot()")
        cursor.execute(
            "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
        )
        return bool(cursor.fetchone()[0])


def test_a_day_that_turns_out_to_be_a_holiday_takes_nobody_any_more(db: None) -> None:
    """The public holidays of a year become known in the November before, when some of its days are open already."""
    new_year = date(2026, 1, 1)
    make_bank("ICBC")
    for half, taken_places in (("am", 0), ("pm", 2)):
        HalfDay.objects.create(outlet_id=OUTLET, day=new_year, half=half, capacity=13, taken=taken_places)
    assert open_all_half_days(new_year, new_year, by=CLERK, at=NOON) == 0
    assert list(HalfDay.objects.order_by("half").values_list("capacity", flat=True)) == [0, 2]


@pytest.mark.parametrize(("beijing", "refused"), [("11:59", False), ("12:00", True), ("16:59", False), ("17:00", True)])
def test_a_half_day_that_is_over_cannot_be_booked(day: None, beijing: str, refused: bool) -> None:
    at = datetime.fromisoformat(f"2026-11-09T{beijing}:00+08:00")
    place = MORNING if beijing < "13" else AFTERNOON
    if not refused:
        assert asks(1, place, at=at) == "booked"
        return
    with pytest.raises(NotBooked, match="已经过去") as past:
        asks(1, place, at=at)
    assert past.value.reason == Reason.PAST


def test_two_half_days_are_offered_and_none_that_is_over(day: None) -> None:
    half_day(Place(OUTLET, DAY + timedelta(days=1), "am"), 3)
    half_day(Place(OUTLET, DAY + timedelta(days=1), "pm"), 3)
    asks(1, AFTERNOON)
    for at, expected in (
        (NOON, ["am", "am", "pm"]),
        (datetime.fromisoformat("2026-11-09T12:30:00+08:00"), ["am", "pm"]),
    ):
        found = appointments.next_free(MORNING, at=at, most=4)
        assert [place.half for place in found] == expected
    with pytest.raises(NotBooked) as full:
        asks(2, AFTERNOON)
    assert [(place.day, place.half) for place in full.value.next_free] == [
        (DAY + timedelta(days=1), "am"),
        (DAY + timedelta(days=1), "pm"),
    ]


def test_an_old_page_sent_again_books_nothing(day: None) -> None:
    number = uuid4()
    asks(1, MORNING, appointment_id=number)
    end(1, number, state="cancelled", by=CLERK, at=NOON)
    with pytest.raises(NotBooked) as ended:
        asks(1, MORNING, appointment_id=number)
    assert ended.value.reason == Reason.ENDED
    assert taken(MORNING) == 0


def test_who_was_served_keeps_the_place_used_and_may_book_again(day: None) -> None:
    number = uuid4()
    asks(1, MORNING, appointment_id=number)
    for _ in range(2):
        end(1, number, state="done", by=CLERK, at=NOON)
    assert taken(MORNING) == 1
    assert AuditEvent.objects.filter(action="appointment.done").count() == 1
    with pytest.raises(NotBooked) as ended:
        end(1, number, state="cancelled", by=CLERK, at=NOON)
    assert ended.value.reason == Reason.ENDED
    with pytest.raises(NotBooked):
        end(1, uuid4(), state="done", by=CLERK, at=NOON)
    assert asks(1, AFTERNOON) == "booked"
    assert in_step()


def test_who_confirms_does_so_once_and_only_what_is_kept(day: None) -> None:
    number = uuid4()
    asks(1, MORNING, appointment_id=number)
    for hour in range(2):
        appointments.confirm(1, number, by=CLERK, at=NOON + timedelta(hours=hour))
    assert Appointment.objects.get().confirmed_at == NOON
    assert AuditEvent.objects.filter(action="appointment.confirmed").count() == 1
    end(1, number, state="cancelled", by=CLERK, at=NOON)
    for person_id, reason in ((1, Reason.ENDED), (2, Reason.UNKNOWN)):
        with pytest.raises(NotBooked) as refused:
            appointments.confirm(person_id, number, by=CLERK, at=NOON)
        assert refused.value.reason == reason


@pytest.mark.django_db(transaction=True)
def test_sixteen_at_once_for_the_last_five_places() -> None:
    half_day(MORNING, 5)
    people = iter(range(1, 17))

    def ask() -> str:
        person = next(people)
        try:
            return asks(person, MORNING)
        except NotBooked as refused:
            return str(refused.reason)

    answers = at_once(16, ask)
    assert (answers.count("booked"), answers.count("full")) == (5, 11)
    assert in_step()


@pytest.mark.django_db(transaction=True)
def test_people_who_change_places_with_each_other_never_wait_for_ever() -> None:
    """Everybody books, moves and cancels among a few half-days at once: no deadlock, no place lost, none made up."""
    places = [Place(OUTLET, DAY + timedelta(days=number), half) for number in range(3) for half in ("am", "pm")]  # type: ignore[arg-type]
    for place in places:
        half_day(place, 3)
    people = iter(range(1, 9))

    def live() -> None:
        person = next(people)
        chance = random.Random(person)
        for _ in range(25):
            number = uuid4()
            try:
                asks(person, chance.choice(places), appointment_id=number)
                if chance.random() < 0.3:
                    end(person, number, state="cancelled", by=CLERK, at=NOON)
            except NotBooked as refused:
                # unknown: a half-day that was theirs already made no appointment of this number
                if refused.reason not in {Reason.FULL, Reason.UNKNOWN}:
                    raise

    at_once(8, live)
    assert in_step()
    assert Appointment.objects.filter(state="kept").count() <= 8


@pytest.mark.django_db(transaction=True)
def test_whoever_waits_too_long_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    half_day(MORNING, 5)
    monkeypatch.setattr(appointments, "LOCK_WAIT_MS", 50)

    def held() -> str:
        with pytest.raises(NotBooked) as busy:
            asks(1, MORNING)
        return str(busy.value.reason)

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select from campaign_half_day for update")
        assert at_once(1, held) == [Reason.BUSY]
    assert asks(1, MORNING) == "booked"
