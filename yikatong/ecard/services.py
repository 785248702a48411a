"""The electronic card: made with the physical one, shown by certified devices, ended with it.

A device is certified only for a collected card that carries the holder's social function now; so after the activation of a
new card the electronic card updates itself: the old card's devices are revoked and the new card's are certified.
"""

import os
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.city.rules import rules_at
from yikatong.delegation.models import Delegation
from yikatong.delegation.rules import Act
from yikatong.ecard.issuer import issuer_key
from yikatong.ecard.models import Device, ElectronicCard, ServerHeldKey
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.gm.sm2 import KeyInvalid, PrivateKey, PublicKey
from yikatong.issuance import hooks
from yikatong.issuance.lifecycle import lock_card, snapshot
from yikatong.issuance.models import Card, CardDirectory, CardState, SocialState
from yikatong.issuance.rules import is_reported_lost
from yikatong.registry.sealing import field_cipher
from yikatong.wire.codes import NONCE_LENGTH, SERIAL_LENGTH, TOKEN_LENGTH, issue_certificate, make_code


class Reason(StrEnum):
    """Why no device is certified."""

    NO_ELECTRONIC_CARD = "no_electronic_card"
    CARD_REPORTED_LOST = "card_reported_lost"
    CARD_NOT_ACTIVE = "card_not_active"
    DEVICE_KEY_INVALID = "device_key_invalid"


def create_electronic_card(card: Card, at: datetime) -> None:
    """Make the electronic twin of a fresh card. Repeating it changes nothing."""
    twin, is_new = ElectronicCard.objects.get_or_create(
        card_id=card.card_id,
        defaults={"person_id": card.person_id, "token": os.urandom(TOKEN_LENGTH), "created_at": at},
    )
    if is_new:
        CardDirectory.objects.create(key=f"token:{bytes(twin.token).hex()}", card_id=card.card_id)


def enrol_device(
    card_id: int, public_key: bytes, *, label: str, by: Actor, at: datetime, agent_person_id: int | None = None
) -> bytes:
    """Certify a phone's key (33 or 65 bytes) to show this card; the certificate, 127 bytes. Raises ``Refused``.

    ``agent_person_id``: whose phone it is, when somebody else's than the holder's. The same key asked for again within its
    certificate's life gets the same certificate.
    """
    try:
        key = PublicKey.from_point(public_key)
    except KeyInvalid as error:
        raise Refused(Reason.DEVICE_KEY_INVALID, "手机生成的密钥无效，请刷新页面重试") from error
    with transaction.atomic():
        _, card = lock_card(card_id)
        living = Device.objects.filter(card_id=card_id, public_key=key.compressed, revoked_at=None, expires_at__gt=at)
        known = living.order_by("-expires_at").first()
        twin = showable(card, at)
        if known is not None and known.expires_at - at > timedelta(days=1):
            return bytes(known.certificate)
        device = _certify(twin, key, label=label, at=at)
        device.agent_person_id = agent_person_id
        device.save(force_insert=True)
        record(
            "ecard.device_enrolled",
            subject=f"card:{card_id}",
            by=by,
            at=at,
            person_id=card.person_id,
            serial=bytes(device.serial).hex(),
        )
        return bytes(device.certificate)


def code_from_server(card_id: int, *, by: Actor, at: datetime) -> str:
    """A code made here for a phone that cannot sign itself. Raises ``Refused``."""
    with transaction.atomic():
        _, card = lock_card(card_id)
        twin = showable(card, at)
        held = ServerHeldKey.objects.filter(card_id=card_id).first()
        is_revoked = (
            held and Device.objects.filter(card_id=card_id, serial=held.serial, revoked_at__isnull=False).exists()
        )
        if held is None or is_revoked or held.expires_at - at < timedelta(days=1):
            held = _hold_key(twin, by=by, at=at)
        key = PrivateKey.from_scalar(bytes.fromhex(field_cipher().open("device_key", bytes(held.private_key_sealed))))
    return make_code(bytes(held.certificate), key, issued_at=at, nonce=os.urandom(NONCE_LENGTH))


