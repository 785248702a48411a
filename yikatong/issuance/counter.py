"""Making a card at a counter: a blank in the reader on the clerk's desk is written by this server, which alone has the keys.

The clerk's page only carries commands and answers between server and card: ``begin``, ``load``, a reset, ``prove``, ``finish``.
The card counts as made when the chip has signed a challenge with its own key; what a page says is never believed. Each step may
be repeated, and a card that lost power is tried again with the same blank, never with another: ``spoil`` writes a blank off, and
the card gets another key and certificate. A counter's cards are a job of its outlet and day (``PersonalisationJob``), so that a
card cannot be with the bureau and at a counter.

Locks are taken in this order: person, card, bank, job.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from uuid import uuid4

from django.db import transaction

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Bank, Outlet
from yikatong.foundation.clock import beijing_day, beijing_day_bounds
from yikatong.foundation.errors import Refused
from yikatong.gm import x509
from yikatong.issuance.chip_records import CardHeld, ChipRecords, city_roots
from yikatong.issuance.lifecycle import lock_card, mark_ready
from yikatong.issuance.models import (
    Card,
    CardState,
    ChipKey,
    CounterWriting,
    JobCard,
    JobCardState,
    JobState,
    PersonalisationJob,
)
from yikatong.issuance.personalisation import lock_job, replace_blank
from yikatong.issuance.production import next_serial
from yikatong.issuance.receipts import close_when_done
from yikatong.issuance.rules import JobReason, Reason
from yikatong.registry.models import Person
from yikatong.smartcard import identity
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.card_roots import blank_roots
from yikatong.smartcard.issuer_domain import BlankOpened, BlankWrong, domain_keys, opening_commands, writing_commands
from yikatong.smartcard.secure_channel import CHALLENGE_LENGTH

PROOF_CHALLENGE_LENGTH = 32


def begin(card_id: int, *, outlet_id: str, by: Actor, at: datetime) -> list[Command]:
    """Take a card that waits for its chip to this counter; what the blank is to be asked first.

    Raises ``Refused`` (``CARD_UNKNOWN``, ``CARD_CANCELLED``, ``MADE_ALREADY``, ``MADE_BY_BUREAU``, ``NO_INSTANT_ISSUE``).
    """
    with transaction.atomic():
        _, card = lock_card(card_id)
        if _blank_of(card, outlet_id) is None:
            _take_to_counter(card, outlet_id, by=by, at=at)
        challenge = secrets.token_bytes(CHALLENGE_LENGTH)
        CounterWriting.objects.update_or_create(
            card_id=card_id, defaults={"host_challenge": challenge, "proof_challenge": None, "begun_at": at}
        )
        return opening_commands(challenge)


def load(card_id: int, opened: bytes, *, outlet_id: str, by: Actor, at: datetime) -> list[Command]:
    """What is sent to the blank that answered with ``opened``: the whole card, sealed for it alone.

    Raises ``Refused`` (``WRITING_NOT_BEGUN``, ``BLANK_WRONG``, ``BLANK_DIFFERS``, ``CARD_NOT_PREPARED``).
    """
    with transaction.atomic():
        person, card = lock_card(card_id)
        blank, writing = _in_hand(card, outlet_id)
        try:
            answer = BlankOpened.decode(opened)
            serial = answer.serial.hex().upper()
            if blank.blank_serial not in {"", serial}:
                raise Refused(JobReason.BLANK_DIFFERS, "这不是先前写过的那张空白卡；请放回那张，或先将它报废")
            keys = domain_keys(city_roots(blank_roots), answer.serial)
            groupings = _groupings(card, person, blank)
            commands = writing_commands(keys, bytes(writing.host_challenge), answer, groupings)
        except BlankWrong as error:
            raise Refused(JobReason.BLANK_WRONG, str(error)) from error
        except CardHeld as held:
            raise Refused(JobReason.CARD_NOT_PREPARED, str(held)) from held
        if not blank.blank_serial:
            blank.blank_serial = serial
            blank.save(update_fields=["blank_serial"])
            _record("card.written_at_counter", card, blank, by=by, at=at, blank_serial=serial)
        return commands


def prove(card_id: int, *, outlet_id: str) -> list[Command]:
    """What the card is asked after its reset: a signature over a fresh challenge. Raises ``Refused`` (``WRITING_NOT_BEGUN``)."""
    with transaction.atomic():
        _, card = lock_card(card_id)
        blank, writing = _in_hand(card, outlet_id)
        if not blank.blank_serial:
            raise Refused(JobReason.BLANK_WRONG, "这不是空白卡；请放入一张空白卡")
        challenge = secrets.token_bytes(PROOF_CHALLENGE_LENGTH)
        writing.proof_challenge = challenge
        writing.save(update_fields=["proof_challenge"])
        return [
            Command(0x00, 0xA4, 0x04, 0x0C, identity.AID),
            Command(0x00, 0x88, 0x00, identity.CARD_PROOF, challenge),
        ]


def finish(card_id: int, signature: bytes, *, outlet_id: str, by: Actor, at: datetime) -> Card:
    """The chip has its key: the card is made, and lies at the outlet. Repeating it changes nothing.

    Raises ``Refused`` (``WRITING_NOT_BEGUN``, ``CHIP_NOT_PROVEN``, ``CARD_CANCELLED``).
    """
    with transaction.atomic():
        _, card = lock_card(card_id)
        if is_made_at(card, outlet_id):
            return card
        blank, writing = _in_hand(card, outlet_id)
        if writing.proof_challenge is None or not _is_signed(card, bytes(writing.proof_challenge), signature):
            raise Refused(JobReason.CHIP_NOT_PROVEN, "卡片没有证明写卡成功；请重试，或将这张空白卡报废")
        job = lock_job(blank.job_id)
        blank.state, blank.state_at = JobCardState.SHIPPED, at
        blank.save(update_fields=["state", "state_at"])
        ChipKey.objects.filter(card_id=card_id).delete()
        writing.delete()
        close_when_done(job)
        _record("card.personalised", card, blank, by=by, at=at)
        return mark_ready(card_id, by=by, at=at)


def spoil(card_id: int, reason: str, *, outlet_id: str, by: Actor, at: datetime) -> None:
    """Write off the blank in hand; the card gets a new key and certificate, and waits for another blank.

    Raises ``Refused`` (``WRITING_NOT_BEGUN``, ``REASON_MISSING``).
    """
    if not reason.strip():
        raise Refused(JobReason.REASON_MISSING, "报废要写明原因")
    with transaction.atomic():
        _, card = lock_card(card_id)
        blank = _blank_of(card, outlet_id)
        if blank is None:
            raise Refused(JobReason.WRITING_NOT_BEGUN, "还没有开始在本柜台制作这张卡")
        CounterWriting.objects.filter(card_id=card_id).delete()
        replace_blank(lock_job(blank.job_id), blank, card, reason, by=by, at=at)


def is_made_at(card: Card, outlet_id: str) -> bool:
    """Whether this card's chip was written at this outlet's counter."""
    return JobCard.objects.filter(card_id=card.card_id, job__outlet_id=outlet_id, state=JobCardState.SHIPPED).exists()


def can_be_made_at(card: Card, outlet: Outlet) -> bool:
    """Whether this counter could write the card's chip now: it waits for one, and no bureau has it."""
    if card.state != CardState.MADE or card.bank_code != outlet.bank_id or not outlet.issues_instantly:
        return False
    elsewhere = JobCard.objects.filter(card_id=card.card_id).exclude(state=JobCardState.SPOILED)
    return (
        ChipKey.objects.filter(card_id=card.card_id).exists()
        and not elsewhere.exclude(job__outlet_id=outlet.outlet_id).exists()
    )


