"""The life of a card: what may be done with it when, and what its numbers look like.

Pure: no I/O, no clock, no framework.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from yikatong.foundation.checksums import card_number_check_digit
from yikatong.foundation.errors import Refused

THIRD_GENERATION = 3
IDENTIFICATION_PREFIX = bytes.fromhex("110000D156000005")
"""City code (Beijing, GB/T 2260) and registered application provider. Source: LD/T 32, EF05 record 1."""

_BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Reason(StrEnum):
    """Why a command on a card is refused, in the order of checking."""

    CARD_UNKNOWN = "card_unknown"
    NOT_THE_HOLDER = "not_the_holder"
    GUARDIAN_REQUIRED = "guardian_required"
    CARD_CANCELLED = "card_cancelled"
    CARD_REPORTED_LOST = "card_reported_lost"
    SOCIAL_FUNCTION_ENDED = "social_function_ended"
    CARD_NOT_READY = "card_not_ready"
    CARD_NOT_COLLECTED = "card_not_collected"
    ORDER_UNKNOWN = "order_unknown"
    OTHER_BANKS_CARD = "other_banks_card"
    NOT_PRE_REPORTED = "not_pre_reported"


@dataclass(frozen=True, slots=True)
class CardSnapshot:
    """What decides about one card at one moment."""

    card_id: int
    person_id: int
    generation: int
    state: str
    social_state: str
    is_financially_active: bool
    is_posted: bool
    pre_reported_lost_at: datetime | None
    pre_report_lapses_at: datetime | None
    reported_lost_at: datetime | None


def is_reported_lost(card: CardSnapshot, at: datetime) -> bool:
    """Formally reported, or pre-reported and not lapsed yet. A late lapse task changes nothing: the date decides."""
    if card.reported_lost_at is not None and card.reported_lost_at <= at:
        return True
    return (
        card.pre_reported_lost_at is not None
        and card.pre_report_lapses_at is not None
        and card.pre_reported_lost_at <= at < card.pre_report_lapses_at
    )


def check_activation(card: CardSnapshot, at: datetime) -> bool:
    """Whether the social function is to be switched on now; ``False`` when it is on already. Raises ``Refused``.

    A posted card counts as collected when its holder activates it. Source: 京人社数据字〔2024〕133号.
    """
    if card.state == "cancelled":
        raise Refused(Reason.CARD_CANCELLED, "此卡已注销，不能启用")
    if is_reported_lost(card, at):
        raise Refused(Reason.CARD_REPORTED_LOST, "此卡已挂失；如已找到，请先撤销预挂失")
    if card.social_state == "ended":
        raise Refused(Reason.SOCIAL_FUNCTION_ENDED, "此卡的社会保障功能已终止，不能再次启用")
    if card.social_state == "active":
        return False
    if card.state != "collected" and not (card.is_posted and card.state == "ready"):
        raise Refused(Reason.CARD_NOT_COLLECTED, "领卡后才能启用；请先到网点领卡")
    return True


def check_hand_over(card: CardSnapshot, at: datetime, *, is_minor: bool, guardian_present: bool) -> bool:
    """Whether the card is to be handed over now; ``False`` when it was already. Raises ``Refused``.

    A minor's card is handed only to the guardian. Source: product rules, collection.
    """
    if card.state == "cancelled":
        raise Refused(Reason.CARD_CANCELLED, "此卡已注销，不能发放")
    if is_reported_lost(card, at):
        raise Refused(Reason.CARD_REPORTED_LOST, "此卡已挂失，不能发放")
    if card.state == "collected":
        return False
    if card.state != "ready":
        raise Refused(Reason.CARD_NOT_READY, "此卡还没有到网点，不能发放")
    if is_minor and not guardian_present:
        raise Refused(Reason.GUARDIAN_REQUIRED, "未成年人的卡只能发给监护人，请核对监护人身份证件")
    return True


def check_loss_report(card: CardSnapshot) -> None:
    """A card that no longer lives cannot be lost. Raises ``Refused``."""
    if card.state == "cancelled":
        raise Refused(Reason.CARD_CANCELLED, "此卡已注销，无需挂失")


def card_number(district_code: str, serial: int) -> str:
    """District letter, seven characters of a serial number in base 36, check character.

    Source: LD/T 32 annex A (first a letter for the district, seven free, one check); base 36: assumption.
    """
    letter = chr(ord("A") + int(district_code[-2:]) % 26) if district_code else "Z"
    digits = ""
    for _ in range(7):
        serial, digit = divmod(serial, 36)
        digits = _BASE36[digit] + digits
    return letter + digits + card_number_check_digit(letter + digits)


def identification_body(serial: int) -> bytes:
    """The first twelve bytes of a card's 识别码; four bytes of authentication code follow. Source: LD/T 32, EF05."""
    return IDENTIFICATION_PREFIX + serial.to_bytes(4)
