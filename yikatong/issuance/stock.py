"""Blank cards at a bank's bureau or an outlet: how many were delivered, became cards, were spoiled, and are left.

Used and spoiled blanks are counted from what became of each record, so that the stock always agrees with the receipts. A
stock below nothing means that a delivery was not entered, or that cards were made of blanks that are not ours: it is told,
never hidden and never a reason to refuse a receipt, for the cards exist.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Bank, Outlet
from yikatong.foundation.errors import Refused
from yikatong.issuance.models import BlankDelivery, JobCard, JobCardState
from yikatong.issuance.rules import JobReason


@dataclass(frozen=True, slots=True)
class Stock:
    """Blanks of one bank's bureau, or of one outlet. ``used`` became good cards."""

    holder: str
    delivered: int
    used: int
    spoiled: int

    @property
    def left(self) -> int:
        """What should lie in the bureau's safe; below nothing when more was used than was delivered."""
        return self.delivered - self.used - self.spoiled

    @property
    def warning(self) -> str:
        """What staff are to be told, empty when nothing is wrong."""
        if self.left >= 0:
            return ""
        return f"{self.holder} 的空白卡账面为负（{self.left} 张）：请核对是否有到货未登记"


def deliver_blanks(
    bank_code: str, blanks: int, *, delivery_note: str, by: Actor, at: datetime, outlet_id: str = ""
) -> Stock:
    """Enter a delivery of blank cards to the bank's bureau or to an outlet. The same note again changes nothing.

    Raises ``Refused`` (``BANK_UNKNOWN``: or no such outlet of it, ``DELIVERY_DIFFERS``: the note was entered otherwise).
    """
    if blanks <= 0:
        raise ValueError(f"a delivery has blanks, not {blanks}")
    with transaction.atomic():
        if not Bank.objects.filter(code=bank_code).exists():
            raise Refused(JobReason.BANK_UNKNOWN, f"没有代码为 {bank_code} 的银行")
        if outlet_id and not Outlet.objects.filter(outlet_id=outlet_id, bank_id=bank_code).exists():
            raise Refused(JobReason.BANK_UNKNOWN, f"{bank_code} 没有编号为 {outlet_id} 的网点")
        entered, is_new = BlankDelivery.objects.get_or_create(
            bank_code=bank_code,
            delivery_note=delivery_note,
            defaults={"blanks": blanks, "delivered_at": at, "outlet_id": outlet_id},
        )
        if (entered.blanks, entered.outlet_id) != (blanks, outlet_id):
            raise Refused(
                JobReason.DELIVERY_DIFFERS,
                f"到货单 {delivery_note} 已登记为 {entered.blanks} 张（{entered.outlet_id or '制卡方'}），与本次不符",
            )
        if is_new:
            subject = f"outlet:{outlet_id}" if outlet_id else f"bank:{bank_code}"
            record("blanks.delivered", subject=subject, by=by, at=at, note=delivery_note, blanks=blanks)
        return stock_at(outlet_id) if outlet_id else stock_of(bank_code)


def stock_of(bank_code: str) -> Stock:
    """The blanks of a bank's bureau now."""
    delivered = BlankDelivery.objects.filter(bank_code=bank_code, outlet_id="")
    return _stock(bank_code, delivered, JobCard.objects.filter(job__bank_code=bank_code, job__outlet_id=""))


def stock_at(outlet_id: str) -> Stock:
    """The blanks of an outlet's counter now."""
    delivered = BlankDelivery.objects.filter(outlet_id=outlet_id)
    return _stock(outlet_id, delivered, JobCard.objects.filter(job__outlet_id=outlet_id))


def _stock(holder: str, delivered: QuerySet[BlankDelivery], blanks: QuerySet[JobCard]) -> Stock:
    good = Q(state__in=[JobCardState.MADE, JobCardState.SHIPPED])
    counted = blanks.aggregate(
        used=Count("sequence", filter=good), spoiled=Count("sequence", filter=Q(state=JobCardState.SPOILED))
    )
    return Stock(holder, delivered.aggregate(sum=Sum("blanks"))["sum"] or 0, counted["used"], counted["spoiled"])
