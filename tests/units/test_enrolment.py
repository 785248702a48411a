"""A unit decides for its banks: with evidence, without a default, in an order that anybody can check, and rarely anew."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from click.testing import CliRunner
from django.db import DatabaseError, transaction

from tests.at_once import at_once
from tests.cast import NOON, application_for, make_bank
from tests.units.makers import EMPLOYER, PDF, SCHOOL, UNIT, decision, enrolled, make_named, member
from yikatong.applications.services import submit
from yikatong.audit.models import AuditEvent
from yikatong.banks.cli import fairness
from yikatong.banks.models import UnitOrderDraw
from yikatong.banks.rules import faults_in_publication
from yikatong.banks.selectors import publication_of, verify_day
from yikatong.banks.services import reveal_seed
from yikatong.banks.unit_draws import draw_unit_order
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.registry.models import Organisation
from yikatong.units.enrolment import enrol, enrolments_of, in_force
from yikatong.units.models import Enrolment, RosterEntry, StoredFile, StoredPart
from yikatong.units.rules import EVIDENCE_BYTES_MAX, Choice
from yikatong.units.storage import PART_BYTES, Upload, content_of, store

DAY = timedelta(days=1)
TODAY = beijing_day(NOON)


def refusal(command: Callable[[], object]) -> str:
    files, versions = StoredFile.objects.count(), Enrolment.objects.count()
    with pytest.raises(Refused) as refused:
        command()
    assert (StoredFile.objects.count(), Enrolment.objects.count()) == (files, versions), "a refusal leaves nothing"
    return str(refused.value.reason)


def test_a_decision_is_kept_with_its_evidence(units: None) -> None:
    enrolment = enrolled()
    organisation = Organisation.objects.get(pk=EMPLOYER)
    assert set(organisation.bank_codes) == {"ICBC", "ABC"}
    assert (
        organisation.bank_codes
        == enrolment.bank_codes
        == [code for code in UnitOrderDraw.objects.get().bank_codes if code in {"ICBC", "ABC"}]
    ), "in the order drawn, not in that of the ticks"
    assert (organisation.collects_for_members, organisation.is_enrolled_as_whole) == (True, False)
    assert content_of(enrolment.evidence_id).read() == PDF
    assert all(PDF[:8] not in bytes(part.content_sealed) for part in StoredPart.objects.all())
    event = AuditEvent.objects.get(action="unit.enrolled")
    assert event.details["evidence_sm3"] == enrolment.evidence.sm3_hex
    assert event.actor == "unit:test"


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        (Choice((), False, False), "banks_missing"),
        (Choice(("ABC", "BOC", "CCB", "ICBC"), False, False), "banks_too_many"),
        (Choice(("ABC", "NONE"), False, False), "bank_unknown"),
        (Choice(("ABC",), True, False), "not_a_school"),
    ],
)
def test_choices_that_are_none(units: None, choice: Choice, reason: str) -> None:
    assert refusal(lambda: enrol(EMPLOYER, choice, decision(), by=UNIT, at=NOON)) == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"deciding_body": " "}, "body_missing"),
        ({"deciding_body": "长" * 61}, "body_missing"),
        ({"decided_on": None}, "decided_on_wrong"),
        ({"decided_on": TODAY + DAY}, "decided_on_wrong"),
        ({"decided_on": date(2024, 10, 29)}, "decided_on_wrong"),
        ({"reference_number": ""}, "reference_missing"),
        ({"document": b""}, "evidence_missing"),
        ({"document": PDF + b"\0" * EVIDENCE_BYTES_MAX}, "evidence_too_large"),
        ({"document": b"MZ\x90\0", "document_name": "x.pdf"}, "evidence_unreadable"),
        ({"document": b"%PDF-1.7 cut off"}, "evidence_unreadable"),
        ({"document": b"<html>%PDF-</html>"}, "evidence_unreadable"),
    ],
)
def test_a_decision_without_proof_is_none(units: None, changes: dict[str, object], reason: str) -> None:
    choice = Choice(("ABC",), False, False)
    assert refusal(lambda: enrol(EMPLOYER, choice, decision(**changes), by=UNIT, at=NOON)) == reason
    assert Organisation.objects.get(pk=EMPLOYER).bank_codes == []


@pytest.mark.parametrize("document", [PDF, b"\xff\xd8\xff\xe0 jpeg", b"\x89PNG\r\n\x1a\n png"])
def test_documents_are_known_by_content(units: None, document: bytes) -> None:
    found = enrol(EMPLOYER, Choice(("ABC",), False, False), decision(document=document), by=UNIT, at=NOON)
    assert found.evidence.media_type in {"application/pdf", "image/jpeg", "image/png"}


def test_a_school_enrols_as_a_whole(units: None) -> None:
    enrolled(SCHOOL, ("BOC",), whole=True)
    assert Organisation.objects.get(pk=SCHOOL).is_enrolled_as_whole


def test_one_change_in_thirty_days_and_the_history_stays(units: None) -> None:
    enrolled(banks=("ABC",))
    enrolled(banks=("BOC",), at=NOON + DAY)
    again = Choice(("CCB",), False, True)
    assert refusal(lambda: enrol(EMPLOYER, again, decision(), by=UNIT, at=NOON + 30 * DAY)) == "changed_recently"
    enrol(EMPLOYER, again, decision(), by=UNIT, at=NOON + 31 * DAY)
    assert [(version.version, version.bank_codes) for version in enrolments_of(EMPLOYER)] == [
        (3, ["CCB"]),
        (2, ["BOC"]),
        (1, ["ABC"]),
    ]
    assert refusal(lambda: enrol(EMPLOYER, again, decision(), by=UNIT, at=NOON + 99 * DAY)) == "nothing_changed"


@pytest.mark.parametrize("statement", [{"reference_number": "x"}, {"bank_codes": ["CCB"]}])
def test_history_cannot_be_rewritten(units: None, statement: dict[str, object]) -> None:
    enrolled()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Enrolment.objects.update(**statement)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Enrolment.objects.all().delete()


def test_a_bank_in_use_stays(units: None) -> None:
    enrolled(banks=("ABC", "BOC"))
    person = member(make_named(1))
    command = application_for(person, make_bank("ABC"), channel="unit", collection="unit", outlet_id="")
    submit(replace(command, acting_person_id=None, organisation_code=EMPLOYER), by=UNIT, at=NOON)
    at = NOON + DAY
    without = Choice(("BOC",), False, True)
    assert refusal(lambda: enrol(EMPLOYER, without, decision(), by=UNIT, at=at)) == "bank_in_use"
    stops = Choice(("ABC", "BOC"), False, False)
    assert refusal(lambda: enrol(EMPLOYER, stops, decision(), by=UNIT, at=at)) == "cards_to_collect"
    enrolled(banks=("ABC", "CCB"), at=at)
    now = in_force(EMPLOYER)
    assert now is not None
    assert (now.applications, now.to_collect) == ({"ABC": 1, "CCB": 0}, 1)


def test_wishes_for_a_bank_given_up_become_none(units: None) -> None:
    enrolled(banks=("ABC", "BOC"))
    for serial, bank in ((1, "ABC"), (2, "BOC")):
        RosterEntry.objects.create(
            person_id=serial,
            organisation_code=EMPLOYER,
            bank_code=bank,
            roster_id="00000000-0000-7000-8000-000000000000",
            tail_index=b"",
            name_index=b"",
            since=NOON,
        )
    enrolled(banks=("BOC", "CCB"), at=NOON + DAY)
    assert dict(RosterEntry.objects.values_list("person_id", "bank_code")) == {1: "", 2: "BOC"}


def test_an_unknown_unit(units: None) -> None:
    choice = Choice(("ABC",), False, False)
    assert refusal(lambda: enrol("9" * 18, choice, decision(), by=UNIT, at=NOON)) == "organisation_unknown"


def test_enrolling_many_times_at_once_is_enrolling_once(committed_units: None) -> None:
    def attempt() -> str:
        try:
            return str(enrolled(banks=("ABC",)).version)
        except Refused as refused:
            return str(refused.reason)

    assert sorted(at_once(4, attempt)) == ["1", "nothing_changed", "nothing_changed", "nothing_changed"]


# --- the order in which a unit sees the banks ---


def test_a_units_order_is_drawn_once_and_can_be_checked_by_anybody(units: None) -> None:
    first = draw_unit_order(EMPLOYER, day=TODAY, at=NOON)
    assert draw_unit_order(EMPLOYER, day=TODAY, at=NOON + timedelta(hours=1)) == first
    assert sorted(first) == ["ABC", "BOC", "CCB", "ICBC"]
    draw_unit_order(SCHOOL, day=TODAY, at=NOON)
    found = verify_day(TODAY)
    assert (found.holds, found.draws) == (True, 2)
    reveal_seed(TODAY, at=NOON + DAY)
    publication = publication_of(TODAY)
    assert len(publication["draws"]) == 2
    assert faults_in_publication(publication) == []
    assert EMPLOYER not in str(publication)
    with pytest.raises(Refused):
        draw_unit_order("9" * 18, day=TODAY, at=NOON + DAY)


def test_units_see_different_orders(units: None) -> None:
    orders = {draw_unit_order(f"{serial:018d}", day=TODAY, at=NOON) for serial in range(40)}
    assert len(orders) > 10
    assert len({order[0] for order in orders}) == 4, "every bank stands first for somebody"


@pytest.mark.parametrize("order", [["ICBC", "ABC", "BOC", "CCB"], ["ABC"]])
def test_one_tampered_order_of_a_unit_is_found(units: None, order: list[str]) -> None:
    drawn = draw_unit_order(EMPLOYER, day=TODAY, at=NOON)
    draw_unit_order(SCHOOL, day=TODAY, at=NOON)
    changed = order if tuple(order) != drawn else order[::-1]
    UnitOrderDraw.objects.filter(organisation_code=EMPLOYER).update(bank_codes=changed)
    found = verify_day(TODAY)
    assert (found.holds, found.wrong_units) == (False, (EMPLOYER,))
    told = CliRunner().invoke(fairness, ["verify", str(TODAY)])
    assert told.exit_code == 1
    assert "1 wrong of units" in told.output


# --- stored files ---


@pytest.mark.parametrize("size", [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 64 * PART_BYTES + 7])
def test_a_stored_file_comes_back_whole(units: None, size: int) -> None:
    content = (b"0123456789abcde\n" * (size // 16 + 1))[:size]
    stored = store(Upload(EMPLOYER, "roster", "x" * 300, "text/csv", content), at=NOON)
    assert content_of(stored.file_id).read() == content
    assert len(stored.name) == 120


def test_changing_needs_a_moment_with_a_zone(units: None) -> None:
    with pytest.raises(ValueError, match="aware"):
        enrolled(at=datetime(2026, 11, 2, 4, 0))  # noqa: DTZ001
