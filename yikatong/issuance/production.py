"""Making a card: from an approved application to a numbered, certified card.

``produce_card`` is what the worker runs for each order; it is safe to repeat, to run twice at once, and to kill anywhere.
The chip's key is made here and kept sealed until the chip itself is personalised with it.
"""

from datetime import datetime
from functools import cache
from uuid import UUID

from django.db import connection, transaction
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import AlreadyEnqueued

from yikatong.applications.models import Application, ApplicationState
from yikatong.applications.services import lock_person, move
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.city.folder import open_folder
from yikatong.city.models import Division
from yikatong.city.rules import rules_at
from yikatong.foundation.clock import beijing_day, beijing_day_bounds
from yikatong.foundation.errors import Refused
from yikatong.gm import sm4, x509
from yikatong.gm.sm2 import PrivateKey
from yikatong.issuance import hooks
from yikatong.issuance.authorities import card_authority
from yikatong.issuance.models import Card, CardDirectory, CardState, ChipKey, ProductionOrder, ProductionState
from yikatong.issuance.rules import THIRD_GENERATION, Reason, card_number, expires_on, identification_body
from yikatong.registry.sealing import field_cipher, key_store

AUTHENTICATION_KEY = "card-identification"
PRODUCTION = Actor.system("production")


def order_production(application: Application, at: datetime) -> ProductionOrder:
    """Order the card of an approved application, once, and hand the order to the worker in the same transaction."""
    order, is_new = ProductionOrder.objects.get_or_create(
        person_id=application.person_id,
        order_id=application.application_id,
        defaults={"bank_code": application.bank_code, "ordered_at": at},
    )
    if is_new:
        _hand_to_worker(order)
    return order


def resume_orders(*, ordered_before: datetime) -> int:
    """Hand orders to the worker again that are not made and that it no longer knows of; how many.

    A job that failed ten times is given up by the worker; the order must not be.
    """
    forgotten = 0
    for order in ProductionOrder.objects.filter(state=ProductionState.ORDERED, ordered_at__lt=ordered_before):
        if ProcrastinateJob.objects.filter(queueing_lock=_queueing_lock(order), status="doing").exists():
            continue
        try:
            with transaction.atomic():
                _hand_to_worker(order)
        except AlreadyEnqueued:
            continue
        forgotten += 1
    return forgotten


def _hand_to_worker(order: ProductionOrder) -> None:
    """Queue the making of one card. Raises ``AlreadyEnqueued`` when it is waiting in the queue."""
    from yikatong.issuance.tasks import produce_card_task  # the task imports this module

    produce_card_task.configure(lock=f"person:{order.person_id}", queueing_lock=_queueing_lock(order)).defer(
        person_id=order.person_id, order_id=str(order.order_id)
    )


def _queueing_lock(order: ProductionOrder) -> str:
    return f"order:{order.person_id}:{order.order_id}"


def produce_card(person_id: int, order_id: UUID, *, at: datetime) -> Card | None:
    """Make the card of an order. Repeating it returns the same card; ``None`` when the order was cancelled.

    Raises ``Refused`` (``ORDER_UNKNOWN``).
    """
    with transaction.atomic():
        person = lock_person(person_id)
        order = ProductionOrder.objects.filter(person_id=person_id, order_id=order_id).first()
        if order is None:
            raise Refused(Reason.ORDER_UNKNOWN, f"没有制卡任务 {order_id}")
        if order.state == ProductionState.CANCELLED:
            return None
        if order.card_id is not None:
            return Card.objects.get(card_id=order.card_id)
        application = Application.objects.get(person_id=person_id, application_id=order_id)
        if application.state == ApplicationState.CANCELLED:
            order.state = ProductionState.CANCELLED
            order.save(update_fields=["state"])
            return None
        move(application, ApplicationState.IN_PRODUCTION, by=PRODUCTION, at=at)
        card = _make_card(person.community_code[:6], application, at=at)
        order.card_id, order.state, order.made_at = card.card_id, ProductionState.MADE, at
        order.save(update_fields=["card_id", "state", "made_at"])
        record("card.made", subject=f"card:{card.card_id}", by=PRODUCTION, at=at, person_id=person_id)
        hooks.card_made(card, at)
        return card


def _make_card(district_code: str, application: Application, *, at: datetime) -> Card:
    serial = next_serial()
    made_on = beijing_day(at)
    card = Card.objects.create(
        person_id=application.person_id,
        generation=THIRD_GENERATION,
        card_number="",
        identification_code=_identification_code(serial),
        bank_code=application.bank_code,
        outlet_id=application.outlet_id,
        application_id=application.application_id,
        state=CardState.MADE,
        made_at=at,
        expires_on=expires_on(made_on, rules_at(made_on).limits.card_validity_years),
    )
    card.card_number = _take_number(card.card_id, district_code, serial)
    card.save(update_fields=["card_number"])
    certify_chip(card, at=at)
    CardDirectory.objects.create(key=f"code:{card.identification_code}", card_id=card.card_id)
    return card


def certify_chip(card: Card, *, at: datetime) -> None:
    """Make a new key pair for the card's chip and certify it until the card's last day, in place of any it had."""
    if card.expires_on is None:
        raise ValueError(f"card {card.card_id} has no last day: only cards of the third generation are certified")
    chip = PrivateKey.generate()
    certificate = x509.issue_end_entity(
        card_authority(),
        chip.public,
        profile=x509.Profile.CARD,
        name=card.identification_code,
        not_before=at,
        not_after=beijing_day_bounds(card.expires_on)[1],
    )
    card.certificate_der = certificate.dump()
    card.certificate_serial_hex = f"{certificate.serial_number:x}"
    card.save(update_fields=["certificate_der", "certificate_serial_hex"])
    sealed = field_cipher().seal("chip_key", chip.scalar.hex())
    ChipKey.objects.update_or_create(card_id=card.card_id, defaults={"private_key_sealed": sealed})


def next_serial() -> int:
    """A number that no card and no chip of the city has had."""
    with connection.cursor() as cursor:
        cursor.execute("select nextval('issuance_card_serial')")
        return int(cursor.fetchone()[0])


def _take_number(card_id: int, district_code: str, serial: int) -> str:
    """The first number from this serial on that no other card bears; an older one may, if its city used our letters."""
    district_place = Division.objects.filter(level="district", code__lt=district_code).count()
    while True:
        number = card_number(district_place, serial)
        _, is_new = CardDirectory.objects.get_or_create(key=f"number:{number}", defaults={"card_id": card_id})
        if is_new:
            return number
        serial = next_serial()


def _identification_code(serial: int) -> str:
    """16 bytes in hex; by the last four a reader with the city's key can tell a made-up code.

    Source: LD/T 32, EF05 record 1; that the four bytes are the beginning of an SM4 CMAC: assumption.
    """
    store = key_store()
    store.ensure(symmetric=(AUTHENTICATION_KEY,))
    body = identification_body(_city_code(), serial)
    return (body + sm4.mac(store.get(AUTHENTICATION_KEY, 1), body)[:4]).hex().upper()


@cache
def _city_code() -> str:
    return open_folder().head.code
