"""Complaints of conduct: taken in once, sealed, handled step by step, limited in number, and nothing of it in the audit."""

import dataclasses
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.cast import NOON, make_bank
from tests.supervision.makers import make_districts
from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent
from yikatong.foundation.errors import Refused
from yikatong.supervision.complaints import (
    FROM_ONE_ADDRESS_MAX,
    NEXT_STATES,
    Reason,
    ReportConduct,
    advance,
    find_by_receipt,
    read_complaint,
    report_conduct,
)
from yikatong.supervision.models import Complaint, ComplaintState, ComplaintStep
from yikatong.supervision.selectors import Filters, report_of

STAFF = Actor("staff", "centre")
TODAY = date(2026, 11, 2)
TEXT = "有人在小区门口摆摊，说只有他们行能办新卡"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _city(db: None) -> None:
    make_bank("ABC")
    make_bank("ICBC")
    make_districts()


def command(**changes: Any) -> ReportConduct:
    fields: dict[str, Any] = {
        "complaint_id": uuid4(),
        "kind": "stall",
        "bank_code": "ABC",
        "district_code": "110105",
        "place": "某小区北门",
        "happened_on": TODAY,
        "text": TEXT,
        "address": "203.0.113.7",
    }
    return ReportConduct(**(fields | changes))


def refusal(act: Any, *args: Any, **kwargs: Any) -> Reason:
    with pytest.raises(Refused) as refused:
        act(*args, **kwargs)
    reason = refused.value.reason
    assert isinstance(reason, Reason)
    return reason


def test_a_complaint_is_taken_in_once() -> None:
    sent = command()
    first = report_conduct(sent, at=NOON)
    again = report_conduct(dataclasses.replace(sent, text="改了几个字再发一次"), at=NOON + timedelta(minutes=1))
    assert again.receipt_number == first.receipt_number
    assert Complaint.objects.count() == ComplaintStep.objects.count() == 1
    read = read_complaint(sent.complaint_id, by=STAFF, at=NOON)
    assert read is not None
    assert (read.text, read.place, read.complaint.state) == (TEXT, "某小区北门", ComplaintState.RECEIVED)
    assert read.complaint.reporter_person_id is None


def test_what_was_written_lies_in_no_table_and_no_audit_in_clear() -> None:
    found = report_conduct(command(), at=NOON)
    advance(found.complaint_id, "checking", "已请朝阳区中心到现场", by=STAFF, at=NOON)
    found.refresh_from_db()
    kept = b"".join(bytes(value) for value in (found.text_sealed, found.place_sealed, found.origin_index))
    kept += b"".join(bytes(step.note_sealed) for step in found.steps.all())
    told = "".join(f"{event.action}{event.subject}{event.details}" for event in AuditEvent.objects.all())
    for secret in (TEXT, "某小区北门", "203.0.113.7", "到现场"):
        assert secret.encode() not in kept
        assert secret not in told
    actions = list(AuditEvent.objects.order_by("event_id").values_list("action", flat=True))
    assert actions == ["complaint.received", "complaint.checking"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "praise"}, Reason.KIND_UNKNOWN),
        ({"bank_code": "NONE"}, Reason.BANK_UNKNOWN),
        ({"district_code": "310101"}, Reason.DISTRICT_UNKNOWN),
        ({"happened_on": TODAY + timedelta(days=1)}, Reason.DAY_WRONG),
        ({"happened_on": TODAY - timedelta(days=367)}, Reason.DAY_WRONG),
        ({"place": "门" * 121}, Reason.PLACE_TOO_LONG),
        ({"text": "  摆摊 "}, Reason.TEXT_MISSING),
        ({"text": "摊" * 1001}, Reason.TEXT_TOO_LONG),
    ],
)
def test_what_is_wrong_is_told_and_nothing_kept(changes: dict[str, Any], reason: Reason) -> None:
    assert refusal(report_conduct, command(**changes), at=NOON) is reason
    assert not Complaint.objects.exists()


def test_bank_district_and_place_may_be_unknown() -> None:
    found = report_conduct(command(bank_code="", district_code="", place=""), at=NOON)
    assert (found.bank_code, found.district_code) == ("", "")


def test_an_address_may_send_so_many_a_day() -> None:
    for _ in range(FROM_ONE_ADDRESS_MAX):
        report_conduct(command(), at=NOON)
    assert refusal(report_conduct, command(), at=NOON) is Reason.TOO_MANY
    report_conduct(command(address="203.0.113.8"), at=NOON)
    late, next_day = datetime(2026, 11, 2, 15, 59, tzinfo=UTC), datetime(2026, 11, 2, 16, 0, tzinfo=UTC)
    assert refusal(report_conduct, command(), at=late) is Reason.TOO_MANY
    report_conduct(command(), at=next_day)