def revoke_all_devices(card_id: int, *, by: Actor, at: datetime) -> int:
    """Stop every code of a card that was ever certified; how many devices. The holder may enrol again."""
    with transaction.atomic():
        _, card = lock_card(card_id)
        count = Device.objects.filter(card_id=card_id, revoked_at=None).update(revoked_at=at)
        if count:
            record(
                "ecard.devices_revoked",
                subject=f"card:{card_id}",
                by=by,
                at=at,
                person_id=card.person_id,
                devices=count,
            )
            hooks.card_changed(card, at)
        return count


def revoke_device(card_id: int, serial: bytes, *, by: Actor, at: datetime) -> None:
    """Stop the codes of one device. Repeating it, or naming no device of this card, changes nothing."""
    with transaction.atomic():
        _, card = lock_card(card_id)
        if Device.objects.filter(card_id=card_id, serial=serial, revoked_at=None).update(revoked_at=at):
            record(
                "ecard.device_revoked",
                subject=f"card:{card_id}",
                by=by,
                at=at,
                person_id=card.person_id,
                serial=serial.hex(),
            )
            hooks.card_changed(card, at)


def revoke_agents_devices(person_id: int, agent_person_id: int, *, by: Actor, at: datetime) -> int:
    """Stop the phones by which somebody showed a person's cards for them, when that right ends; how many."""
    cards = ElectronicCard.objects.filter(person_id=person_id).values("card_id")
    living = Device.objects.filter(card_id__in=cards, agent_person_id=agent_person_id, revoked_at=None)
    found = list(living.values_list("card_id", "serial"))
    with transaction.atomic():
        for card_id, serial in found:
            revoke_device(card_id, bytes(serial), by=by, at=at)
    return len(found)


def follow_delegation(delegation: Delegation, by: Actor, at: datetime) -> None:
    """A right ended: the phones by which it was used stop with it."""
    if Act.SHOW_CODE in delegation.acts:
        revoke_agents_devices(delegation.principal_person_id, delegation.agent_person_id, by=by, at=at)


def follow_card(card: Card, at: datetime) -> None:
    """The physical card changed: end the electronic one with it."""
    if card.social_state == SocialState.ENDED or card.state == CardState.CANCELLED:
        ElectronicCard.objects.filter(card_id=card.card_id, ended_at=None).update(ended_at=at)


def showable(card: Card, at: datetime) -> ElectronicCard:
    """The twin of a card that may be shown now, by code or as a credential. Raises ``Refused``."""
    if is_reported_lost(snapshot(card), at):
        raise Refused(Reason.CARD_REPORTED_LOST, "此卡已挂失，电子社保卡暂停使用")
    if card.state != CardState.COLLECTED or card.social_state != SocialState.ACTIVE:
        raise Refused(Reason.CARD_NOT_ACTIVE, "领卡并启用社会保障功能后，才能使用电子社保卡")
    twin = ElectronicCard.objects.filter(card_id=card.card_id, ended_at=None).first()
    if twin is None:
        raise Refused(Reason.NO_ELECTRONIC_CARD, "此卡没有电子社保卡；第三代社保卡才有")
    return twin


def _certify(twin: ElectronicCard, key: PublicKey, *, label: str, at: datetime) -> Device:
    expires_at = at + timedelta(days=rules_at(beijing_day(at)).limits.ecard_device_certificate_days)
    serial = os.urandom(SERIAL_LENGTH)
    certificate = issue_certificate(
        issuer_key(),
        serial=serial,
        card_token=bytes(twin.token),
        device_key=key,
        not_before=at - timedelta(seconds=60),
        not_after=expires_at,
    )
    return Device(
        card_id=twin.card_id,
        serial=serial,
        public_key=key.compressed,
        certificate=certificate,
        label=label[:60],
        issued_at=at,
        expires_at=expires_at,
    )


def _hold_key(twin: ElectronicCard, *, by: Actor, at: datetime) -> ServerHeldKey:
    key = PrivateKey.generate()
    device = _certify(twin, key.public, label="server-held", at=at)
    device.save(force_insert=True)
    held, _ = ServerHeldKey.objects.update_or_create(
        card_id=twin.card_id,
        defaults={
            "private_key_sealed": field_cipher().seal("device_key", key.scalar.hex()),
            "serial": device.serial,
            "certificate": device.certificate,
            "expires_at": device.expires_at,
        },
    )
    subject = f"card:{twin.card_id}"
    record("ecard.server_held_key_made", subject=subject, by=by, at=at, person_id=twin.person_id)
    return held
