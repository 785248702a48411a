"""Who may collect a card: the one place where that is decided. Asked at the counter with a document in hand."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from yikatong.delegation.rules import Act
from yikatong.delegation.selectors import delegate_ids_of
from yikatong.desks.rules import DeskReason
from yikatong.foundation.errors import Refused
from yikatong.registry.models import Person
from yikatong.registry.selectors import find_person_by_identity_number, guardians_of


class Right(StrEnum):
    """By which right somebody acts for a card's holder."""

    HOLDER = "holder"
    GUARDIAN = "guardian"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Collector:
    """Who stands at the counter."""

    person_id: int
    right: Right


def collector_with(document: str, holder: Person, *, on: date, act: Act | None = None) -> Collector:
    """Whose document this is, and by which right they act for the holder. Raises ``Refused`` (``DOCUMENT_DIFFERS``).

    ``act``: whoever was given the right to it by the holder may do it as well. Whether a minor may collect for themselves
    (never) is for the card's own rules.
    """
    presented = find_person_by_identity_number(document) if document.strip() else None
    if presented is not None and presented.person_id == holder.person_id:
        return Collector(presented.person_id, Right.HOLDER)
    guardians = {guardian.person_id for guardian in guardians_of(holder.person_id, on)}
    if presented is not None and presented.person_id in guardians:
        return Collector(presented.person_id, Right.GUARDIAN)
    if presented is not None and act and presented.person_id in delegate_ids_of(holder.person_id, act, on):
        return Collector(presented.person_id, Right.AGENT)
    raise Refused(DeskReason.DOCUMENT_DIFFERS, "证件号码与持卡人或监护人不符，请核对证件")
