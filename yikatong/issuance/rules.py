"""The life of a card: what may be done with it when, and what its numbers look like.

Pure: no I/O, no clock, no framework.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from yikatong.foundation.checksums import card_number_check_digit
from yikatong.foundation.errors import Refused

THIRD_GENERATION = 3
PROVIDER = bytes.fromhex("D156000005")
"""The registered application provider in every card's 识别码. Source: LD/T 32, EF05 record 1."""
DISTRICT_LETTERS = "JKLMNPQRSTUVWXYZ"
"""First letters of our card numbers, away from A to H of the older cards and without I and O. Source: assumption."""

_BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Reason(StrEnum):
    """Why a command on a card is refused, in the order of checking: loss before cancellation, so that people act on it."""

    CARD_UNKNOWN = "card_unknown"
    OTHER_BANKS_CARD = "other_banks_card"
    NOT_THE_HOLDER = "not_the_holder"
    GUARDIAN_REQUIRED = "guardian_required"
    CARD_REPORTED_LOST = "card_reported_lost"
    CARD_CANCELLED = "card_cancelled"
    SOCIAL_FUNCTION_ENDED = "social_function_ended"
    CARD_NOT_READY = "card_not_ready"
    CARD_NOT_COLLECTED = "card_not_collected"
    ORDER_UNKNOWN = "order_unknown"
    NOT_PRE_REPORTED = "not_pre_reported"
    CARD_NOT_ACTIVE = "card_not_active"


class JobReason(StrEnum):
    """Why a command on a bureau's job, its receipts or its blanks is refused; for staff, never a holder."""

    BANK_UNKNOWN = "bank_unknown"
    JOB_UNKNOWN = "job_unknown"
    PART_UNKNOWN = "part_unknown"
    PART_ANSWERED = "part_answered"
    NOT_IN_A_JOB = "not_in_a_job"
    NOT_WRITTEN_YET = "not_written_yet"
    CARD_SHIPPED = "card_shipped"
    REASON_MISSING = "reason_missing"
    DELIVERY_DIFFERS = "delivery_differs"
    RECEIPT_MALFORMED = "receipt_malformed"
    MADE_AT_COUNTER = "made_at_counter"
    MADE_BY_BUREAU = "made_by_bureau"
    MADE_ALREADY = "made_already"
    BLANK_WRONG = "blank_wrong"
    BLANK_DIFFERS = "blank_differs"
    CARD_NOT_PREPARED = "card_not_prepared"
    WRITING_NOT_BEGUN = "writing_not_begun"
    CHIP_NOT_PROVEN = "chip_not_proven"
    NO_INSTANT_ISSUE = "no_instant_issue"


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


def _check_alive(card: CardSnapshot, at: datetime) -> None:
    if card.reported_lost_at is not None and card.reported_lost_at <= at:
        raise Refused(Reason.CARD_REPORTED_LOST, "此卡已正式挂失；请申请补卡")
    if is_reported_lost(card, at):
        raise Refused(Reason.CARD_REPORTED_LOST, "此卡已挂失；如已找到，请先撤销预挂失")
    if card.state == "cancelled":
        raise Refused(Reason.CARD_CANCELLED, "此卡已注销")


def check_right_to_act(
    *,
    holder_person_id: int,
    acting_person_id: int | None,
    is_minor: bool,
    guardian_ids: frozenset[int],
    delegate_ids: frozenset[int] = frozenset(),
) -> None:
    """A holder acts for themselves, or whom they gave the right to this act; for a minor only a guardian does.

    Raises ``Refused``. ``acting_person_id`` is ``None`` when staff have the right person's document before them.
    """
    if acting_person_id is None or acting_person_id in guardian_ids:
        return
    if is_minor:
        raise Refused(Reason.GUARDIAN_REQUIRED, "未成年人的卡由监护人办理")
    if acting_person_id != holder_person_id and acting_person_id not in delegate_ids:
        raise Refused(Reason.NOT_THE_HOLDER, "这不是您的卡")


def check_arrival(card: CardSnapshot) -> bool:
    """Whether the card now becomes ready; ``False`` when it was already. Raises ``Refused``."""
    if card.state == "cancelled":
        raise Refused(Reason.CARD_CANCELLED, "此卡已注销，请退回制卡方销毁")
    return card.state == "made"


