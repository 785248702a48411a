"""What the register, the banks and the card file say about a person who applies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Q, QuerySet

from yikatong.applications import rules
from yikatong.applications.models import Application
from yikatong.banks.known import known_banks
from yikatong.city.rules import rules_at
from yikatong.delegation.rules import Act
from yikatong.delegation.selectors import delegate_ids_of
from yikatong.foundation.clock import age_years
from yikatong.queries.prepared import prepared
from yikatong.registry.models import Membership, Organisation, Person
from yikatong.registry.selectors import guardian_ids_of


@dataclass(frozen=True, slots=True)
class CardsHeld:
    """What matters of a person's cards when applying. Cards live above this floor, see ``card_facts``."""

    third_generation: bool = False
    lost_third_generation: bool = False
    ever_third_generation: bool = False


_card_facts: list[Callable[[int], CardsHeld]] = []


def card_facts(source: Callable[[int], CardsHeld]) -> None:
    """Tell this module where to ask about a person's cards (``issuance``, wired in ``config``)."""
    _card_facts[:] = [source]


def applications_of(person_id: int) -> list[Application]:
    """A person's applications, newest first."""
    return applications_of_all([person_id])


@prepared
def applications_of_all(person_ids: Sequence[int]) -> QuerySet[Application]:
    """The applications of several people, newest first."""
    return Application.objects.filter(person_id__in=person_ids).order_by("-submitted_at")


def application_of(person_id: int, application_id: UUID) -> Application | None:
    """One application of a person."""
    return Application.objects.filter(person_id=person_id, application_id=application_id).first()


@prepared
def _units_of(person_id: int, on: date) -> QuerySet[Organisation]:
    lasting = Q(until=None) | Q(until__gte=on)
    codes = Membership.objects.filter(lasting, person_id=person_id, since__lte=on)
    units = Organisation.objects.filter(credit_code__in=codes.values_list("organisation_code", flat=True))
    return units.order_by("credit_code")


@prepared
def _open_applications(person_id: int) -> QuerySet[Application, int]:
    found = Application.objects.filter(person_id=person_id, state__in=rules.OPEN_STATES)
    return found.values_list("person_id", flat=True)[:1]


def eligible_banks(person: Person, *, acting_person_id: int | None, on: date) -> tuple[str, ...]:
    """The codes of the banks this person may choose on a day."""
    situation = situation_of(person, acting_person_id=acting_person_id, on=on)
    return rules.eligible_banks(situation, rules_at(on))


def situation_of(person: Person, *, acting_person_id: int | None, on: date) -> rules.Situation:
    """All facts that decide an application on a day."""
    (cards_held,) = _card_facts  # not wired is a programming mistake: guessing "none" could make a second card
    cards = cards_held(person.person_id)
    return rules.Situation(
        person_id=person.person_id,
        acting_person_id=acting_person_id,
        category=person.category,
        age_years=age_years(person.birth_date, on),
        guardian_ids=guardian_ids_of(person, on),
        delegate_ids=delegate_ids_of(person.person_id, Act.APPLY, on),
        units=tuple(
            rules.Unit(
                unit.credit_code,
                unit.kind,
                unit.district_code,
                tuple(unit.bank_codes),
                unit.is_enrolled_as_whole,
                unit.collects_for_members,
            )
            for unit in _units_of(person.person_id, on)
        ),
        pension_bank_code=person.pension_bank_code,
        bank_names={bank.code: bank.name_zh for bank in known_banks().values() if bank.joined_on <= on},
        has_open_application=bool(_open_applications(person.person_id)),
        held_third_generation=cards.third_generation,
        has_lost_third_generation=cards.lost_third_generation,
        has_had_third_generation=cards.ever_third_generation,
    )
