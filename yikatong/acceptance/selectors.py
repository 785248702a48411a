"""Reading what terminals reported: where an electronic card was shown."""

from dataclasses import dataclass
from datetime import datetime

from yikatong.acceptance.models import CodeUse, Terminal
from yikatong.ecard.models import Device

USES_SHOWN_MAX = 50


@dataclass(frozen=True, slots=True)
class CodeShown:
    """One accepted showing of a code. ``scenario`` as of the venue's operator; ``device`` is the phone's label."""

    at: datetime
    venue: str
    scenario: str
    terminal_id: str
    device: str


def shown_codes(card_id: int, *, limit: int = USES_SHOWN_MAX) -> list[CodeShown]:
    """Where a card's codes were accepted, newest first.

    A terminal that decides without network is known only once it has uploaded its taps.
    """
    uses = list(CodeUse.objects.filter(card_id=card_id).order_by("-at")[:limit])
    terminals = Terminal.objects.select_related("venue__operator").in_bulk({use.terminal_id for use in uses})
    labels = {bytes(device.serial): device.label for device in Device.objects.filter(card_id=card_id)}
    return [
        CodeShown(
            use.at,
            terminals[use.terminal_id].venue.name,
            terminals[use.terminal_id].venue.operator.scenario,
            use.terminal_id,
            labels.get(bytes(use.device_serial), ""),
        )
        for use in uses
        if use.terminal_id in terminals
    ]
