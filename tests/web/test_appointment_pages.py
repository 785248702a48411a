"""The pages of appointments over HTTP, the resident's and the outlet's. Days are counted from today, as the clock goes."""

import re
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from django.test import Client

from tests.cast import CLERK, application_for, made_card, make_bank, make_guardian, make_person
from yikatong.accounts.models import Role, User
from yikatong.applications.models import Application
from yikatong.applications.services import submit
from yikatong.campaign.appointments import Half, Place, book
from yikatong.campaign.halves import half_of, is_over
from yikatong.campaign.models import Appointment, HalfDay, Invitation
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.issuance import services
from yikatong.registry.models import Person
from yikatong.registry.selectors import clear_view

pytestmark = pytest.mark.django_db
OUTLET = "ICBC-1"
URL, DESK = "/appointments/", "/work/bank/appointments/"


def today() -> date:
    return beijing_day(utc_now())


def half_days(first: date, days: int, capacity: int = 2) -> None:
    for number in range(days):
        for half in ("am", "pm"):
            day = first + timedelta(days=number)
            HalfDay.objects.create(outlet_id=OUTLET, day=day, half=half, capacity=capacity)


def resident(person: Person) -> Client:
    client = Client()
    client.force_login(User.objects.create(username=f"r{person.person_id}", person_id=person.person_id))
    return client


def clerk() -> Client:
    client = Client()
    client.force_login(User.objects.create(username="c", role=Role.BANK_CLERK, outlet_id=make_bank().outlet_id))
    return client


def with_card(serial: int = 1) -> Person:
    """Somebody whose card has come to the outlet."""
    person = make_person(serial)
    card = made_card(person, make_bank(), at=utc_now())
    services.mark_ready(card.card_id, by=CLERK, at=utc_now())
    return person


def wish(person: Person, day: date, half: str = "am", **changes: str) -> dict[str, str]:
    form = {"for": str(person.person_id), "action": "book", "appointment_id": str(uuid4()), "outlet": OUTLET}
    return form | {"place": f"{day}/{half}"} | changes


def booked(person: Person, day: date, half: Half = "am", kind: str = "booked") -> Appointment:
    number = uuid4()
    book(person.person_id, Place(OUTLET, day, half), appointment_id=number, by=CLERK, at=utc_now(), kind=kind)  # type: ignore[arg-type]
    return Appointment.objects.get(appointment_id=number)


def text_of(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_ready_card_is_booked_for_once_however_often_the_form_is_sent() -> None:
    person = with_card()
    half_days(today() + timedelta(days=1), 9)
    client = resident(person)
    page = text_of(client, URL)
    days = re.findall(r'value="(\d{4}-\d\d-\d\d)/am"', page)
    assert days == [str(today() + timedelta(days=number)) for number in range(1, 6)], "five days, then later ones"
    assert f"from={today() + timedelta(days=6)}" in page
    assert str(today() + timedelta(days=7)) in text_of(client, f"{URL}?from={today() + timedelta(days=7)}")
    form = wish(person, today() + timedelta(days=2))
    for _ in range(3):
        answer = client.post(URL, form)
        assert answer["location"] == f"{URL}?for={person.person_id}"
    kept = Appointment.objects.get()
    assert (kept.state, kept.kind, kept.day) == ("kept", "booked", today() + timedelta(days=2))
    page = text_of(client, f"{URL}?for={person.person_id}")
    assert "已预约的时间" in page
    assert "本人身份证原件" in page
    assert "ICBC one" in page


def test_an_appointment_is_moved_and_cancelled() -> None:
    person = with_card()
    half_days(today() + timedelta(days=1), 3)
    client = resident(person)
    client.post(URL, wish(person, today() + timedelta(days=1)))
    client.post(URL, wish(person, today() + timedelta(days=2), "pm"))
    kept = Appointment.objects.get(state="kept")
    assert (kept.day, kept.half) == (today() + timedelta(days=2), "pm")
    form = {"for": str(person.person_id), "action": "cancel", "appointment_id": str(kept.appointment_id)}
    for _ in range(2):
        assert client.post(URL, form).status_code == 302
    assert not HalfDay.objects.filter(taken__gt=0).exists()
    assert "已预约的时间" not in text_of(client, URL)


def test_what_is_full_is_told_with_the_next_free_and_the_old_time_stays() -> None:
    person = with_card()
    half_days(today() + timedelta(days=1), 3, capacity=1)
    booked(make_person(2), today() + timedelta(days=1), "pm")
    client = resident(person)
    client.post(URL, wish(person, today() + timedelta(days=3)))
    answer = client.post(URL, wish(person, today() + timedelta(days=1), "pm"))
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "已约满" in page
    for half in ("am", "pm"):
        assert f'name="place" value="{today() + timedelta(days=2)}/{half}"' in page
    assert Appointment.objects.get(person_id=person.person_id).day == today() + timedelta(days=3)
    assert re.search(rf'value="{today() + timedelta(days=1)}/pm" required disabled', page)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"place": ""}, "请在列表中选择一个时间"),
        ({"place": "2026-13-01/am"}, "请在列表中选择一个时间"),
        ({"place": "2026-11-03/night"}, "请在列表中选择一个时间"),
        ({"place": "2020-01-06/am"}, "那时卡片可能还没有制成"),
        ({"outlet": "ABC-1"}, "只能预约领卡的网点"),
    ],
)
def test_what_cannot_be_booked_is_told(changes: dict[str, str], says: str) -> None:
    person = with_card()
    half_days(today(), 2)
    answer = resident(person).post(URL, wish(person, today() + timedelta(days=1), **changes))
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Appointment.objects.exists()


