"""The way of one application to a card in use: what was promised for each step, what came of it, what is late and why.

Late is what passed the day promised when the application was made; a promise does not move because an earlier step was late. A
reason is given only where the facts prove it; else it is said to be looked into. Pure: no I/O, no clock, no framework.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from yikatong.city.rules import Limits
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.workdays import add_working_days


class Stage(StrEnum):
    """A step on the way. ``ARRIVED`` is at the outlet, with the unit, or given to the post."""

    APPLIED = "applied"
    APPROVED = "approved"
    IN_PRODUCTION = "in_production"
    MADE = "made"
    ARRIVED = "arrived"
    COLLECTED = "collected"
    ACTIVATED = "activated"


class Why(StrEnum):
    """Why a step is late."""

    IN_QUEUE = "in_queue"
    HELD = "held"
    REMAKING = "remaking"
    NO_BLANKS = "no_blanks"
    IN_TRANSIT = "in_transit"
    SENT_BACK = "sent_back"
    NOT_COLLECTED = "not_collected"
    LOOKED_INTO = "looked_into"


@dataclass(frozen=True, slots=True)
class Course:
    """What happened to one application and its card so far; moments aware, ``None`` for what did not happen."""

    collection: str
    submitted_at: datetime
    promised_by: date | None
    is_over: bool
    approved_at: datetime | None = None
    ordered_at: datetime | None = None
    made_at: datetime | None = None
    ready_at: datetime | None = None
    collected_at: datetime | None = None
    activated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Obstacles:
    """What is known to stand, or to have stood, in the way.

    ``orders_ahead``: of the same bank, ordered earlier, not made. ``blanks_left``: in its bureau, ``None`` where nothing is kept
    of them. ``is_written``: the chip is made; ``is_shipped``: the bureau has sent it off. ``times_spoiled``: blanks lost for it.
    """

    orders_ahead: int = 0
    is_held: bool = False
    times_spoiled: int = 0
    is_written: bool = False
    is_shipped: bool = False
    blanks_left: int | None = None
    was_sent_back: bool = False


@dataclass(frozen=True, slots=True)
class TrackStep:
    """One step as told. ``state``: ``done``, ``now`` (the one being waited for) or ``next``; ``days_late`` 0 when in time."""

    stage: Stage
    promised_on: date | None
    done_at: datetime | None
    state: str
    days_late: int
    why: Why | None


def track_steps(course: Course, obstacles: Obstacles, *, limits: Limits, on: date) -> tuple[TrackStep, ...]:
    """The steps of one application as of a day. A posted card has no step of collecting: its holder activates it at home.

    Source: the promise of making is the application's; arrival and how long a card is kept: rules/programme.toml.
    """
    done = {
        Stage.APPLIED: course.submitted_at,
        Stage.APPROVED: course.approved_at,
        Stage.IN_PRODUCTION: course.ordered_at,
        Stage.MADE: course.made_at,
        Stage.ARRIVED: course.ready_at,
        Stage.COLLECTED: course.collected_at,
        Stage.ACTIVATED: course.activated_at,
    }
    if course.collection == "post":
        del done[Stage.COLLECTED]
    promised = _promises(course, limits)
    reached = max(index for index, moment in enumerate(done.values()) if moment is not None)
    steps = []
    for index, (stage, moment) in enumerate(done.items()):
        state = "done" if index <= reached else "now" if index == reached + 1 and not course.is_over else "next"
        days_late = 0 if course.is_over and state != "done" else _days_late(promised.get(stage), moment, state, on)
        why = _why(stage, obstacles, is_done=state == "done") if days_late else None
        steps.append(TrackStep(stage, promised.get(stage), moment, state, days_late, why))
    return tuple(steps)


def _promises(course: Course, limits: Limits) -> dict[Stage, date]:
    promised = {}
    if course.promised_by is not None:
        promised[Stage.MADE] = course.promised_by
        promised[Stage.ARRIVED] = add_working_days(course.promised_by, limits.arrival_max_working_days)
    if course.ready_at is not None:
        promised[Stage.COLLECTED] = beijing_day(course.ready_at) + timedelta(days=limits.collect_within_natural_days)
    return promised


def _days_late(promised_on: date | None, moment: datetime | None, state: str, on: date) -> int:
    """How many days after the promise it was done, or is today. A step skipped by a later one was not late."""
    if promised_on is None or (state == "done" and moment is None):
        return 0
    return max((beijing_day(moment) if moment is not None else on).toordinal() - promised_on.toordinal(), 0)


def _why(stage: Stage, obstacles: Obstacles, *, is_done: bool) -> Why | None:
    """The first reason the facts prove. Of what is done, only what left a trace is told."""
    if stage is Stage.COLLECTED:
        return Why.NOT_COLLECTED
    if stage is Stage.MADE:
        return None if is_done else Why.IN_QUEUE if obstacles.orders_ahead > 0 else Why.LOOKED_INTO
    if is_done:
        return Why.REMAKING if obstacles.times_spoiled else Why.SENT_BACK if obstacles.was_sent_back else None
    return _why_not_here(obstacles)


def _why_not_here(obstacles: Obstacles) -> Why:
    is_short = obstacles.blanks_left is not None and obstacles.blanks_left <= 0
    proved = (
        (obstacles.is_shipped, Why.IN_TRANSIT),
        (obstacles.is_held, Why.HELD),
        (obstacles.times_spoiled > 0 and not obstacles.is_written, Why.REMAKING),
        (is_short and not obstacles.is_written, Why.NO_BLANKS),
        (obstacles.was_sent_back, Why.SENT_BACK),
    )
    return next((why for is_so, why in proved if is_so), Why.LOOKED_INTO)
