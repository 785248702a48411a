"""A unit's decision for its banks: recorded with its evidence, in versions that are never changed."""

from datetime import datetime

from django.db import transaction

from yikatong.applications.models import Application, ApplicationState
from yikatong.applications.rules import OPEN_STATES
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Bank
from yikatong.banks.unit_draws import draw_unit_order
from yikatong.city.rules import rules_at
from yikatong.foundation.clock import beijing_day
from yikatong.registry.unit_services import lock_organisation, record_unit_choice
from yikatong.units import rules
from yikatong.units.models import Enrolment, RosterEntry
from yikatong.units.rules import Choice, Decision, InForce
from yikatong.units.storage import Upload, store


def enrol(organisation_code: str, choice: Choice, decision: Decision, *, by: Actor, at: datetime) -> Enrolment:
    """Record what a unit decided, for the first time or anew. Raises ``Refused`` with a ``rules.Reason``.

    The banks are kept in the order drawn for the unit, so that the order in which boxes were ticked means nothing. Wishes on the
    roster for a bank that is given up become none.
    """
    today = beijing_day(at)
    names = dict(Bank.objects.filter(joined_on__lte=today).values_list("code", "name_zh"))
    with transaction.atomic():
        organisation = lock_organisation(organisation_code)
        picks_max = rules_at(today).limits.unit_bank_picks_max
        rules.check_choice(choice, kind=organisation.kind, bank_names=names, picks_max=picks_max)
        now = in_force(organisation_code)
        if now is not None:
            rules.check_change(choice, now, at=at, bank_names=names)
        media_type = rules.check_decision(decision, on=today)
        assert decision.decided_on is not None
        drawn = draw_unit_order(organisation_code, day=today, at=at)
        upload = Upload(organisation_code, "evidence", decision.document_name, media_type, decision.document)
        enrolment = Enrolment.objects.create(
            organisation_code=organisation_code,
            version=_last_version(organisation_code) + 1,
            bank_codes=list(rules.in_drawn_order(drawn, set(choice.bank_codes))),
            is_enrolled_as_whole=choice.is_enrolled_as_whole,
            collects_for_members=choice.collects_for_members,
            deciding_body=decision.deciding_body.strip(),
            decided_on=decision.decided_on,
            reference_number=decision.reference_number.strip(),
            evidence=store(upload, at=at),
            enrolled_at=at,
            enrolled_by=str(by),
        )
        record_unit_choice(
            organisation_code,
            bank_codes=enrolment.bank_codes,
            is_enrolled_as_whole=choice.is_enrolled_as_whole,
            collects_for_members=choice.collects_for_members,
        )
        if now is not None:
            _void_wishes(organisation_code, rules.dropped_banks(choice, now.choice))
        record(
            "unit.enrolled" if now is None else "unit.enrolment_changed",
            subject=f"unit:{organisation_code}",
            by=by,
            at=at,
            version=enrolment.version,
            bank_codes=enrolment.bank_codes,
            as_whole=choice.is_enrolled_as_whole,
            collects=choice.collects_for_members,
            evidence_sm3=enrolment.evidence.sm3_hex,
        )
        return enrolment


def enrolments_of(organisation_code: str) -> list[Enrolment]:
    """All versions, newest first."""
    found = Enrolment.objects.filter(organisation_code=organisation_code).select_related("evidence")
    return list(found.order_by("-version"))


def enrolment_of(organisation_code: str) -> Enrolment | None:
    """The version that holds."""
    return Enrolment.objects.filter(organisation_code=organisation_code).order_by("-version").first()


def in_force(organisation_code: str) -> InForce | None:
    """The enrolment that holds with what has come of it; ``None`` before the first."""
    enrolment = enrolment_of(organisation_code)
    if enrolment is None:
        return None
    standing = Application.objects.filter(
        organisation_code=organisation_code, submitted_at__gte=_first_at(organisation_code)
    )
    standing = standing.exclude(state__in=[ApplicationState.CANCELLED, ApplicationState.REJECTED])
    applications = {code: standing.filter(bank_code=code).count() for code in enrolment.bank_codes}
    return InForce(
        Choice(tuple(enrolment.bank_codes), enrolment.is_enrolled_as_whole, enrolment.collects_for_members),
        enrolment.enrolled_at if enrolment.version > 1 else None,
        applications,
        standing.filter(collection="unit", state__in=OPEN_STATES).count(),
    )


def first_enrolments() -> dict[str, datetime]:
    """When each unit enrolled first: who came first is served first."""
    return dict(Enrolment.objects.filter(version=1).values_list("organisation_code", "enrolled_at"))


def _first_at(organisation_code: str) -> datetime:
    return Enrolment.objects.values_list("enrolled_at", flat=True).get(organisation_code=organisation_code, version=1)


def _last_version(organisation_code: str) -> int:
    enrolment = enrolment_of(organisation_code)
    return enrolment.version if enrolment else 0


def _void_wishes(organisation_code: str, dropped: tuple[str, ...]) -> None:
    entries = RosterEntry.objects.filter(organisation_code=organisation_code, bank_code__in=dropped)
    entries.update(bank_code="")