def test_before_the_card_is_made_the_first_day_is_the_promised_one() -> None:
    person = make_person(1)
    submit(application_for(person, make_bank()), by=CLERK, at=utc_now())
    promised = Application.objects.get().promised_by
    assert promised is not None
    half_days(promised - timedelta(days=1), 3)
    client = resident(person)
    page = text_of(client, URL)
    assert f"可预约 {promised} 起的时间" in page
    assert f"{promised - timedelta(days=1)}/am" not in page
    early = client.post(URL, wish(person, promised - timedelta(days=1)))
    assert early.status_code == 422
    assert client.post(URL, wish(person, promised)).status_code == 302
    receipt = f"/apply/receipt/{person.person_id}/{Application.objects.get().application_id}/"
    for address in ("/", "/progress/", receipt):
        assert f"{URL}?for={person.person_id}" in text_of(client, address)


def test_withdrawing_the_application_gives_the_half_day_back() -> None:
    person = make_person(1)
    submit(application_for(person, make_bank()), by=CLERK, at=utc_now())
    application = Application.objects.get()
    assert application.promised_by is not None
    half_days(application.promised_by, 1)
    client = resident(person)
    client.post(URL, wish(person, application.promised_by))
    receipt = f"/apply/receipt/{person.person_id}/{application.application_id}/"
    assert "申请已取消" in client.post(receipt).content.decode()
    assert Appointment.objects.get().state == "cancelled"
    assert not HalfDay.objects.filter(taken__gt=0).exists()
    assert client.post(receipt).status_code == 200


def test_whoever_has_nothing_to_collect_is_told_why() -> None:
    person, member = make_person(1), make_person(2)
    assert "申请时选择" in text_of(resident(person), URL)
    assert URL not in text_of(resident(make_person(3)), "/")
    Invitation.objects.create(
        person_id=member.person_id,
        campaign_id="c",
        way="unit",
        week_starts_on=today(),
        state="sent",
        state_since=utc_now(),
    )
    assert "由单位统一领取" in text_of(resident(member), URL)
    assert resident(make_person(4)).post(URL, wish(person, today())).status_code == 404


def test_an_invitation_that_names_an_outlet_is_kept_or_moved_there() -> None:
    person = make_person(1, category="retiree")
    make_bank()
    half_days(today() + timedelta(days=1), 3)
    kept = booked(person, today() + timedelta(days=1), kind="invited")
    client = resident(person)
    page = text_of(client, URL)
    assert "为您保留的时间" in page
    assert "请在到网点之前先在网上申请" in page
    form = {"for": str(person.person_id), "action": "confirm", "appointment_id": str(kept.appointment_id)}
    assert client.post(URL, form).status_code == 302
    kept.refresh_from_db()
    assert kept.confirmed_at is not None
    page = text_of(client, URL)
    assert "我会来" not in page
    assert client.post(URL, wish(person, today() + timedelta(days=2))).status_code == 302


def test_a_guardian_books_for_a_child_and_chooses_for_whom() -> None:
    mother, child, other = make_person(1), make_person(2, born=date(2015, 5, 17), category="minor"), make_person(3)
    make_guardian(child, mother)
    half_days(today() + timedelta(days=1), 2)
    card = made_card(child, make_bank(), at=utc_now(), acting_person_id=mother.person_id)
    services.mark_ready(card.card_id, by=CLERK, at=utc_now())
    client = resident(mother)
    page = text_of(client, URL)
    assert f"?for={child.person_id}" in page
    assert client.post(URL, wish(child, today() + timedelta(days=1))).status_code == 302
    page = text_of(client, f"{URL}?for={child.person_id}")
    assert "监护人身份证原件" in page
    assert resident(other).get(f"{URL}?for={child.person_id}").status_code == 404


