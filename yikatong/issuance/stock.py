"""Blank cards at a bank's bureau: how many were delivered, became cards, were spoiled, and are left.

Used and spoiled blanks are counted from what became of each record, so that the stock always agrees with the receipts. A
stock below nothing means that a delivery was not entered, or that cards were made of blanks that are not ours: it is told,
never hidden and never a reason to refuse a receipt, for the cards exist.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Q, Sum

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Bank
from yikatong.foundation.errors import Refused
from yikatong.issuance.models import BlankDelivery, JobCard, JobCardState
from yikatong.issuance.rules import JobReason


@dataclass(frozen=True, slots=True)
class Stock:
    """Blanks of one bank. ``used`` became good cards."""

    bank_code: str
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
        return f"{self.bank_code} 的空白卡账面为负（{self.left} 张）：请核对是否有到货未登记"


def deliver_blanks(bank_code: str, blanks: int, *, delivery_note: str, by: Actor, at: datetime) -> Stock:
    """Enter a delivery of blank cards. The same delivery note again changes nothing.

    Raises ``Refused`` (``BANK_UNKNOWN``, ``DELIVERY_DIFFERS``: the note was entered with another number of blanks).
    """
    if blanks <= 0:
        raise ValueError(f"a delivery has blanks, not {blanks}")
    with transaction.atomic():
        if not Bank.objects.filter(code=bank_code).exists():
            raise Refused(JobReason.BANK_UNKNOWN, f"没有代码为 {bank_code} 的银行")
        entered, is_new = BlankDelivery.objects.get_or_create(
            bank_code=bank_code, delivery_note=delivery_note, defaults={"blanks": blanks, "delivered_at": at}
        )
        if entered.blanks != blanks:
            raise Refused(
                JobReason.DELIVERY_DIFFERS,
                f"到货单 {delivery_note} 已登记为 {entered.blanks} 张，与本次 {blanks} 张不符",
            )
        if is_new:
            record("blanks.delivered", subject=f"bank:{bank_code}", by=by, at=at, note=delivery_note, blanks=blanks)
        return stock_of(bank_code)


def stock_of(bank_code: str) -> Stock:
    """The bank's blanks now."""
    delivered = BlankDelivery.objects.filter(bank_code=bank_code).aggregate(sum=Sum("blanks"))["sum"] or 0
    good = Q(state__in=[JobCardState.MADE, JobCardState.SHIPPED])
    counted = JobCard.objects.filter(job__bank_code=bank_code).aggregate(
        used=Count("sequence", filter=good), spoiled=Count("sequence", filter=Q(state=JobCardState.SPOILED))
    )
    return Stock(bank_code, delivered, counted["used"], counted["spoiled"])
