"""Half-days hold what they hold, however many ask at once; moving, cancelling and not coming give the place back."""

import random
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from tests.at_once import at_once
from tests.cast import CLERK, NOON, make_bank
from yikatong.audit.models import AuditEvent
from yikatong.campaign import appointments
from yikatong.campaign.appointments import NotBooked, Place, Reason, book, end, open_half_days
from yikatong.campaign.models import Appointment, HalfDay

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
        == Appointment.objects.filter(outlet_id=half.outlet_id, day=half.day, half=half.half, state="kept").count()
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