def check_activation(card: CardSnapshot, at: datetime) -> bool:
    """Whether the social function is to be switched on now; ``False`` when it is on already. Raises ``Refused``.

    A posted card counts as collected when its holder activates it (assumption).
    Source: 京人社数据字〔2024〕133号 (the older card is valid until the new one is activated).
    """
    _check_alive(card, at)
    if card.social_state == "ended":
        raise Refused(Reason.SOCIAL_FUNCTION_ENDED, "此卡的社会保障功能已终止，不能再次启用")
    if card.social_state == "active":
        return False
    if not is_in_holders_hands(card):
        raise Refused(Reason.CARD_NOT_COLLECTED, "领卡后才能启用；请先到网点领卡")
    return True


def is_in_holders_hands(card: CardSnapshot) -> bool:
    """Handed over, or on its way by post: from here on it can be activated, and it can be lost."""
    return card.state == "collected" or (card.is_posted and card.state == "ready")


def check_hand_over(card: CardSnapshot, at: datetime, *, is_minor: bool, guardian_present: bool) -> bool:
    """Whether the card is to be handed over now; ``False`` when it was already. Raises ``Refused``.

    A minor's card is handed only to the guardian. Source: 京人社数据字〔2024〕133号 (collection).
    """
    _check_alive(card, at)
    if card.state == "collected":
        return False
    if card.state != "ready":
        raise Refused(Reason.CARD_NOT_READY, "此卡还没有到网点，不能发放")
    if is_minor and not guardian_present:
        raise Refused(Reason.GUARDIAN_REQUIRED, "未成年人的卡只能发给监护人，请核对监护人身份证件")
    return True


def check_loss_report(card: CardSnapshot) -> None:
    """Only what its holder has, or was sent, can be lost. Raises ``Refused``."""
    if card.state == "cancelled":
        raise Refused(Reason.CARD_CANCELLED, "此卡已注销，无需挂失")
    if not is_in_holders_hands(card):
        raise Refused(Reason.CARD_NOT_COLLECTED, "此卡还没有领取，无需挂失")


def has_lapsed(card: CardSnapshot, at: datetime) -> bool:
    """Whether a pre-report stands on the card whose time is over, formal report or not."""
    return card.pre_report_lapses_at is not None and card.pre_report_lapses_at <= at and card.reported_lost_at is None


def expires_on(made_on: date, years: int) -> date:
    """The last day of a card's life: the day before its anniversary.

    Source: a published card face of version 3.00, 20211203 to 20311202; made on 29 February: assumption.
    """
    is_leap_day = (made_on.month, made_on.day) == (2, 29)
    anniversary = made_on.replace(year=made_on.year + years, day=28 if is_leap_day else made_on.day)
    return anniversary if is_leap_day else anniversary - timedelta(days=1)


def card_number(district_place: int, serial: int) -> str:
    """District letter, seven characters of a serial number in base 36, check character.

    ``district_place``: the district's place among the city's, from 0. ``serial``: 0 to 36^7 - 1, alone unique.
    Source: LD/T 32 annex A (first a letter for the district, seven free, one check); which letter, base 36: assumption.
    """
    if not 0 <= serial < 36**7:
        raise ValueError(f"card serial {serial} does not fit into seven characters of base 36")
    letter = DISTRICT_LETTERS[district_place % len(DISTRICT_LETTERS)]
    digits = ""
    for _ in range(7):
        serial, digit = divmod(serial, 36)
        digits = _BASE36[digit] + digits
    return letter + digits + card_number_check_digit(letter + digits)


def identification_body(city_code: str, serial: int) -> bytes:
    """The first twelve bytes of a card's 识别码: six-digit city code, provider, serial of 4 bytes.

    Four bytes of authentication code follow. Source: LD/T 32, EF05 record 1; city codes GB/T 2260.
    """
    return bytes.fromhex(city_code) + PROVIDER + serial.to_bytes(4)


def serial_of(identification_code: str) -> int:
    """The serial in a 识别码 (32 hex digits) that ``identification_body`` began."""
    return int(identification_code[16:24], 16)
