"""A message the day before, one when the card is there, and whoever did not come gives the place back."""

from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django.fixtures import Settings

from tests.at_once import at_once
from tests.cast import CLERK, NOON, application_for, collected_card, made_card, make_bank, make_guardian, make_person
from yikatong.accounts.models import ConsoleMessage
from yikatong.applications.services import submit
from yikatong.audit.models import AuditEvent
from yikatong.campaign.appointments import Half, Place, book, end
from yikatong.campaign.following import announce_due
from yikatong.campaign.invitations import RETRY_AFTER
from yikatong.campaign.models import Appointment, HalfDay
from yikatong.campaign.reminders import mark_no_shows, remind_due, tell_ready
from yikatong.campaign.tasks_invitations import tell_ready_task
from yikatong.issuance import services
from yikatong.issuance.models import Card, JobCard, JobCardState, PersonalisationJob
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher

TODAY = date(2026, 11, 2)
TOMORROW = TODAY + timedelta(days=1)
pytestmark = pytest.mark.django_db


def texts() -> list[str]:
    return [field_cipher().open("sms", bytes(row.body_sealed)) for row in ConsoleMessage.objects.order_by("message_id")]


def keeps(person: Person, day: date = TOMORROW, half: Half = "am") -> UUID:
    """An appointment at the outlet ICBC-1."""
    outlet = make_bank("ICBC")
    HalfDay.objects.get_or_create(outlet_id=outlet.outlet_id, day=day, half=half, defaults={"capacity": 20})
    number = uuid4()
    book(
        person.person_id,
        Place(outlet.outlet_id, day, half),
        appointment_id=number,
        by=CLERK,
        at=NOON - timedelta(hours=2),
    )
    return number


def test_who_comes_tomorrow_is_reminded_once() -> None:
    keeps(make_person(1))
    keeps(make_person(2), TOMORROW + timedelta(days=1))
    assert [remind_due(at=NOON, most=10) for _ in range(3)] == [1, 0, 0]
    assert texts() == [
        "【一卡通】测先生，您预约了明天（11月3日）上午到ICBC one办理社保卡，请带身份证。改期或取消：localhost"
    ]
    assert AuditEvent.objects.filter(action="appointment.reminded").count() == 1


def test_who_cancelled_is_not_reminded_and_nobody_at_night() -> None:
    person = make_person(1)
    end(person.person_id, keeps(person), state="cancelled", by=CLERK, at=NOON)
    keeps(make_person(2))
    assert remind_due(at=NOON + timedelta(hours=8), most=10) == 0
    assert remind_due(at=NOON, most=10) == 1
    assert ConsoleMessage.objects.count() == 1


def test_a_childs_guardian_is_reminded_and_nobody_without_a_phone() -> None:
    child, mother, silent = make_person(1, born=date(2015, 5, 17)), make_person(2), make_person(3)
    make_guardian(child, mother)
    Person.objects.filter(person_id=silent.person_id).update(phone_sealed=None)
    keeps(child)
    keeps(silent)
    assert [remind_due(at=NOON, most=10) for _ in range(2)] == [1, 0]
    assert ConsoleMessage.objects.get().to_masked == "102****0002"
    assert "，您为孩子约了明天" in texts()[0]


@pytest.mark.parametrize(("confirmed_at", "says"), [(None, "，为您保留了明天"), (NOON, "，您预约了明天")])
def test_a_half_day_that_was_kept_is_not_told_as_booked(confirmed_at: datetime | None, says: str) -> None:
    keeps(make_person(1))
    Appointment.objects.update(kind="invited", confirmed_at=confirmed_at)
    remind_due(at=NOON, most=10)
    assert says in texts()[0]


def test_a_reminder_that_fails_is_sent_by_the_next_run(settings: Settings) -> None:
    working = settings.MESSAGE_PROVIDER
    keeps(make_person(1))
    settings.MESSAGE_PROVIDER = "tests.campaign.providers.Failing"
    assert remind_due(at=NOON, most=10) == 0
    settings.MESSAGE_PROVIDER = working
    assert remind_due(at=NOON + RETRY_AFTER / 2, most=10) == 0, "not at once again"
    assert remind_due(at=NOON + RETRY_AFTER, most=10) == 1


def test_reminders_that_fail_do_not_keep_others_waiting() -> None:
    unreadable, well = make_person(1), make_person(2)
    Person.objects.filter(person_id=unreadable.person_id).update(phone_sealed=b"no sealed phone")
    for person in (unreadable, well):
        keeps(person)
    assert [remind_due(at=NOON, most=1) for _ in range(2)] == [0, 1]
    assert remind_due(at=NOON + RETRY_AFTER, most=10) == 0
    keeps(make_person(3))
    assert remind_due(at=NOON + 2 * RETRY_AFTER, most=1) == 1, "before whatever failed"
    assert Appointment.objects.get(person_id=unreadable.person_id).reminded_at is None


@pytest.mark.django_db(transaction=True)
def test_two_workers_remind_once() -> None:
    for serial in range(1, 11):
        keeps(make_person(serial))
    assert sum(at_once(3, lambda: remind_due(at=NOON, most=100))) == 10
    assert ConsoleMessage.objects.count() == 10


