"""Half-days: when each is over, and how people are spread over those of a week.

Pure. Nobody is promised a place here: booking (``appointments``) decides, and this only proposes so that few are refused.
"""

from datetime import date, datetime, time
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from yikatong.campaign.persons import drawn
from yikatong.campaign.problem import Ints
from yikatong.foundation.clock import BEIJING

type Half = Literal["am", "pm"]

HALVES: tuple[Half, ...] = ("am", "pm")
HALF_ENDS: dict[str, time] = {"am": time(12), "pm": time(17)}
"""When a half-day is over, in Beijing. Source: assumption (bank outlets usually open from 9:00 to 17:00)."""
NO_HALF_DAY = -1


def ends_at(day: date, half: str) -> datetime:
    """The first moment at which a half-day is over."""
    return datetime.combine(day, HALF_ENDS[half], tzinfo=BEIJING)


def is_over(day: date, half: str, at: datetime) -> bool:
    """Whether a half-day is over at ``at`` (aware)."""
    return at >= ends_at(day, half)


def half_of(at: datetime) -> Half:
    """The half-day that a moment belongs to: from noon on, the afternoon."""
    return "am" if at.astimezone(BEIJING).time() < HALF_ENDS["am"] else "pm"


def shares(free: Ints, people: Ints) -> Ints:
    """How many go to each half-day. ``free``: outlets × half-days; ``people``: how many each outlet is to take.

    In proportion to what is free, by largest remainders (the earlier half-day among equals); never more than is free. Where
    more come than is free, all that is free is taken.
    """
    room = np.maximum(free, 0).astype(np.int64)
    total = room.sum(axis=1)
    wanted = np.clip(people, 0, total)
    exact = room * wanted[:, None]
    whole: Ints
    whole, rest = np.divmod(exact, np.maximum(total, 1)[:, None])
    missing = wanted - whole.sum(axis=1)
    rank = np.argsort(np.argsort(-rest, axis=1, kind="stable"), axis=1, kind="stable")
    whole += rank < missing[:, None]
    return whole


def spread(free: Ints, outlet: Ints, person: Ints, *, seed: int) -> NDArray[np.int64]:
    """Which half-day each person is proposed; ``NO_HALF_DAY`` for whom there is no room.

    ``free``: outlets × half-days; ``outlet``: each person's row in it; ``person``: numbers that name people for good. Who of an
    outlet comes first is drawn (``persons.drawn``), so that the order in which they are given plays no part.
    """
    taken = shares(free, np.bincount(outlet, minlength=len(free)))
    order = np.lexsort((person, drawn(person, seed), outlet))
    counts = np.bincount(outlet, minlength=len(free))
    starts = np.cumsum(counts) - counts
    place_in_outlet = np.arange(len(person)) - starts[outlet[order]]
    ends = np.cumsum(taken, axis=1)[outlet[order]]
    column = (place_in_outlet[:, None] >= ends).sum(axis=1)
    found = np.full(len(person), NO_HALF_DAY, np.int64)
    found[order] = np.where(column < free.shape[1], column, NO_HALF_DAY)
    return found