def test_an_address_leaves_another_mark_every_day() -> None:
    marks = {bytes(report_conduct(command(), at=NOON + timedelta(days=ahead)).origin_index) for ahead in range(3)}
    assert len(marks) == 3


@pytest.mark.parametrize("typed", ["{}", " {} ", "{lower}", "{spaced}"])
def test_a_receipt_is_found_however_it_is_typed(typed: str) -> None:
    found = report_conduct(command(), at=NOON)
    number = found.receipt_number
    assert not set(number) & set("01ILO")
    asked = typed.format(number, lower=number.lower(), spaced=f"{number[:5]}-{number[5:]}")
    assert find_by_receipt(asked) == found


@pytest.mark.parametrize("typed", ["", "   ", "ABCDEFGHJK", "%"])
def test_other_numbers_find_nothing(typed: str) -> None:
    report_conduct(command(), at=NOON)
    assert find_by_receipt(typed) is None


# --- handling ---


@pytest.mark.parametrize(
    "path",
    [
        ("checking", "founded", "closed"),
        ("checking", "unfounded", "closed"),
        ("checking", "founded", "checking", "unfounded", "closed"),
    ],
)
def test_steps_that_may_be_taken(path: tuple[str, ...]) -> None:
    found = report_conduct(command(), at=NOON)
    for number, state in enumerate(path, start=1):
        advance(found.complaint_id, state, f"第 {number} 步：已处理", by=STAFF, at=NOON + timedelta(hours=number))
    read = read_complaint(found.complaint_id, by=STAFF, at=NOON)
    assert read is not None
    assert [step.state for step in read.steps] == ["received", *path]
    assert read.steps[1].note == "第 1 步：已处理"
    assert read.steps[1].by == "staff:centre"
    assert read.complaint.is_founded is (path[-2] == "founded")


ALL_STEPS = [(before, after) for before in ComplaintState.values for after in ComplaintState.values if before != after]


@pytest.mark.parametrize(("before", "after"), [pair for pair in ALL_STEPS if pair[1] not in NEXT_STATES[pair[0]]])
def test_steps_that_may_not(before: str, after: str) -> None:
    found = report_conduct(command(), at=NOON)
    Complaint.objects.update(state=before)
    assert refusal(advance, found.complaint_id, after, "已处理完毕", by=STAFF, at=NOON) is Reason.STATE_FORBIDS
    assert ComplaintStep.objects.count() == 1


def test_every_state_can_be_reached_and_ends() -> None:
    reached = {state for states in NEXT_STATES.values() for state in states} | {ComplaintState.RECEIVED}
    assert reached == set(ComplaintState.values) == set(NEXT_STATES)
    assert [state for state, after in NEXT_STATES.items() if not after] == [ComplaintState.CLOSED]
    assert all(
        after in NEXT_STATES[before] for before, after in pairwise(["received", "checking", "founded", "closed"])
    )


def test_a_step_twice_is_taken_once() -> None:
    found = report_conduct(command(), at=NOON)
    for _ in range(2):
        advance(found.complaint_id, "checking", "正在核实中", by=STAFF, at=NOON)
    assert ComplaintStep.objects.filter(state="checking").count() == 1


@pytest.mark.parametrize(("note", "reason"), [(" 好 ", Reason.NOTE_MISSING), ("长" * 501, Reason.NOTE_TOO_LONG)])
def test_a_step_needs_a_note(note: str, reason: Reason) -> None:
    found = report_conduct(command(), at=NOON)
    assert refusal(advance, found.complaint_id, "checking", note, by=STAFF, at=NOON) is reason


def test_an_unknown_complaint() -> None:
    assert refusal(advance, UUID(int=1), "checking", "正在核实中", by=STAFF, at=NOON) is Reason.COMPLAINT_UNKNOWN
    assert read_complaint(UUID(int=1), by=STAFF, at=NOON) is None


def test_complaints_are_counted_by_bank_district_and_day_of_report() -> None:
    founded = report_conduct(command(), at=NOON)
    report_conduct(command(bank_code="ICBC", district_code=""), at=NOON)
    report_conduct(command(bank_code=""), at=NOON)
    report_conduct(command(), at=NOON + timedelta(days=1))
    for state in ("checking", "founded", "closed"):
        advance(founded.complaint_id, state, "已处理完毕", by=STAFF, at=NOON + timedelta(days=9))

    def counted(**part: str) -> dict[str, tuple[int, int]]:
        banks = report_of(Filters(TODAY, TODAY, **part)).banks
        return {bank.code: (bank.complaints, bank.complaints_founded) for bank in banks}

    assert counted() == {"ABC": (1, 1), "ICBC": (1, 0)}
    assert counted(district_code="110105") == {"ABC": (1, 1), "ICBC": (0, 0)}