def _blank_of(card: Card, outlet_id: str) -> JobCard | None:
    """The card's place in a job of this counter, ``None`` when it has none. Raises ``Refused`` where it cannot be made."""
    if card.state == CardState.CANCELLED:
        raise Refused(Reason.CARD_CANCELLED, "此卡已注销")
    place = JobCard.objects.select_related("job").filter(card_id=card.card_id).exclude(state=JobCardState.SPOILED)
    blank = place.first()
    if blank is not None and blank.job.outlet_id != outlet_id:
        where = "另一个网点" if blank.job.outlet_id else "制卡方"
        raise Refused(JobReason.MADE_BY_BUREAU, f"此卡已交给{where}制作，不能在这里制卡")
    if card.state != CardState.MADE or (blank is not None and blank.state == JobCardState.SHIPPED):
        raise Refused(JobReason.MADE_ALREADY, "此卡已经制好")
    return blank


def _take_to_counter(card: Card, outlet_id: str, *, by: Actor, at: datetime) -> None:
    outlet = Outlet.objects.filter(outlet_id=outlet_id, bank_id=card.bank_code).first()
    if outlet is None or not outlet.issues_instantly:
        raise Refused(JobReason.NO_INSTANT_ISSUE, "本网点不能即时制这张卡")
    Bank.objects.select_for_update(no_key=True).get(code=card.bank_code)  # a bureau's job may be taking cards right now
    if JobCard.objects.filter(card_id=card.card_id).exclude(state=JobCardState.SPOILED).exists():
        raise Refused(JobReason.MADE_BY_BUREAU, "此卡已交给制卡方制作，不能在这里制卡")
    job = _job_of_the_day(outlet, at)
    last = JobCard.objects.filter(job=job).order_by("-sequence").values_list("sequence", flat=True).first() or 0
    blank = JobCard.objects.create(
        job=job,
        sequence=last + 1,
        card_id=card.card_id,
        identification_code=card.identification_code,
        chip_serial=next_serial(),
        state_at=at,
    )
    _record("card.taken_to_counter", card, blank, by=by, at=at)


