"""Certifying phones: for whom, for how long, and what ends it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.acceptance.makers import DAY, HOUR, MINUTE, SECOND, Phone
from tests.cast import CLERK, NOON, active_card, collected_card, made_card, make_bank, make_person
from tests.wire.makers import make_trust, verdict
from yikatong.audit.models import AuditEvent
from yikatong.ecard import services
from yikatong.ecard.issuer import issuer_key
from yikatong.ecard.models import Device, ElectronicCard
from yikatong.ecard.selectors import devices_of, electronic_card_of
from yikatong.foundation.errors import Refused
from yikatong.gm.sm2 import PrivateKey
from yikatong.issuance import services as issuance
from yikatong.issuance.adoption import adopt_older_cards
from yikatong.issuance.models import Card, CardDirectory
from yikatong.registry.models import Person
from yikatong.wire.codes import DeviceCertificate

pytestmark = pytest.mark.django_db


def test_a_card_is_made_with_its_electronic_twin_once() -> None:
    card = made_card(make_person(1), make_bank())
    twin = ElectronicCard.objects.get(card_id=card.card_id)
    assert CardDirectory.objects.get(key=f"token:{bytes(twin.token).hex()}").card_id == card.card_id
    services.create_electronic_card(card, NOON + DAY)
    again = ElectronicCard.objects.get(card_id=card.card_id)
    assert (bytes(again.token), again.created_at) == (bytes(twin.token), twin.created_at)
    assert CardDirectory.objects.filter(key__startswith="token:").count() == 1


def test_a_certified_phone_shows_codes_that_verify_with_the_trust_list_alone() -> None:
    card = active_card(make_person(1), make_bank())
    phone = Phone.enrolled(card, at=NOON)
    certificate = DeviceCertificate.parse(phone.certificate)
    assert certificate.card_token == bytes(ElectronicCard.objects.get(card_id=card.card_id).token)
    assert certificate.device_key == phone.key.public.compressed
    trust = make_trust(issuer_key(), issued_at=NOON - DAY, valid_until=NOON + 30 * DAY)
    for at, expected in [
        (NOON, "ok"),
        (NOON + 7 * DAY, "ok"),
        (NOON + 7 * DAY + SECOND, "certificate_expired"),
        (NOON - 2 * MINUTE, "certificate_not_yet_valid"),
    ]:
        assert verdict(phone.code(at), trust=trust, at=at) == expected, at
    assert AuditEvent.objects.get(action="ecard.device_enrolled").person_id == card.person_id


def test_a_certificate_carries_nothing_personal() -> None:
    person = make_person(1)
    card = active_card(person, make_bank())
    certificate = Phone.enrolled(card, at=NOON).certificate
    for clear in (card.card_number, card.identification_code, "测试1"):
        assert clear.encode() not in certificate
    assert bytes.fromhex(card.identification_code) not in certificate


def test_asking_again_with_the_same_key_gives_the_same_certificate_until_its_last_day() -> None:
    card = active_card(make_person(1), make_bank())
    key = PrivateKey.generate().public

    def ask(at: object, point: bytes = key.compressed) -> bytes:
        return services.enrol_device(card.card_id, point, label="x" * 99, by=CLERK, at=at)  # type: ignore[arg-type]

    first = ask(NOON)
    assert ask(NOON + DAY, key.point) == first, "compressed or not, it is the same key"
    assert ask(NOON + 6 * DAY - SECOND) == first
    renewed = ask(NOON + 6 * DAY)
    assert DeviceCertificate.parse(renewed).serial != DeviceCertificate.parse(first).serial
    assert ask(NOON + 6 * DAY + HOUR) == renewed
    assert Device.objects.count() == 2


def not_collected(person: Person) -> Card:
    return made_card(person, make_bank())


def not_activated(person: Person) -> Card:
    return collected_card(person, make_bank())


def lost(person: Person) -> Card:
    card = active_card(person, make_bank())
    return issuance.pre_report_loss(card.card_id, by=CLERK, at=NOON)


def lost_before_activation(person: Person) -> Card:
    card = collected_card(person, make_bank())
    return issuance.pre_report_loss(card.card_id, by=CLERK, at=NOON)


def cancelled(person: Person) -> Card:
    card = active_card(person, make_bank())
    return issuance.report_loss(card.card_id, by=CLERK, at=NOON)


def of_the_second_generation(person: Person) -> Card:
    adopt_older_cards(at=NOON)
    return Card.objects.get(person_id=person.person_id)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (not_collected, "card_not_active"),
        (not_activated, "card_not_active"),
        (lost, "card_reported_lost"),
        (lost_before_activation, "card_reported_lost"),
        (cancelled, "card_reported_lost"),
        (of_the_second_generation, "no_electronic_card"),
    ],
)
def test_only_a_card_in_use_is_shown_by_a_phone(make: Callable[[Person], Card], reason: str) -> None:
    card = make(make_person(1))
    for ask in (
        lambda: Phone.enrolled(card, at=NOON),
        lambda: services.code_from_server(card.card_id, by=CLERK, at=NOON),
    ):
        with pytest.raises(Refused) as refused:
            ask()
        assert refused.value.reason == reason
    assert not Device.objects.exists()


def test_a_card_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        services.enrol_device(1, PrivateKey.generate().public.compressed, label="", by=CLERK, at=NOON)
    assert refused.value.reason == "card_unknown"


@pytest.mark.parametrize("point", [b"", b"\x02" * 32, b"\x04" + bytes(64), b"\x02" + b"\xff" * 32, b"\x05" + bytes(32)])
def test_what_is_no_key_is_refused(point: bytes) -> None:
    card = active_card(make_person(1), make_bank())
    with pytest.raises(Refused) as refused:
        services.enrol_device(card.card_id, point, label="", by=CLERK, at=NOON)
    assert refused.value.reason == "device_key_invalid"


def test_a_lost_card_found_again_is_shown_by_the_same_phone() -> None:
    card = active_card(make_person(1), make_bank())
    key = PrivateKey.generate().public.compressed
    first = services.enrol_device(card.card_id, key, label="", by=CLERK, at=NOON)
    issuance.pre_report_loss(card.card_id, by=CLERK, at=NOON)
    issuance.withdraw_pre_report(card.card_id, by=CLERK, at=NOON + HOUR)
    assert services.enrol_device(card.card_id, key, label="", by=CLERK, at=NOON + HOUR) == first


def test_a_revoked_phone_is_certified_anew_and_not_given_the_stopped_certificate() -> None:
    card = active_card(make_person(1), make_bank())
    key = PrivateKey.generate().public.compressed
    first = services.enrol_device(card.card_id, key, label="", by=CLERK, at=NOON)
    serial = DeviceCertificate.parse(first).serial
    services.revoke_device(card.card_id, serial, by=CLERK, at=NOON + HOUR)
    services.revoke_device(card.card_id, serial, by=CLERK, at=NOON + 2 * HOUR)
    assert Device.objects.get().revoked_at == NOON + HOUR
    assert AuditEvent.objects.filter(action="ecard.device_revoked").count() == 1
    second = services.enrol_device(card.card_id, key, label="", by=CLERK, at=NOON + HOUR)
    assert DeviceCertificate.parse(second).serial != serial


def test_stopping_every_phone_counts_them_once_and_leaves_others_cards_alone() -> None:
    card, other = (active_card(make_person(serial), make_bank()) for serial in (1, 2))
    for each in (card, card, other):
        Phone.enrolled(each, at=NOON)
    assert len(devices_of(card.card_id, at=NOON)) == 2
    assert services.revoke_all_devices(card.card_id, by=CLERK, at=NOON) == 2
    assert services.revoke_all_devices(card.card_id, by=CLERK, at=NOON) == 0
    assert devices_of(card.card_id, at=NOON) == []
    assert len(devices_of(other.card_id, at=NOON)) == 1
    assert AuditEvent.objects.filter(action="ecard.devices_revoked").count() == 1


def test_devices_are_those_valid_now_newest_first() -> None:
    card = active_card(make_person(1), make_bank())
    old = Phone.enrolled(card, at=NOON, label="old")
    new = Phone.enrolled(card, at=NOON + DAY, label="new")
    assert [bytes(device.serial) for device in devices_of(card.card_id, at=NOON + DAY)] == [new.serial, old.serial]
    assert [device.label for device in devices_of(card.card_id, at=NOON + 7 * DAY)] == ["new"]
    assert devices_of(card.card_id, at=NOON + timedelta(days=8)) == []


def test_the_electronic_card_follows_the_card_that_carries_the_social_function() -> None:
    person = make_person(1)
    adopt_older_cards(at=NOON)
    assert electronic_card_of(person.person_id) is None, "the second generation has none"
    first = collected_card(person, make_bank())
    assert electronic_card_of(person.person_id) is None, "not activated yet"
    issuance.activate_social_function(first.card_id, by=CLERK, at=NOON)
    shown = electronic_card_of(person.person_id)
    assert shown is not None
    assert shown.card_id == first.card_id
    issuance.report_loss(first.card_id, by=CLERK, at=NOON)
    assert electronic_card_of(person.person_id) is None
    assert ElectronicCard.objects.get(card_id=first.card_id).ended_at == NOON
    second = active_card(person, make_bank(), at=NOON + HOUR, kind="replacement")
    shown = electronic_card_of(person.person_id)
    assert shown is not None
    assert shown.card_id == second.card_id
    assert electronic_card_of(0) is None


def test_an_agents_phones_are_stopped_when_the_right_ends_and_the_holders_go_on() -> None:
    person, agent = make_person(1), make_person(2)
    card = active_card(person, make_bank())
    for owner in (None, agent.person_id, agent.person_id, 999):
        key = PrivateKey.generate().public.compressed
        services.enrol_device(card.card_id, key, label="", by=CLERK, at=NOON, agent_person_id=owner)
    assert services.revoke_agents_devices(person.person_id, agent.person_id, by=CLERK, at=NOON + HOUR) == 2
    assert services.revoke_agents_devices(person.person_id, agent.person_id, by=CLERK, at=NOON + HOUR) == 0
    assert {device.agent_person_id for device in devices_of(card.card_id, at=NOON + HOUR)} == {None, 999}
