"""From what was scanned, read or typed at a desk to the case it belongs to. Each look-up is counted and audited.

A clerk sees cards of their own bank. Of other banks' they learn where to send the holder, who stands before them; nothing more.
A code from a phone is used up by being scanned, as at every other place: shown again, it is refused.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from yikatong.acceptance.decisions import OwnIssuer
from yikatong.applications.models import Application
from yikatong.applications.selectors import applications_of
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Outlet
from yikatong.campaign.models import Appointment
from yikatong.city.rules import rules_at
from yikatong.desks import limits
from yikatong.desks.rules import Asked, DeskReason, Question, read_question
from yikatong.ecard.models import Device
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.issuance.models import Card, CardDirectory, CardState
from yikatong.issuance.rules import THIRD_GENERATION
from yikatong.issuance.selectors import cards_of
from yikatong.registry.models import Person
from yikatong.registry.selectors import find_person, find_person_by_identity_number, find_person_by_phone
from yikatong.units.models import Packet
from yikatong.wire.codes import UnverifiedCode, verify_code

DESK_TERMINAL = "desk"
"""What a code's use is stored under when a desk took it; no terminal has this number."""

_USE_CODE = """
insert into acceptance_code_use (card_id, device_serial, nonce, terminal_id, sequence, at)
values (%s, %s, %s, %s, 0, %s) on conflict do nothing
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the clerk works, and who they are."""

    outlet: Outlet
    by: Actor

    @property
    def place(self) -> str:
        """As acts name it."""
        return f"outlet:{self.outlet.outlet_id}"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A card of another bank: which bank, and the outlet where it is collected, if it is."""

    bank_code: str
    outlet_id: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look-up led to. ``cards``: this bank's, one for each person found, or the one that was named.

    ``persons``: everybody who was found; ``without_card`` those without a card of any bank, with their newest application.
    """

    asked: Asked
    cards: tuple[Card, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    without_card: tuple[tuple[Person, Application | None], ...] = ()
    packet: Packet | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing and nobody."""
        return not (self.cards or self.elsewhere or self.without_card or self.packet)

    @property
    def only_card(self) -> Card | None:
        """The case to open at once, when there is no doubt."""
        return self.cards[0] if len(self.cards) == 1 and not self.without_card else None


@dataclass(slots=True)
class _Sorted:
    cards: list[Card] = field(default_factory=list)
    elsewhere: list[Elsewhere] = field(default_factory=list)
    without_card: list[tuple[Person, Application | None]] = field(default_factory=list)


def look_up(text: str, desk: Desk, *, at: datetime) -> Finding:
    """Find the case. Raises ``Refused`` (``TOO_MANY_LOOKUPS``, ``CODE_REUSED``, ``DEVICE_REVOKED``), ``CodeRefused``."""
    whom = str(desk.by)
    if limits.is_used_up(limits.MISSES, whom, at=at) or not limits.count(limits.LOOKUPS, whom, at=at):
        raise Refused(DeskReason.TOO_MANY_LOOKUPS, "查找次数过多，请稍候几分钟再试")
    question = read_question(text)
    finding = _find(question, desk, at)
    if finding.is_empty:
        limits.count(limits.MISSES, whom, at=at)
    persons = {card.person_id for card in finding.cards} | {person.person_id for person, _ in finding.without_card}
    record(
        "desk.looked_up",
        subject=desk.place,
        by=desk.by,
        at=at,
        person_id=persons.pop() if len(persons) == 1 else None,
        asked=str(finding.asked),
        cards=[card.card_id for card in finding.cards],
        elsewhere=len(finding.elsewhere),
    )
    return finding


def _find(question: Question, desk: Desk, at: datetime) -> Finding:
    asked, value = question.asked, question.value
    if asked == Asked.UNREADABLE:
        return Finding(asked)
    if asked == Asked.NUMBER:
        return _by_number(UUID(value), desk)
    card_id = None
    if asked == Asked.CODE:
        card_id = _card_of_code(value, at)
    elif asked == Asked.CARD_NUMBER:
        card_id = _in_directory(f"number:{value}")
    elif asked == Asked.IDENTIFICATION_CODE:
        card_id = _in_directory(f"code:{value}")
    if card_id is not None:
        return _with_card(asked, card_id, desk)
    persons: list[Person] = []
    if asked == Asked.IDENTITY_NUMBER:
        person = find_person_by_identity_number(value)
        persons = [person] if person is not None else []
    elif asked == Asked.PHONE:
        persons = find_person_by_phone(value)
    return _with_persons(asked, persons, desk)


def _by_number(number: UUID, desk: Desk) -> Finding:
    """The number of an application, an appointment or a unit's packet."""
    asked = Asked.NUMBER
    application = Application.objects.filter(application_id=number).first()
    if application is not None:
        card = next((c for c in cards_of(application.person_id) if c.application_id == number), None)
        if card is not None:
            return _with_card(asked, card.card_id, desk)
        person = find_person(application.person_id)
        return Finding(asked, without_card=((person, application),) if person else ())
    appointment = Appointment.objects.filter(appointment_id=number).first()
    if appointment is not None:
        person = find_person(appointment.person_id)
        return _with_persons(asked, [person] if person else [], desk)
    return Finding(asked, packet=Packet.objects.filter(packet_id=number, bank_code=desk.outlet.bank_id).first())


def _with_card(asked: Asked, card_id: int, desk: Desk) -> Finding:
    card = Card.objects.get(card_id=card_id)
    if card.generation == THIRD_GENERATION and card.bank_code == desk.outlet.bank_id:
        return Finding(asked, (card,))
    person = find_person(card.person_id)
    if card.generation == THIRD_GENERATION:
        return Finding(asked, elsewhere=(Elsewhere(card.bank_code, card.outlet_id),))
    return _with_persons(asked, [person] if person else [], desk)


def _with_persons(asked: Asked, persons: list[Person], desk: Desk) -> Finding:
    found = _Sorted()
    for person in persons:
        cards = [card for card in cards_of(person.person_id) if card.generation == THIRD_GENERATION]
        here = [card for card in cards if card.bank_code == desk.outlet.bank_id]
        alive = [card for card in cards if card.state != CardState.CANCELLED]
        if here and (here[0] in alive or not alive):
            found.cards.append(next((card for card in here if card in alive), here[0]))
        elif alive:
            found.elsewhere.append(Elsewhere(alive[0].bank_code, alive[0].outlet_id))
        else:
            found.without_card.append((person, next(iter(applications_of(person.person_id)), None)))
    return Finding(asked, tuple(found.cards), tuple(found.elsewhere), tuple(found.without_card))


def _in_directory(key: str) -> int | None:
    return CardDirectory.objects.filter(key=key).values_list("card_id", flat=True).first()


def _card_of_code(text: str, at: datetime) -> int | None:
    """The card of a code that was shown just now, which is used up by this."""
    programme = rules_at(beijing_day(at)).limits
    verified = verify_code(
        UnverifiedCode.parse(text),
        OwnIssuer(),
        None,
        at=at,
        life_max=timedelta(seconds=programme.ecard_code_life_s),
        skew_max=timedelta(seconds=programme.ecard_clock_skew_s),
    )
    card_id = _in_directory(f"token:{verified.card_token.hex()}")
    if card_id is None:
        return None
    if Device.objects.filter(card_id=card_id, serial=verified.device_serial, revoked_at__lte=at).exists():
        raise Refused(DeskReason.DEVICE_REVOKED, "出示此码的设备已被停用，请持卡人在手机上重新打开电子社保卡")
    with connection.cursor() as cursor:
        cursor.execute(_USE_CODE, [card_id, verified.device_serial, verified.nonce, DESK_TERMINAL, at])
        if not cursor.rowcount:
            raise Refused(DeskReason.CODE_REUSED, "这个码刚才已经用过，请持卡人刷新后再出示")
    return card_id
