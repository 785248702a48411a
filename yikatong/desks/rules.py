"""What is due for a card at a desk, what was typed or scanned there, and why a desk refuses.

Pure: no I/O, no clock, no framework.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from yikatong.issuance.rules import PROVIDER

CODE_PREFIX = "Y1."
ASKED_LENGTH_MAX = 300
"""Longer than any code (274). Source: docs/formats/e-card-code.md."""
_PROVIDER_HEX = PROVIDER.hex().upper()
_SPACES = re.compile(r"[\s\-–—]+")


class DeskReason(StrEnum):
    """Why a desk or kiosk refuses, before or beside what the domain's own services refuse."""

    DOCUMENT_DIFFERS = "document_differs"
    DOCUMENT_UNKNOWN = "document_unknown"
    GUARDIAN_MISSING = "guardian_missing"
    WITHDRAWN = "withdrawn"
    OTHER_BANK = "other_bank"
    AT_OTHER_OUTLET = "at_other_outlet"
    WITH_ITS_UNIT = "with_its_unit"
    DONE_ALREADY = "done_already"
    ACT_REUSED = "act_reused"
    CODE_REUSED = "code_reused"
    DEVICE_REVOKED = "device_revoked"
    TOO_MANY_LOOKUPS = "too_many_lookups"
    COUNT_WRONG = "count_wrong"
    COUNT_DECIDED = "count_decided"
    COUNT_UNKNOWN = "count_unknown"
    SECOND_PERSON_WRONG = "second_person_wrong"
    REASON_MISSING = "reason_missing"
    AMOUNT_WRONG = "amount_wrong"
    PURSE_WRONG = "purse_wrong"
    REFERENCE_MISSING = "reference_missing"
    CARD_NOT_USABLE = "card_not_usable"
    LOAD_DECIDED = "load_decided"


class Asked(StrEnum):
    """What was typed, scanned or read at the one input."""

    CODE = "code"
    IDENTIFICATION_CODE = "identification_code"
    NUMBER = "number"
    IDENTITY_NUMBER = "identity_number"
    PHONE = "phone"
    CARD_NUMBER = "card_number"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Question:
    """``value``: as the search takes it, empty for what could not be read."""

    asked: Asked
    value: str


_FORMS: tuple[tuple[Asked, re.Pattern[str]], ...] = (
    (Asked.IDENTIFICATION_CODE, re.compile(rf"([0-9A-F]{{6}}{_PROVIDER_HEX}[0-9A-F]{{16}})")),
    (Asked.IDENTITY_NUMBER, re.compile(r"([0-9]{17}[0-9X])")),
    (Asked.PHONE, re.compile(r"(?:\+?86)?(1[0-9]{10})")),
    (Asked.CARD_NUMBER, re.compile(r"([A-Z0-9]{9})")),
)


def read_question(text: str) -> Question:
    """What somebody typed or a scanner typed for them. Nothing is guessed: what fits no form is ``UNREADABLE``.

    A scanner keeps a code's letters as they are; people type spaces, hyphens and small letters.
    """
    text = text.strip()
    if text.startswith(CODE_PREFIX) and len(text) <= ASKED_LENGTH_MAX:
        return Question(Asked.CODE, text)
    number = _number_in(text)
    if number is not None:
        return Question(Asked.NUMBER, str(number))
    typed = _SPACES.sub("", text[: ASKED_LENGTH_MAX + 1]).upper()
    for asked, form in _FORMS:
        found = form.fullmatch(typed)
        if found:
            return Question(asked, found[1])
    return Question(Asked.UNREADABLE, "")


def _number_in(text: str) -> UUID | None:
    """A number with its hyphens, as receipts and labels print it."""
    if len(text) != 36 or text.count("-") != 4:
        return None
    try:
        return UUID(text)
    except ValueError:
        return None


class Due(StrEnum):
    """The one thing that is due for a card at this outlet now."""

    MAKE = "make"
    RECEIVE = "receive"
    POST = "post"
    HAND_OVER = "hand_over"
    ACTIVATE = "activate"
    REPLACE = "replace"
    FOUND_OR_LOST = "found_or_lost"
    ELSEWHERE = "elsewhere"
    UNIT = "unit"
    ON_ITS_WAY = "on_its_way"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class CardAtDesk:
    """What decides. ``collection``: as applied for, empty where that is unknown. ``is_walk_in``: applied for at a counter."""

    state: str
    social_state: str
    is_financially_active: bool
    is_pre_reported_lost: bool
    is_reported_lost: bool
    collection: str
    is_of_this_outlet: bool
    can_be_made_here: bool
    is_walk_in: bool = False


def due_for(card: CardAtDesk) -> Due:
    """What the clerk is to do with a card of this bank. Losses first: nothing else may be done before."""
    if card.is_reported_lost:
        return Due.REPLACE
    if card.is_pre_reported_lost:
        return Due.FOUND_OR_LOST
    if card.state == "cancelled" or card.social_state == "ended":
        return Due.NOTHING
    if card.state == "collected":
        return Due.NOTHING if card.is_financially_active else Due.ACTIVATE
    return _due_before_collection(card)


def _due_before_collection(card: CardAtDesk) -> Due:
    if card.collection == "post":
        return Due.POST if card.state == "made" else Due.ON_ITS_WAY
    if not card.is_of_this_outlet:
        return Due.UNIT if card.collection == "unit" else Due.ELSEWHERE
    if card.state == "ready":
        return Due.HAND_OVER
    return Due.MAKE if card.can_be_made_here and card.is_walk_in else Due.RECEIVE