def _job_of_the_day(outlet: Outlet, at: datetime) -> PersonalisationJob:
    """This counter's job, locked, open. Its bank is locked already, so that there is one a day."""
    first, end = beijing_day_bounds(beijing_day(at))
    jobs = PersonalisationJob.objects.select_for_update(no_key=True).filter(outlet_id=outlet.outlet_id)
    job = jobs.filter(made_at__gte=first, made_at__lt=end).first()
    if job is None:
        return PersonalisationJob.objects.create(
            job_id=uuid4(), bank_code=outlet.bank_id, outlet_id=outlet.outlet_id, made_at=at
        )
    job.state = JobState.OPEN
    job.save(update_fields=["state"])
    return job


def _in_hand(card: Card, outlet_id: str) -> tuple[JobCard, CounterWriting]:
    blank, writing = _blank_of(card, outlet_id), CounterWriting.objects.filter(card_id=card.card_id).first()
    if blank is None or writing is None:
        raise Refused(JobReason.WRITING_NOT_BEGUN, "还没有开始在本柜台制作这张卡；请重新开始")
    return blank, writing


def _groupings(card: Card, person: Person, blank: JobCard) -> bytes:
    chip_key = ChipKey.objects.filter(card_id=card.card_id).first()
    chips = ChipRecords.of_city()
    return chips.record(card, person, chip_key, sequence=blank.sequence, chip_serial=blank.chip_serial).groupings


def _is_signed(card: Card, challenge: bytes, signature: bytes) -> bool:
    if card.certificate_der is None:
        return False
    key = x509.public_key_of(x509.parse(bytes(card.certificate_der)))
    return key.verify(identity.signed_message(identity.CARD_PROOF, challenge), signature)


def _record(action: str, card: Card, blank: JobCard, *, by: Actor, at: datetime, **details: str) -> None:
    facts: Mapping[str, str] = {"job": str(blank.job_id), **details}
    record(action, subject=f"card:{card.card_id}", by=by, at=at, person_id=card.person_id, **facts)
