"""Where a card was accepted outside the metro's gates, for its holder. Gate taps become rides: see ``scenarios.transit``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from yikatong.acceptance.models import Tap, TapOutcome, Terminal

USES_SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class PlaceUse:
    """One showing of a card that a venue accepted. ``scenario``: of the venue's operator."""

    at: datetime
    venue: str
    scenario: str


def place_uses(
    card_ids: Sequence[int], *, since: datetime, until: datetime, most: int = USES_SHOWN_MAX
) -> list[PlaceUse]:
    """From ``since`` to before ``until``, newest first; what a terminal has not uploaded yet is not known."""
    taps = list(
        Tap.objects.filter(
            card_id__in=card_ids, kind="identify", outcome=TapOutcome.ACCEPTED, at__gte=since, at__lt=until
        ).order_by("-at")[:most]
    )
    terminals = Terminal.objects.select_related("venue__operator").in_bulk({tap.terminal_id for tap in taps})
    return [
        PlaceUse(tap.at, found.venue.name, found.venue.operator.scenario)
        for tap in taps
        if (found := terminals.get(tap.terminal_id)) is not None
    ]
