"""What is late on the way to a card, by how much, and why; as a table."""

from datetime import UTC, date, datetime, timedelta

import pytest

from yikatong.city.rules import rules_at
from yikatong.issuance.lateness import Course, Obstacles, Stage, Why, track_steps

LIMITS = rules_at(date(2026, 11, 2)).limits
DAY_ZERO = datetime(2026, 11, 2, 4, tzinfo=UTC)
PROMISED = date(2026, 12, 2)


def day(number: int) -> datetime:
    return DAY_ZERO + timedelta(days=number)


def course(*, made: int | None = None, ready: int | None = None, **more: object) -> Course:
    """Applied for, approved and ordered on Monday 2 November 2026, promised by Wednesday 2 December."""
    fields: dict[str, object] = {
        "collection": "outlet",
        "submitted_at": DAY_ZERO,
        "promised_by": PROMISED,
        "is_over": False,
        "approved_at": DAY_ZERO,
        "ordered_at": DAY_ZERO,
        "made_at": day(made) if made is not None else None,
        "ready_at": day(ready) if ready is not None else None,
    }
    return Course(**(fields | more))  # type: ignore[arg-type]


NOTHING = Obstacles()


@pytest.mark.parametrize(
    ("stage", "what", "obstacles", "on", "days_late", "why"),
    [
        # making: until the promised day itself it is in time
        (Stage.MADE, course(), NOTHING, date(2026, 12, 2), 0, None),
        (Stage.MADE, course(), NOTHING, date(2026, 12, 3), 1, Why.LOOKED_INTO),
        (Stage.MADE, course(), Obstacles(orders_ahead=7), date(2026, 12, 3), 1, Why.IN_QUEUE),
        (Stage.MADE, course(made=30), NOTHING, date(2027, 1, 1), 0, None),
        (Stage.MADE, course(made=33), NOTHING, date(2027, 1, 1), 3, None),  # over; nothing left a trace
        (Stage.MADE, course(is_over=True), NOTHING, date(2027, 1, 1), 0, None),  # withdrawn: nobody waits
        # arriving: five working days after the promise, Wednesday 2 to Wednesday 9 December
        (Stage.ARRIVED, course(made=1), NOTHING, date(2026, 12, 9), 0, None),
        (Stage.ARRIVED, course(made=1), NOTHING, date(2026, 12, 10), 1, Why.LOOKED_INTO),
        (Stage.ARRIVED, course(made=1), Obstacles(is_held=True), date(2026, 12, 10), 1, Why.HELD),
        (Stage.ARRIVED, course(made=1), Obstacles(times_spoiled=1), date(2026, 12, 10), 1, Why.REMAKING),
        (Stage.ARRIVED, course(made=1), Obstacles(blanks_left=0), date(2026, 12, 10), 1, Why.NO_BLANKS),
        (Stage.ARRIVED, course(made=1), Obstacles(blanks_left=-2), date(2026, 12, 10), 1, Why.NO_BLANKS),
        (Stage.ARRIVED, course(made=1), Obstacles(blanks_left=1), date(2026, 12, 10), 1, Why.LOOKED_INTO),
        # a chip that is written waits for no blank; one that is sent off is on its way whatever else happened
        (
            Stage.ARRIVED,
            course(made=1),
            Obstacles(blanks_left=0, times_spoiled=1, is_written=True),
            date(2026, 12, 10),
            1,
            Why.LOOKED_INTO,
        ),
        (
            Stage.ARRIVED,
            course(made=1),
            Obstacles(times_spoiled=1, is_written=True, is_shipped=True),
            date(2026, 12, 10),
            1,
            Why.IN_TRANSIT,
        ),
        (Stage.ARRIVED, course(made=1, ready=40), Obstacles(times_spoiled=1), date(2027, 1, 1), 3, Why.REMAKING),
        (Stage.ARRIVED, course(made=1, ready=40), NOTHING, date(2027, 1, 1), 3, None),
        (Stage.ARRIVED, course(made=1, ready=37), NOTHING, date(2027, 1, 1), 0, None),
        # collecting: ninety days at the outlet are the holder's
        (Stage.COLLECTED, course(made=1, ready=5), NOTHING, date(2027, 2, 5), 0, None),
        (Stage.COLLECTED, course(made=1, ready=5), NOTHING, date(2027, 2, 6), 1, Why.NOT_COLLECTED),
        # activating has no day: the older card is good until then
        (Stage.ACTIVATED, course(made=1, ready=5, collected_at=day(6)), NOTHING, date(2028, 1, 1), 0, None),
    ],
)
def test_late(stage: Stage, what: Course, obstacles: Obstacles, on: date, days_late: int, why: Why | None) -> None:
    steps = {step.stage: step for step in track_steps(what, obstacles, limits=LIMITS, on=on)}
    assert (steps[stage].days_late, steps[stage].why) == (days_late, why)


def test_what_is_not_its_turn_yet_is_late_with_what_comes_before() -> None:
    """Neither made nor arrived long after both promises: both are late, and it is the making that is waited for."""
    steps = {step.stage: step for step in track_steps(course(), NOTHING, limits=LIMITS, on=date(2027, 1, 4))}
    assert (steps[Stage.MADE].state, steps[Stage.ARRIVED].state) == ("now", "next")
    assert steps[Stage.MADE].days_late == 33


@pytest.mark.parametrize(
    ("what", "states"),
    [
        (course(), "done done done now next next next"),
        (course(made=1), "done done done done now next next"),
        (course(made=1, ready=2), "done done done done done now next"),
        (course(made=1, ready=2, collected_at=day(3)), "done done done done done done now"),
        (course(made=1, ready=2, collected_at=day(3), activated_at=day(3)), "done done done done done done done"),
        (course(made=1, ready=2, collection="post"), "done done done done done now"),
        (course(is_over=True), "done done done next next next next"),
        (course(approved_at=None), "done done done now next next next"),  # told by the order that it was
    ],
)
def test_which_step_is_waited_for(what: Course, states: str) -> None:
    told = [step.state for step in track_steps(what, NOTHING, limits=LIMITS, on=date(2026, 11, 10))]
    assert " ".join(told) == states
