"""A kiosk in a hall switches a card's social function on for its holder, who proves who they are to the machine alone.

Three proofs in this order, each counted: the card (the chip signs a fresh challenge; where there is no reader its printed number,
which proves nothing by itself), the last four characters of the identity number, and a code sent to the phone in the register.
A wrong number and a wrong ending are told in the same words, so that nobody learns which cards exist. The chip's PIN is not
asked: the city's cards are made without one. A minor's card is the guardian's to activate, not at a machine.
Source: 京人社数据字〔2024〕133号 (activation online, in any hall, at a machine); the proofs: assumption.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from yikatong.accounts import messages
from yikatong.applications.rules import ADULT_AGE_YEARS
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.desks import limits
from yikatong.desks.models import DeskAct
from yikatong.foundation.clock import age_years, beijing_day
from yikatong.foundation.errors import Refused
from yikatong.gm import x509
from yikatong.issuance.lifecycle import activate_social_function, snapshot
from yikatong.issuance.models import Card, CardDirectory, RevokedCertificate
from yikatong.issuance.rules import THIRD_GENERATION, check_activation
from yikatong.issuance.selectors import card_by_number
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.selectors import clear_view
from yikatong.smartcard import identity
from yikatong.smartcard.apdu import Command

CHALLENGE_LENGTH = 32
CODE_LIFE = timedelta(minutes=5)
CODE_TEXT = "【一卡通】自助机启用验证码 {code}，5 分钟内有效。启用后旧卡立即停用。不是您本人操作的，请拨打 12333。"
ACT = "kiosk_activate"


class KioskReason(StrEnum):
    """Why a kiosk goes no further."""

    CHIP_NOT_PROVEN = "chip_not_proven"
    NOT_THE_HOLDER = "not_the_holder"
    TRIED_TOO_OFTEN = "tried_too_often"
    NO_PHONE = "no_phone"
    CODE_WRONG = "code_wrong"
    CODE_EXPIRED = "code_expired"
    CODES_USED_UP = "codes_used_up"
    GUARDIAN_NEEDED = "guardian_needed"
    ACTIVE_ALREADY = "active_already"


@dataclass(frozen=True, slots=True)
class Machine:
    """One kiosk, by the name of its account."""

    name: str

    @property
    def by(self) -> Actor:
        """Who acts."""
        return Actor("kiosk", self.name)

    @property
    def place(self) -> str:
        """As acts name it."""
        return f"kiosk:{self.name}"[:40]


@dataclass(frozen=True, slots=True)
class SentCode:
    """What is kept of a code that was sent: a keyed digest, and until when it is good."""

    digest: str
    good_until: datetime
    phone: str


def new_challenge() -> bytes:
    """What a chip is to sign next."""
    return secrets.token_bytes(CHALLENGE_LENGTH)


def proof_commands(challenge: bytes) -> list[Command]:
    """What the card in the reader is asked; its last answer is the signature."""
    return [
        Command(0x00, 0xA4, 0x04, 0x0C, identity.AID),
        Command(0x00, 0x88, 0x00, identity.CARD_PROOF, challenge),
    ]


def card_proved(identification_code: str, challenge: bytes, signature: bytes) -> Card:
    """The card whose chip signed the challenge, by the certificate it was made with. Raises ``Refused``."""
    entry = CardDirectory.objects.filter(key=f"code:{identification_code}").first()
    card = Card.objects.filter(card_id=entry.card_id).first() if entry else None
    if card is None or card.certificate_der is None or _is_revoked(card):
        raise Refused(KioskReason.CHIP_NOT_PROVEN, "这张卡没有证明自己是本市的社会保障卡，请改用卡号")
    key = x509.public_key_of(x509.parse(bytes(card.certificate_der)))
    if not key.verify(identity.signed_message(identity.CARD_PROOF, challenge), signature):
        raise Refused(KioskReason.CHIP_NOT_PROVEN, "这张卡没有证明自己是本市的社会保障卡，请改用卡号")
    return card


def _is_revoked(card: Card) -> bool:
    return RevokedCertificate.objects.filter(serial_hex=card.certificate_serial_hex).exists()


def check_holder(card_number: str, last_four: str, machine: Machine, *, at: datetime) -> Card:
    """The card, when the identity number of its holder ends so and it may be activated here. Raises ``Refused``.

    ``card_number`` as typed or as the proved chip has it. Before the ending fits, nothing of the card is told.
    """
    _check_tries(card_number, machine, at)
    card = card_by_number(card_number)
    person = Person.objects.filter(person_id=card.person_id).first() if card else None
    wanted, number = last_four.strip().upper(), clear_view(person).identity_number if person else ""
    is_right = len(wanted) == 4 and hmac.compare_digest(number[-4:].encode(), wanted.encode())
    if card is None or person is None or card.generation != THIRD_GENERATION or not is_right:
        _count_wrong(card_number, machine, at)
        raise Refused(KioskReason.NOT_THE_HOLDER, "卡号与证件号码后四位不符，请核对后重新输入")
    if age_years(person.birth_date, beijing_day(at)) < ADULT_AGE_YEARS:
        raise Refused(KioskReason.GUARDIAN_NEEDED, "未成年人的卡由监护人在手机上或在银行网点启用")
    if not check_activation(snapshot(card), at):
        raise Refused(KioskReason.ACTIVE_ALREADY, "此卡的社会保障功能已经启用，无需再办")
    return card


def send_code(card: Card, machine: Machine, *, at: datetime) -> SentCode:
    """Send a code to the phone in the register. Raises ``Refused`` (``NO_PHONE``, ``CODES_USED_UP``)."""
    view = clear_view(Person.objects.get(person_id=card.person_id))
    if not view.phone:
        raise Refused(KioskReason.NO_PHONE, "登记信息中没有手机号码，请带证件到银行网点启用")
    if not limits.count(limits.CODES_FOR_CARD, card.card_number, at=at):
        raise Refused(KioskReason.CODES_USED_UP, "今天发给此卡的验证码已达上限，请明天再来，或带证件到银行网点启用")
    code = f"{secrets.randbelow(10**6):06d}"
    messages.send(view.phone, CODE_TEXT.format(code=code))
    subject = f"card:{card.card_id}"
    record("kiosk.code_sent", subject=subject, by=machine.by, at=at, person_id=card.person_id)
    return SentCode(_digest(card.card_id, code), at + CODE_LIFE, view.phone)


def check_code(card: Card, typed: str, sent: SentCode, machine: Machine, *, at: datetime) -> None:
    """Raises ``Refused`` (``CODE_WRONG``, ``CODE_EXPIRED``, ``TRIED_TOO_OFTEN``)."""
    _check_tries(card.card_number, machine, at)
    if at > sent.good_until:
        raise Refused(KioskReason.CODE_EXPIRED, "验证码已过期，请重新获取")
    if not hmac.compare_digest(_digest(card.card_id, typed.strip()), sent.digest):
        _count_wrong(card.card_number, machine, at)
        raise Refused(KioskReason.CODE_WRONG, "验证码不对，请对照短信重新输入")


def activate(card_id: int, machine: Machine, *, act_id: UUID, is_chip_proved: bool, at: datetime) -> DeskAct:
    """Switch the social function on, and the older card's off; who was checked must have been. Raises ``Refused``.

    ``act_id``: of this visit; the same again is the same act.
    """
    with transaction.atomic():
        known = DeskAct.objects.filter(place=machine.place, act_id=act_id).first()
        if known is not None:
            return known
        person_id = Card.objects.values_list("person_id", flat=True).get(card_id=card_id)
        activation = activate_social_function(card_id, by=machine.by, at=at, acting_person_id=person_id)
        if activation.was_repeated:
            raise Refused(KioskReason.ACTIVE_ALREADY, "此卡的社会保障功能已经启用，无需再办")
        proofs = [*(["chip"] if is_chip_proved else ["number"]), "last_four", "phone"]
        act = DeskAct.objects.create(
            place=machine.place,
            act_id=act_id,
            day=beijing_day(at),
            at=at,
            by=str(machine.by),
            act=ACT,
            person_id=person_id,
            card_id=card_id,
            details={"proofs": proofs, "ended_card_id": activation.ended_card_id},
        )
    limits.forget(limits.WRONG_PROOFS_OF_CARD, Card.objects.values_list("card_number", flat=True).get(card_id=card_id))
    return act


def ends_with(card: Card) -> Card | None:
    """The older card that ends when this one is activated."""
    older = Card.objects.filter(person_id=card.person_id, social_state="active").exclude(card_id=card.card_id)
    return older.first()


def _check_tries(card_number: str, machine: Machine, at: datetime) -> None:
    whom = card_number.strip().upper()[:20]
    if limits.is_used_up(limits.WRONG_PROOFS_OF_CARD, whom, at=at):
        raise Refused(KioskReason.TRIED_TOO_OFTEN, "此卡今天在自助机上输错的次数过多，请带证件到银行网点启用")
    if limits.is_used_up(limits.WRONG_PROOFS_AT_KIOSK, machine.name, at=at):
        raise Refused(KioskReason.TRIED_TOO_OFTEN, "这台自助机上输错的次数过多，请过一小时再试，或到银行网点办理")


def _count_wrong(card_number: str, machine: Machine, at: datetime) -> None:
    limits.count(limits.WRONG_PROOFS_OF_CARD, card_number.strip().upper()[:20], at=at)
    limits.count(limits.WRONG_PROOFS_AT_KIOSK, machine.name, at=at)


def _digest(card_id: int, code: str) -> str:
    return field_cipher().blind_index("kiosk_code", f"{card_id}:{code}").hex()
