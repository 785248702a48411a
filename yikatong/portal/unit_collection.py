"""Whether a resident's employer or school collects the card for them: the third way beside an outlet and the post."""

from datetime import date

from yikatong.applications.rules import ADULT_AGE_YEARS
from yikatong.foundation.clock import age_years
from yikatong.registry.models import Organisation, Person
from yikatong.registry.selectors import organisations_of


def collecting_units(person: Person, bank_code: str, on: date) -> list[Organisation]:
    """The person's units that would collect a card of this bank; none for a minor, whose card goes to the guardian."""
    if age_years(person.birth_date, on) < ADULT_AGE_YEARS:
        return []
    units = organisations_of(person.person_id, on)
    return [unit for unit in units if unit.collects_for_members and bank_code in unit.bank_codes]


def collecting_unit(person: Person, bank_code: str, credit_code: str, on: date) -> Organisation | None:
    """One of them by its credit code."""
    return next((unit for unit in collecting_units(person, bank_code, on) if unit.credit_code == credit_code), None)
