"""Counting an outlet's stock against the books: blanks for making cards, and finished cards that wait for their holders.

A count that differs needs a reason and a second clerk of the same outlet. A difference of blanks that a second person confirmed
corrects the books; one of finished cards does not: each missing card is somebody's, and is asked for again by its own case.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Sum

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Outlet
from yikatong.desks.finding import Desk
from yikatong.desks.models import CountState, DeskAct, StockCount, StockKind
from yikatong.desks.rules import DeskReason
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.issuance.models import Card, CardState, JobCard, JobCardState
from yikatong.issuance.stock import Stock, stock_at

COUNTED_MAX = 100_000
REASON_LENGTH_MIN, REASON_LENGTH_MAX = 4, 200


@dataclass(frozen=True, slots=True)
class BlanksBook:
    """What the books say of an outlet's blanks. ``corrected``: by confirmed counts, pieces, may be negative."""

    stock: Stock
    corrected: int

    @property
    def left(self) -> int:
        """How many should lie there."""
        return self.stock.left + self.corrected


class CountDiffers(Refused[DeskReason]):
    """The count is not what the books say, and no reason was given. ``expected``: pieces."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        super().__init__(DeskReason.REASON_MISSING, f"清点数与账面（{expected}）不符，请写明原因")


def blanks_at(outlet_id: str) -> BlanksBook:
    """The books of an outlet's blanks now."""
    confirmed = StockCount.objects.filter(outlet_id=outlet_id, kind=StockKind.BLANKS, state=CountState.CONFIRMED)
    corrected = confirmed.aggregate(sum=Sum(F("counted") - F("expected")))["sum"] or 0
    return BlanksBook(stock_at(outlet_id), int(corrected))


def cards_waiting_at(outlet_id: str) -> int:
    """How many finished cards should lie at an outlet."""
    return Card.objects.filter(outlet_id=outlet_id, state=CardState.READY).count()


def take_count(desk: Desk, kind: str, counted: int, reason: str, *, count_id: UUID, at: datetime) -> StockCount:
    """Enter what was counted. ``count_id``: made by the page; the same again is the same count.

    Raises ``Refused`` (``COUNT_WRONG``), ``CountDiffers``. A count that differs waits for a second person.
    """
    if kind not in StockKind.values or not 0 <= counted <= COUNTED_MAX:
        raise Refused(DeskReason.COUNT_WRONG, f"请输入清点到的张数（0 至 {COUNTED_MAX}）")
    outlet_id = desk.outlet.outlet_id
    with transaction.atomic():
        Outlet.objects.select_for_update(no_key=True).get(outlet_id=outlet_id)  # one count after another
        known = StockCount.objects.filter(outlet_id=outlet_id, count_id=count_id).first()
        if known is not None:
            return known
        expected = blanks_at(outlet_id).left if kind == StockKind.BLANKS else cards_waiting_at(outlet_id)
        is_agreed = counted == expected
        if not is_agreed and len(reason.strip()) < REASON_LENGTH_MIN:
            raise CountDiffers(expected)
        count = StockCount.objects.create(
            outlet_id=outlet_id,
            count_id=count_id,
            kind=kind,
            expected=expected,
            counted=counted,
            reason="" if is_agreed else reason.strip()[:REASON_LENGTH_MAX],
            counted_at=at,
            counted_by=desk.by.name,
            state=CountState.AGREED if is_agreed else CountState.WAITING,
        )
        _write("stock.counted", "count", count, desk, count_id, at)
        return count


def decide_count(desk: Desk, count_id: UUID, *, agrees: bool, at: datetime) -> StockCount:
    """A second clerk of the outlet, signed in by themselves, confirms a difference or does not. The same again changes nothing.

    Raises ``Refused`` (``COUNT_UNKNOWN``, ``SECOND_PERSON_WRONG``, ``COUNT_DECIDED``).
    """
    with transaction.atomic():
        mine = StockCount.objects.select_for_update().filter(outlet_id=desk.outlet.outlet_id, count_id=count_id)
        count = mine.first()
        if count is None:
            raise Refused(DeskReason.COUNT_UNKNOWN, "没有这次盘点")
        if count.counted_by == desk.by.name:
            raise Refused(DeskReason.SECOND_PERSON_WRONG, "差异要由另一位柜员复核，清点人不能复核自己的盘点")
        wanted = CountState.CONFIRMED if agrees else CountState.REJECTED
        if count.state == wanted and count.decided_by == desk.by.name:
            return count
        if count.state != CountState.WAITING:
            raise Refused(DeskReason.COUNT_DECIDED, "这次盘点已经有人复核过")
        count.state, count.decided_at, count.decided_by = wanted, at, desk.by.name
        mine.update(state=wanted, decided_at=at, decided_by=desk.by.name)
        act_id = UUID(int=count_id.int ^ 1)  # beside the count's own act
        _write("stock.count_decided", "count_decided", count, desk, act_id, at)
        return count


def counts_of(outlet_id: str, *, before: UUID | None = None, state: str = "", limit: int) -> list[StockCount]:
    """The outlet's counts, newest first, a page at a time."""
    found = StockCount.objects.filter(outlet_id=outlet_id)
    if state:
        found = found.filter(state=state)
    if before is not None:
        found = found.filter(count_id__lt=before)
    return list(found.order_by("-count_id")[:limit])


def spoiled_at(outlet_id: str, *, limit: int) -> list[JobCard]:
    """The blanks that were written off at this counter, newest first."""
    spoiled = JobCard.objects.filter(job__outlet_id=outlet_id, state=JobCardState.SPOILED)
    return list(spoiled.order_by("-state_at")[:limit])


def _write(action: str, act: str, count: StockCount, desk: Desk, act_id: UUID, at: datetime) -> None:
    facts: dict[str, Any] = {
        "kind": str(count.kind),
        "expected": count.expected,
        "counted": count.counted,
        "state": str(count.state),
    }
    by: Actor = desk.by
    record(action, subject=f"outlet:{count.outlet_id}", by=by, at=at, count=str(count.count_id), **facts)
    DeskAct.objects.create(
        place=desk.place, act_id=act_id, day=beijing_day(at), at=at, by=str(by), act=act, details=facts
    )
