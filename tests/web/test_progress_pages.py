"""The way of a card as its holder reads it: promised and real days, what is late and why, whom to call."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.cast import CLERK, active_card, application_for, made_card, make_bank, make_guardian, make_person
from tests.web.residents import resident, text_of
from yikatong.applications.models import Application
from yikatong.applications.services import cancel, submit
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.issuance import services
from yikatong.issuance.models import (
    BlankDelivery,
    Card,
    JobCard,
    JobCardState,
    PersonalisationJob,
    ProductionOrder,
    ProductionState,
)
from yikatong.registry.models import Person

pytestmark = pytest.mark.django_db
URL = "/progress/"


def applied(serial: int, *, days_ago: int) -> Person:
    person = make_person(serial)
    submit(application_for(person, make_bank()), by=CLERK, at=utc_now() - timedelta(days=days_ago))
    return person


def late_card(state: str, *, spoiled: bool = False) -> Card:
    """Made fifty days ago, not arrived; its blank stands so in a job of the bureau."""
    card = made_card(make_person(1), make_bank(), at=utc_now() - timedelta(days=50))
    job = PersonalisationJob.objects.create(job_id=uuid4(), bank_code="ICBC", made_at=utc_now())
    for sequence, each in enumerate(["spoiled"] * spoiled + [state] * bool(state), start=1):
        JobCard.objects.create(
            job=job,
            sequence=sequence,
            card_id=card.card_id,
            identification_code=card.identification_code,
            chip_serial=sequence,
            state=each,
            state_at=utc_now(),
        )
    return card


def page_of(person_id: int) -> str:
    return text_of(resident(Person.objects.get(person_id=person_id)), URL)


def test_what_is_in_time_shows_the_promise_and_that_nothing_is_to_be_done() -> None:
    person = applied(1, days_ago=0)
    page = text_of(resident(person), URL)
    assert f"承诺不晚于 {beijing_day(utc_now()) + timedelta(days=30)}" in page
    assert "不用做什么" in page
    assert "track__late" not in page
    assert str(Application.objects.get().application_id)[-6:] in page


def test_making_that_is_late_says_how_many_are_ahead() -> None:
    for serial in (2, 3, 4):
        applied(serial, days_ago=41)
    person = applied(1, days_ago=40)
    client = resident(person)
    page = text_of(client, URL)
    assert "已超期 10 天" in page
    assert "前面还有 3 张卡在排队" in page
    ProductionOrder.objects.exclude(person_id=person.person_id).update(state=ProductionState.MADE)
    page = text_of(client, URL)
    assert "原因正在核实" in page
    assert "96102" in page


@pytest.mark.parametrize(
    ("state", "spoiled", "blanks", "said"),
    [
        (JobCardState.HELD, False, None, "制卡方暂时做不了这张卡"),
        (JobCardState.WAITING, True, None, "这张卡重新制作过"),
        (JobCardState.SHIPPED, False, None, "正在路上"),
        (JobCardState.WAITING, False, None, "原因正在核实"),
        (JobCardState.WAITING, False, 5, "原因正在核实"),
        ("", False, 5, "原因正在核实"),
    ],
)
def test_arriving_late_says_only_what_is_proved(state: str, spoiled: bool, blanks: int | None, said: str) -> None:
    card = late_card(state, spoiled=spoiled)
    if blanks is not None:
        BlankDelivery.objects.create(bank_code="ICBC", delivery_note="1", blanks=blanks, delivered_at=utc_now())
    assert said in page_of(card.person_id)


def test_no_blanks_is_said_when_the_bureaus_stock_is_used_up() -> None:
    card = late_card("")
    BlankDelivery.objects.create(bank_code="ICBC", delivery_note="1", blanks=1, delivered_at=utc_now())
    other = PersonalisationJob.objects.create(job_id=uuid4(), bank_code="ICBC", made_at=utc_now())
    JobCard.objects.create(
        job=other,
        sequence=1,
        card_id=card.card_id + 1000,
        identification_code="0" * 32,
        chip_serial=9,
        state=JobCardState.SHIPPED,
        state_at=utc_now(),
    )
    assert "空白卡暂时用完" in page_of(card.person_id)


def test_a_card_that_nobody_collects_is_told_to_its_holder() -> None:
    person = make_person(1)
    card = made_card(person, make_bank(), at=utc_now() - timedelta(days=120))
    services.mark_ready(card.card_id, by=CLERK, at=utc_now() - timedelta(days=100))
    page = text_of(resident(person), URL)
    day = beijing_day(utc_now()) - timedelta(days=10)
    assert f"应在 {day} 前领取" in page
    assert "卡一直在等您领取" in page


def test_a_card_in_use_has_every_step_done_and_a_withdrawn_application_leaves_the_story() -> None:
    person = make_person(1)
    active_card(person, make_bank(), at=utc_now())
    page = text_of(resident(person), URL)
    assert page.count("track__done") == 7
    assert "track__now" not in page
    other = applied(2, days_ago=1)
    application = Application.objects.get(person_id=other.person_id)
    cancel(other.person_id, application.application_id, by=CLERK, at=utc_now())
    page = text_of(resident(other), URL)
    assert 'class="track"' not in page
    assert "申请已取消" in page


def test_queries_do_not_grow_with_the_family() -> None:
    counted = []
    for serial, children in ((100, 1), (200, 5)):
        parent = make_person(serial)
        for number in range(children):
            child = make_person(serial + 1 + number, born=date(2018, 1, 1 + number), category="minor")
            make_guardian(child, parent)
            made_card(child, make_bank(), at=utc_now(), acting_person_id=parent.person_id)
        client = resident(parent)
        text_of(client, URL)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(URL).content.decode().count('class="track"') == children
        counted.append(len(queries))
    assert counted[0] == counted[1] <= 13, counted


def test_nothing_yet_is_said_and_a_childs_way_is_shown_to_its_guardian_only() -> None:
    mother, child = make_person(1), make_person(2, born=date(2018, 1, 1), category="minor")
    client = resident(mother)
    assert "还没有办理记录" in text_of(client, URL)
    make_guardian(child, mother)
    made_card(child, make_bank(), at=utc_now(), acting_person_id=mother.person_id)
    assert "测试2" in text_of(client, URL)
    assert "测试2" not in text_of(resident(make_person(3)), URL)
