"""What a metro journey costs, and which two taps make one.

Pure: no I/O, no clock, no framework. The tariff and the network come in as values, so that another city's metro needs
other data and not other code. It does not charge anybody: see ``transit.services`` and ``clearing``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from yikatong.city.tariffs import MetroTariff
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.money import round_half_up_fen


class TapKind(StrEnum):
    """Which way a gate was passed."""

    ENTRY = "entry"
    EXIT = "exit"


class Explanation(StrEnum):
    """Which rule set the fare; shown to the holder in words."""

    DISTANCE = "distance"
    MONTHLY_DISCOUNT = "monthly_discount"
    AIRPORT_LINE = "airport_line"
    OVERSTAY = "overstay"
    NO_EXIT = "no_exit"
    NO_ENTRY = "no_entry"


@dataclass(frozen=True, slots=True, order=True)
class GateTap:
    """An accepted tap at a gate. Ordered by time, then terminal and sequence, so that every run sees one order."""

    at: datetime
    terminal_id: str
    sequence: int
    kind: TapKind
    station: str


@dataclass(frozen=True, slots=True)
class Ride:
    """Two taps that belong together, or one whose other half is missing."""

    entry: GateTap | None
    exit: GateTap | None

    @property
    def charged_at(self) -> datetime:
        """When the fare falls due: at the exit, or at the entry of a ride that was never ended."""
        tap = self.exit or self.entry
        if tap is None:
            raise ValueError("a ride needs at least one tap")
        return tap.at


@dataclass(frozen=True, slots=True)
class Pairing:
    """Rides that are complete for good, and the taps that still wait for their other half."""

    rides: tuple[Ride, ...]
    waiting: tuple[GateTap, ...]


@dataclass(frozen=True, slots=True)
class Fare:
    """What one ride costs: before and after the monthly discount, in fen, with the rule that decided."""

    full_fen: int
    fare_fen: int
    explanation: Explanation
    distance_m: int | None


def pair_taps(taps: Iterable[GateTap], *, until: datetime, stay_max: timedelta) -> Pairing:
    """Pair one card's taps in time order; nothing at or after ``until`` is looked at.

    An entry is ended by the next exit within ``stay_max``. A second entry, or an exit after ``stay_max``, leaves the first
    entry without exit. An entry younger than ``stay_max`` at ``until`` still waits.
    Source: stay limit, docs/algorithms/metro-fare.md, step 1.
    """
    rides: list[Ride] = []
    open_entry: GateTap | None = None
    later: list[GateTap] = []
    for tap in sorted(taps):
        if tap.at >= until:
            later.append(tap)
        elif tap.kind is TapKind.ENTRY:
            if open_entry is not None:
                rides.append(Ride(open_entry, None))
            open_entry = tap
        else:
            rides.append(Ride(open_entry, tap))
            open_entry = None
    if open_entry is not None and open_entry.at + stay_max <= until:
        rides.append(Ride(open_entry, None))
        open_entry = None
    waiting = ([open_entry] if open_entry is not None else []) + later
    return Pairing(tuple(rides), tuple(waiting))
