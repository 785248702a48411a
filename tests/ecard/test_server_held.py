"""Codes made here for phones that cannot sign: as good as a phone's, sealed while they rest, stopped like any device."""

import pytest

from tests.acceptance.makers import DAY, HOUR, SECOND
from tests.cast import CLERK, NOON, active_card, make_bank, make_person
from tests.wire.makers import make_trust, verdict
from yikatong.audit.models import AuditEvent
from yikatong.ecard import services
from yikatong.ecard.issuer import issuer_key
from yikatong.ecard.models import Device, ServerHeldKey
from yikatong.issuance.models import Card
from yikatong.registry.sealing import field_cipher
from yikatong.wire.codes import UnverifiedCode

pytestmark = pytest.mark.django_db


@pytest.fixture
def card() -> Card:
    """In use."""
    return active_card(make_person(1), make_bank())


def code(card: Card, at: object = NOON) -> str:
    return services.code_from_server(card.card_id, by=CLERK, at=at)  # type: ignore[arg-type]


def test_a_code_from_the_server_verifies_like_any_other(card: Card) -> None:
    trust = make_trust(issuer_key(), issued_at=NOON - DAY, valid_until=NOON + 30 * DAY)
    assert verdict(code(card), trust=trust, at=NOON) == "ok"
    assert verdict(code(card), trust=trust, at=NOON + 61 * SECOND) == "code_expired"


def test_every_code_is_another_and_one_key_makes_them_all(card: Card) -> None:
    codes = [UnverifiedCode.parse(code(card)) for _ in range(3)]
    assert len({each.nonce for each in codes}) == 3
    assert len({each.certificate.serial for each in codes}) == 1
    assert Device.objects.get().label == "server-held"
    assert AuditEvent.objects.filter(action="ecard.server_held_key_made").count() == 1


def test_the_key_is_sealed_while_it_rests(card: Card) -> None:
    code(card)
    held = ServerHeldKey.objects.get()
    scalar = bytes.fromhex(field_cipher().open("device_key", bytes(held.private_key_sealed)))
    assert len(scalar) == 32
    assert scalar not in bytes(held.private_key_sealed)
    assert scalar.hex().encode() not in bytes(held.private_key_sealed)


def test_a_key_on_its_last_day_is_replaced(card: Card) -> None:
    serials = [
        UnverifiedCode.parse(code(card, at)).certificate.serial
        for at in (NOON, NOON + 6 * DAY, NOON + 6 * DAY + SECOND, NOON + 7 * DAY)
    ]
    assert serials[0] == serials[1] != serials[2] == serials[3]
    assert ServerHeldKey.objects.count() == 1


def test_a_stopped_key_is_never_used_again(card: Card) -> None:
    before = UnverifiedCode.parse(code(card)).certificate.serial
    services.revoke_all_devices(card.card_id, by=CLERK, at=NOON + HOUR)
    after = UnverifiedCode.parse(code(card, NOON + HOUR)).certificate.serial
    assert before != after
    assert Device.objects.get(serial=before).revoked_at == NOON + HOUR
    assert Device.objects.get(serial=after).revoked_at is None