def test_whose_card_has_come_is_told_once() -> None:
    card = made_card(make_person(1), make_bank("ICBC"))
    assert not tell_ready(card.card_id, at=NOON), "it is not there yet"
    services.mark_ready(card.card_id, by=CLERK, at=NOON)
    assert [tell_ready(card.card_id, at=NOON) for _ in range(2)] == [True, False]
    assert texts() == ["【一卡通】测先生，您申请的社保卡已到ICBC one，请带身份证领取。预约时间：localhost"]


def test_a_card_that_comes_to_its_outlet_asks_the_worker_to_tell_and_a_posted_one_does_not() -> None:
    posted = submit(
        application_for(make_person(1), make_bank("ICBC"), collection="post", address="某街1号", outlet_id=""),
        by=CLERK,
        at=NOON,
    )
    sent = services.produce_card(posted.person_id, UUID(str(posted.application_id)), at=NOON)
    card = made_card(make_person(2), make_bank("ICBC"))
    assert sent is not None
    for each in (sent, card):
        services.mark_ready(each.card_id, by=CLERK, at=NOON + timedelta(hours=8))
    job = ProcrastinateJob.objects.get(task_name="campaign.tell_ready")
    assert job.args == {"card_id": card.card_id}
    assert job.scheduled_at == NOON + timedelta(hours=21), "not at eight in the evening: at nine the next morning"


def test_a_card_is_announced_only_in_the_hours_even_by_a_late_worker() -> None:
    card = made_card(make_person(1), make_bank("ICBC"))
    services.mark_ready(card.card_id, by=CLERK, at=NOON)
    assert not announce_due(card.card_id, at=NOON + timedelta(hours=8))
    assert not ConsoleMessage.objects.exists()
    job = ProcrastinateJob.objects.filter(task_name="campaign.tell_ready").latest("id")
    assert (job.args, job.scheduled_at) == ({"card_id": card.card_id}, NOON + timedelta(hours=21))
    assert announce_due(card.card_id, at=NOON + timedelta(hours=21))


def test_a_card_that_could_not_be_announced_is_announced_within_hours_not_years() -> None:
    strategy = tell_ready_task.retry_strategy
    assert isinstance(strategy, RetryStrategy)
    assert (strategy.exponential_wait, strategy.linear_wait, strategy.max_attempts) == (0, 600, 5)


def test_whoever_was_not_served_by_the_end_of_the_half_day_did_not_come() -> None:
    people = [make_person(serial) for serial in range(1, 5)]
    keeps(people[0], TODAY, "am")
    keeps(people[1], TODAY, "pm")
    keeps(people[2], TOMORROW)
    number = keeps(people[3], TODAY, "am")
    end(people[3].person_id, number, state="done", by=CLERK, at=NOON)
    assert [mark_no_shows(at=NOON + timedelta(minutes=5)) for _ in range(2)] == [1, 0]
    states = [Appointment.objects.get(person_id=person.person_id).state for person in people]
    assert states == ["no_show", "kept", "kept", "done"]
    assert HalfDay.objects.get(day=TODAY, half="am").taken == 1, "the place of who came is used, the other's is back"
    assert mark_no_shows(at=NOON + timedelta(days=1, minutes=5)) == 2, "a worker that stood still makes up for it"


@pytest.mark.parametrize(("day", "state", "taken"), [(TODAY, "done", 1), (TOMORROW, "cancelled", 0)])
def test_a_card_handed_over_ends_the_appointment(day: date, state: str, taken: int) -> None:
    person = make_person(1)
    keeps(person, day, "pm")
    collected_card(person, make_bank("ICBC"))
    assert Appointment.objects.get().state == state
    assert HalfDay.objects.get().taken == taken
    assert Card.objects.get(person_id=person.person_id).state == "collected"


@pytest.mark.parametrize(
    ("channel", "day", "state", "taken"),
    [
        ("outlet", TODAY, "done", 1),
        ("outlet", TOMORROW, "cancelled", 0),
        ("web", TODAY, "kept", 1),
        ("outreach", TODAY, "kept", 1),
    ],
)
def test_whoever_applies_at_the_counter_came(channel: str, day: date, state: str, taken: int) -> None:
    person = make_person(1)
    keeps(person, day, "pm")
    submit(application_for(person, make_bank("ICBC"), channel=channel), by=CLERK, at=NOON)
    assert Appointment.objects.get().state == state
    assert HalfDay.objects.get().taken == taken


@pytest.mark.parametrize(("is_here", "state"), [(True, "done"), (False, "kept")])
def test_a_card_made_at_the_counter_ends_the_appointment(is_here: bool, state: str) -> None:
    person, outlet = make_person(1), make_bank("ICBC")
    card = made_card(person, outlet)
    keeps(person, TODAY, "pm")
    job = PersonalisationJob.objects.create(
        job_id=uuid4(), bank_code="ICBC", outlet_id=outlet.outlet_id if is_here else "", made_at=NOON
    )
    JobCard.objects.create(
        job=job, sequence=1, card_id=card.card_id, chip_serial=1, state=JobCardState.SHIPPED, state_at=NOON
    )
    services.mark_ready(card.card_id, by=CLERK, at=NOON)
    assert Appointment.objects.get().state == state


def test_no_shows_are_noted_an_hour_after_each_half_day() -> None:
    (cron,) = [each.cron for (name, _), each in app.periodic_registry.periodic_tasks.items() if "no_shows" in name]
    assert cron == "0 5,10 * * *", "13:00 and 18:00 in Beijing"