@pytest.mark.parametrize("number", ["", "x", str(UUID(int=5)), "another's"])
@pytest.mark.parametrize("action", ["confirm", "cancel", ""])
def test_an_appointment_that_is_not_theirs_is_not_told_to_exist(number: str, action: str) -> None:
    person, other = make_person(1), make_person(2)
    make_bank()
    half_days(today() + timedelta(days=1), 1)
    theirs = booked(other, today() + timedelta(days=1))
    form = {"for": str(person.person_id), "action": action}
    form["appointment_id"] = str(theirs.appointment_id) if number == "another's" else number
    assert resident(person).post(URL, form).status_code == 404
    theirs.refresh_from_db()
    assert (theirs.state, theirs.confirmed_at) == ("kept", None)


def at_hand() -> tuple[date, Half]:
    """Today's half-day."""
    return today(), half_of(utc_now())


def is_evening() -> bool:
    return is_over(today(), "pm", utc_now())


def test_the_desk_lists_who_comes_masked_with_the_way_to_the_card() -> None:
    ready, other = with_card(1), make_person(2)
    half_days(today() + timedelta(days=1), 1)
    booked(ready, today() + timedelta(days=1))
    booked(other, today() + timedelta(days=1), "pm")
    page = text_of(clerk(), f"{DESK}?day={today() + timedelta(days=1)}")
    name, number = clear_view(ready).name, clear_view(ready).identity_number
    assert name not in page
    assert number not in page
    assert f"{number[:3]}*" in page
    assert "发卡 " in page
    assert "本行尚无卡片" in page
    assert page.count("占用 1 / 2，已办理 0") == 2
    assert "记为未到" not in page, "tomorrow nobody has stayed away yet"
    assert "不办理领卡" in text_of(clerk_again(), f"{DESK}?day=2020-01-01")


def clerk_again() -> Client:
    client = Client()
    client.force_login(User.objects.get(username="c"))
    return client


def test_another_outlets_appointments_are_not_seen_nor_marked() -> None:
    person = make_person(1)
    make_bank()
    half_days(today() + timedelta(days=1), 1)
    kept = booked(person, today() + timedelta(days=1))
    HalfDay.objects.update(outlet_id="ABC-1")
    Appointment.objects.update(outlet_id="ABC-1", day=today() - timedelta(days=1))
    client = clerk()
    answer = client.post(DESK, {"action": "no_show", "appointment_id": str(kept.appointment_id)})
    assert answer.status_code == 404
    assert "data-appointment" not in text_of(client, f"{DESK}?day={today() - timedelta(days=1)}")


def test_the_clerk_notes_who_did_not_come() -> None:
    make_bank()
    half_days(today() + timedelta(days=1), 1)
    yesterday, tomorrow = make_person(1), make_person(2)
    late = booked(yesterday, today() + timedelta(days=1))
    HalfDay.objects.update(day=today() - timedelta(days=1))
    Appointment.objects.update(day=today() - timedelta(days=1))
    half_days(today() + timedelta(days=1), 1)
    early = booked(tomorrow, today() + timedelta(days=1))
    client = clerk()
    day = today() - timedelta(days=1)
    form = {"action": "no_show", "appointment_id": str(late.appointment_id)}
    for _ in range(2):
        assert client.post(f"{DESK}?day={day}", form).status_code == 302
        assert "名额已释放" in text_of(client, f"{DESK}?day={day}")
    for number in (str(early.appointment_id), "x"):
        assert client.post(DESK, form | {"appointment_id": number}).status_code == 404
    late.refresh_from_db()
    assert late.state == "no_show"


def test_the_clerk_notes_who_was_served_without_a_card() -> None:
    make_bank()
    yesterday = today() - timedelta(days=1)
    half_days(today() + timedelta(days=1), 1)
    came = booked(make_person(1), today() + timedelta(days=1))
    HalfDay.objects.update(day=yesterday)
    Appointment.objects.update(day=yesterday)
    client = clerk()
    assert re.search(
        'name="action" value="done" aria-label="[^"]*：已办理"', text_of(client, f"{DESK}?day={yesterday}")
    )
    form = {"action": "done", "appointment_id": str(came.appointment_id)}
    for _ in range(2):
        assert client.post(f"{DESK}?day={yesterday}", form).status_code == 302
        assert "已记为办理" in text_of(client, f"{DESK}?day={yesterday}")
    came.refresh_from_db()
    assert (came.state, HalfDay.objects.get(half="am").taken) == ("done", 1), "a place that was used does not come back"
    assert "占用 1 / 2，已办理 1" in text_of(client, f"{DESK}?day={yesterday}")
    assert client.post(DESK, form | {"action": "no_show"}).status_code == 422


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2026-02-30", "nonsense", "١٢٣", "20261105x"])
def test_a_day_that_cannot_be_is_told_and_today_is_shown(day: str) -> None:
    client = clerk()
    page = text_of(client, f"{DESK}?day={day}")
    assert "没有您要查看的日期，下面是今天的名单" in page
    assert f'value="{today()}"' in page
    assert "没有您要查看的日期" not in text_of(client, f"{DESK}?day={today()}")
    assert "没有您要查看的日期" not in text_of(client, DESK)
    assert client.post(f"{DESK}?day={day}", {"action": "x", "appointment_id": str(uuid4())}).status_code == 404


