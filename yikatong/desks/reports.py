"""The day's report of a desk: what was done, by whom, one line each and counted. Nothing in it is money."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from yikatong.desks.models import DeskAct

CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which acts: of one place and day, of one clerk (as in the audit trail) or one act, or of all."""

    place: str
    day: date
    by: str = ""
    act: str = ""

    def acts(self) -> QuerySet[DeskAct]:
        """The acts, in no order."""
        found = DeskAct.objects.filter(place=self.place, day=self.day)
        if self.by:
            found = found.filter(by=self.by)
        return found.filter(act=self.act) if self.act else found


def totals(place: str, day: date) -> list[tuple[str, str, int]]:
    """Clerk, act and how often, of a whole day."""
    counted = DeskAct.objects.filter(place=place, day=day).values("by", "act").annotate(times=Count("act_id"))
    return [(row["by"], row["act"], row["times"]) for row in counted.order_by("by", "act")]


def page_of(chosen: Chosen, *, after: tuple[datetime, UUID] | None, limit: int) -> list[DeskAct]:
    """A page of acts in the order they were done, after one of them."""
    found = chosen.acts()
    if after is not None:
        at, act_id = after
        found = found.filter(Q(at__gt=at) | Q(at=at, act_id__gt=act_id))
    return list(found.order_by("at", "act_id")[:limit])


def all_of(chosen: Chosen) -> Iterator[DeskAct]:
    """All chosen acts, one after another, however many."""
    return chosen.acts().order_by("at", "act_id").iterator(chunk_size=CHUNK)
