"""Sending to many: throttled, once each, through guardians, again after failures, stopped at once."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.at_once import at_once
from tests.cast import NOON, collected_card, made_card, make_bank, make_guardian, make_person
from yikatong.accounts.models import ConsoleMessage, Role, SentMessage, User
from yikatong.campaign.invitations import ATTEMPTS_MAX, RETRY_AFTER
from yikatong.foundation.errors import Refused
from yikatong.messaging import dispatching, sending, template_store
from yikatong.messaging.audience import Audience
from yikatong.messaging.dispatching import Reason
from yikatong.messaging.models import Delivery, Dispatch, DispatchState
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher

MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def sender(settings: Any) -> User:
    settings.SENDING_HOURS = "9-18"
    return User.objects.create(username="centre", role=Role.CARD_CENTRE)


def prepared(sender: User, *, per_minute: int = 2, **audience: Any) -> Dispatch:
    """A dispatch that is counted."""
    template = template_store.save(
        uuid4(), title="提示", chinese="{salutation}，{who}的卡", english="{who}", based_on=0, by=sender, at=NOON
    )
    made = dispatching.make(
        uuid4(),
        template_id=template.template_id,
        audience=Audience(**audience),
        per_minute=per_minute,
        by=sender,
        at=NOON,
    )
    dispatching.count(made.dispatch_id, at=NOON)
    made.refresh_from_db()
    return made


def started(sender: User, **options: Any) -> Dispatch:
    dispatch = prepared(sender, **options)
    return dispatching.start(dispatch.dispatch_id, by=sender, at=NOON)


def run(dispatch: Dispatch, at: datetime) -> int:
    dispatch.refresh_from_db()
    return sending.send_some(dispatch, at=at)


def states(dispatch: Dispatch) -> dict[str, int]:
    return dispatching.figures_of(dispatch)


def test_so_many_a_minute_and_each_once(sender: User) -> None:
    people = [make_person(serial) for serial in range(1, 6)]
    dispatch = started(sender)
    assert dispatch.counted == 5
    assert [run(dispatch, NOON), run(dispatch, NOON), run(dispatch, NOON + MINUTE / 4)] == [2, 0, 0]
    assert [run(dispatch, NOON + MINUTE), run(dispatch, NOON + 2 * MINUTE)] == [2, 1]
    dispatch.refresh_from_db()
    assert dispatch.state == DispatchState.DONE
    assert states(dispatch) == {"sent": 5}
    assert ConsoleMessage.objects.count() == 5
    kept = SentMessage.objects.get(person_id=people[0].person_id)
    assert field_cipher().open("sms", bytes(kept.body_sealed)).startswith("【一卡通】")
    assert field_cipher().open("sms", bytes(kept.english_sealed or b"")) == "you"


def test_nothing_goes_out_at_night(sender: User) -> None:
    make_person(1)
    dispatch = started(sender)
    assert run(dispatch, NOON + timedelta(hours=8)) == 0
    assert run(dispatch, NOON + timedelta(hours=22)) == 1


def test_minors_hear_through_a_guardian_and_one_text_goes_to_a_phone_once(sender: User) -> None:
    mother = make_person(1)
    children = [make_person(serial, born=date(2018, 5, serial), category="minor") for serial in (2, 3)]
    for child in children:
        make_guardian(child, mother)
    orphan = make_person(4, born=date(2018, 6, 4), category="minor")
    dispatch = started(sender, per_minute=600, category="minor")
    assert run(dispatch, NOON) == 3
    assert states(dispatch) == {"sent": 1, "same": 1, "unreachable": 1}
    text = field_cipher().open("sms", bytes(SentMessage.objects.get().body_sealed))
    assert SentMessage.objects.get().person_id == mother.person_id
    assert "您的孩子" in text
    assert Delivery.objects.get(state="unreachable").person_id == orphan.person_id


def test_what_fails_is_tried_again_and_given_up_at_last(sender: User, settings: Any) -> None:
    make_person(1)
    dispatch = started(sender)
    settings.MESSAGE_PROVIDER = "tests.campaign.providers.Failing"
    at = NOON
    for _ in range(ATTEMPTS_MAX):
        run(dispatch, at)
        assert run(dispatch, at + MINUTE) == 0, "it waits before it is tried again"
        at += RETRY_AFTER + MINUTE
    assert states(dispatch) == {"failed": 1}
    assert not SentMessage.objects.exists()
    run(dispatch, at)
    dispatch.refresh_from_db()
    assert dispatch.state == DispatchState.DONE


def test_what_failed_goes_out_when_the_provider_is_back(sender: User, settings: Any) -> None:
    make_person(1)
    dispatch, working = started(sender), settings.MESSAGE_PROVIDER
    settings.MESSAGE_PROVIDER = "tests.campaign.providers.Failing"
    run(dispatch, NOON)
    settings.MESSAGE_PROVIDER = working
    run(dispatch, NOON + RETRY_AFTER)
    assert states(dispatch) == {"sent": 1}
    dispatch.refresh_from_db()
    assert dispatch.state == DispatchState.DONE


def test_a_run_that_died_sends_nobody_a_second_message(sender: User) -> None:
    for serial in range(1, 4):
        make_person(serial)
    dispatch = started(sender, per_minute=600)
    run(dispatch, NOON)
    Dispatch.objects.filter(pk=dispatch.pk).update(
        state=DispatchState.SENDING, after_person_id=0, is_read_through=False, last_batch_at=None
    )
    assert run(dispatch, NOON + MINUTE) == 3
    assert ConsoleMessage.objects.count() == 3


def test_stopping_stops(sender: User) -> None:
    for serial in range(1, 6):
        make_person(serial)
    dispatch = started(sender)
    run(dispatch, NOON)
    dispatching.stop(dispatch.dispatch_id, by=sender, at=NOON)
    assert run(dispatch, NOON + MINUTE) == 0
    assert states(dispatch) == {"sent": 2}
    with pytest.raises(Refused) as refused:
        dispatching.start(dispatch.dispatch_id, by=sender, at=NOON)
    assert refused.value.reason == Reason.STATE_FORBIDS


def test_many_take_two(sender: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for serial in range(1, 4):
        make_person(serial)
    monkeypatch.setattr("yikatong.messaging.dispatching.BIG_FROM", 2)
    dispatch = prepared(sender)
    with pytest.raises(Refused) as refused:
        dispatching.start(dispatch.dispatch_id, by=sender, at=NOON)
    assert refused.value.reason == Reason.TAKES_TWO


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        ({}, {1, 2, 3, 4}),
        ({"category": "minor"}, {3}),
        ({"district_code": "110101"}, {1, 2, 3}),
        ({"card_state": "none"}, {3, 4}),
        ({"card_state": "collected"}, {2}),
        ({"card_state": "ready"}, set()),
        ({"age_from": 18, "age_until": 60}, {1, 2}),
        ({"age_until": 17}, {3}),
        ({"person_id": "2"}, {2}),
    ],
    ids=str,
)
def test_audiences(audience: dict[str, Any], expected: set[int]) -> None:
    outlet = make_bank()
    people = {1: make_person(1), 2: make_person(2), 3: make_person(3, born=date(2018, 5, 3), category="minor")}
    people[4] = make_person(4, born=date(1950, 1, 1), category="retiree", generation=0)
    Person.objects.filter(pk=people[4].pk).update(community_code="110105001001")
    made_card(people[1], outlet)
    collected_card(people[2], outlet)
    if "person_id" in audience:
        audience = {"person_id": people[2].person_id}
    found = Audience(**audience).people(NOON.date()).values_list("person_id", flat=True)
    assert {number for number, person in people.items() if person.person_id in set(found)} == expected


@pytest.mark.parametrize(
    "audience", [{"category": "x"}, {"card_state": "x"}, {"age_from": -1}, {"age_from": 5, "age_until": 4}], ids=str
)
def test_audiences_that_are_none(audience: dict[str, Any]) -> None:
    assert not Audience(**audience).is_sound()


def test_a_template_keeps_its_versions_and_nobody_overwrites_another(sender: User) -> None:
    number = uuid4()
    texts = {"title": "提示", "chinese": "您好", "english": "Hello"}
    template_store.save(number, **texts, based_on=0, by=sender, at=NOON)
    assert template_store.save(number, **texts, based_on=0, by=sender, at=NOON).version == 1
    template_store.save(number, **texts | {"chinese": "您好！"}, based_on=1, by=sender, at=NOON)
    with pytest.raises(Refused) as refused:
        template_store.save(number, **texts | {"chinese": "别的"}, based_on=1, by=sender, at=NOON)
    assert refused.value.reason == template_store.Reason.CHANGED_MEANWHILE
    first = template_store.version_of(number, 1)
    assert first is not None
    assert first.chinese == "您好"


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_each_one_message(sender: User) -> None:
    for serial in range(1, 6):
        make_person(serial)
    dispatch = started(sender, per_minute=600)
    at_once(3, lambda: sending.send_some(Dispatch.objects.get(pk=dispatch.pk), at=NOON))
    assert ConsoleMessage.objects.count() == 5
    assert states(dispatch) == {"sent": 5}