def test_a_walk_in_is_counted_once_and_told_when_full() -> None:
    first, second = make_person(1), make_person(2)
    client = clerk()
    day, half = at_hand()
    HalfDay.objects.create(outlet_id=OUTLET, day=day, half=half, capacity=1)
    number = clear_view(first).identity_number
    page = text_of(client, f"{DESK}?q={number}")
    assert f"{number[:3]}*************{number[-2:]}" in page
    assert f"<span>{clear_view(first).name}" not in page
    form = {"action": "walk_in", "q": number, "person": str(first.person_id), "appointment_id": str(uuid4())}
    answers = [client.post(DESK, form).status_code for _ in range(2)]
    if is_evening():
        assert answers == [422, 422]
        return
    assert answers == [302, 302]
    assert (Appointment.objects.get().kind, HalfDay.objects.get().taken) == ("walk_in", 1)
    assert "已在本半天的名单中" in text_of(client, f"{DESK}?q={number}")
    form = {"action": "walk_in", "q": clear_view(second).phone, "person": str(second.person_id)}
    full = client.post(DESK, form | {"appointment_id": str(uuid4())})
    assert full.status_code == 422
    assert "名额已满" in full.content.decode()
    stranger = form | {"person": str(first.person_id), "appointment_id": str(uuid4())}
    assert client.post(DESK, stranger).status_code == 404, "only who was searched for"
    assert client.post(DESK, {"action": "x", "appointment_id": str(uuid4())}).status_code == 404


def test_the_desk_filters_by_state_and_names_who_is_next() -> None:
    client, day, half = clerk(), today(), half_of(utc_now())
    half_days(day, 1, capacity=5)
    expected, here, gone = (make_person(serial) for serial in (1, 2, 3))
    numbers = {}
    for person, kind in ((expected, "booked"), (gone, "booked"), (here, "walk_in")):
        numbers[person.person_id] = uuid4()
        Appointment.objects.create(
            person_id=person.person_id,
            appointment_id=numbers[person.person_id],
            outlet_id=OUTLET,
            day=day,
            half=half,
            kind=kind,
            state="kept",
            booked_at=utc_now(),
            changed_at=utc_now(),
        )
    HalfDay.objects.filter(outlet_id=OUTLET, day=day, half=half).update(taken=3)
    form = {"action": "no_show", "appointment_id": str(numbers[gone.person_id])}
    answer = client.post(f"{DESK}?day={day}&state=kept", form)
    assert answer.headers["Location"] == f"{DESK}?day={day}&state=kept"
    page = text_of(client, f"{DESK}?state=kept")
    assert f'data-first="{numbers[here.person_id]}"' in page, "whoever stands there comes before whoever is expected"
    assert str(numbers[gone.person_id]) not in page
    only = text_of(client, f"{DESK}?state=no_show").split("现场到访")[-1]
    assert str(numbers[gone.person_id]) in only
    assert str(numbers[expected.person_id]) not in only
    for nonsense in ("state=x", "after=x", "after=am/x/1", f"after=am/{utc_now().isoformat()}/{'9' * 30}"):
        assert client.get(f"{DESK}?{nonsense}").status_code == 200


def test_a_long_half_day_is_paged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yikatong.workbench.appointments.PAGE_LENGTH", 2)
    client, day = clerk(), today()
    half_days(day, 1, capacity=5)
    HalfDay.objects.filter(outlet_id=OUTLET, day=day, half="am").update(taken=5)
    for serial in range(1, 6):
        Appointment.objects.create(
            person_id=make_person(serial).person_id,
            appointment_id=UUID(int=serial),
            outlet_id=OUTLET,
            day=day,
            half="am",
            kind="booked",
            state="done",
            booked_at=utc_now(),
            changed_at=utc_now(),
        )
    seen, address = [], f"?day={day}"
    for _ in range(3):
        context = client.get(f"{DESK}{address}").context
        morning = context["lists"][0]
        seen += [row.appointment.appointment_id.int for row in morning["rows"]]
        address = f"?day={day}&after={morning['next_after'].replace('+', '%2B')}"
    assert (seen, morning["next_after"]) == ([1, 2, 3, 4, 5], "")
