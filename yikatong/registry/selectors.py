"""Finding persons through blind indexes, and showing them masked or, to those with the right, in clear."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from yikatong.foundation.masks import masked_identity_number, masked_name, masked_phone
from yikatong.registry.models import Guardianship, IdentityKey, Membership, Organisation, Person
from yikatong.registry.sealing import field_cipher


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person's personal data as text, in clear or masked."""

    person_id: int
    name: str
    identity_number: str
    phone: str


def find_person(person_id: int) -> Person | None:
    """A person by number."""
    return Person.objects.filter(person_id=person_id).first()


def find_person_by_identity_number(text: str) -> Person | None:
    """The person with an identity number, however it is spaced or cased."""
    index = field_cipher().blind_index("identity_number", text.strip().replace(" ", "").upper())
    key = IdentityKey.objects.filter(identity_number_index=index).first()
    return find_person(key.person_id) if key else None


def find_person_by_phone(text: str) -> list[Person]:
    """Everyone registered with a phone number; families share phones."""
    index = field_cipher().blind_index("phone", text.strip().replace(" ", "").replace("-", ""))
    return list(Person.objects.filter(phone_index=index).order_by("person_id"))


def clear_view(person: Person) -> PersonView:
    """A person in clear. Whoever calls this has the right and writes the audit row."""
    cipher = field_cipher()
    return PersonView(
        person.person_id,
        cipher.open("name", bytes(person.name_sealed)),
        cipher.open("identity_number", bytes(person.identity_number_sealed)),
        cipher.open("phone", bytes(person.phone_sealed)) if person.phone_sealed else "",
    )


def masked_view(person: Person) -> PersonView:
    """A person as shown to whoever has no need of more."""
    clear = clear_view(person)
    return PersonView(
        person.person_id,
        masked_name(clear.name),
        masked_identity_number(clear.identity_number),
        masked_phone(clear.phone) if clear.phone else "",
    )


def wards_of(person_id: int, on: date) -> list[Person]:
    """Those a person may act for on a day, by number."""
    lasting = Q(until=None) | Q(until__gte=on)
    rows = Guardianship.objects.filter(lasting, guardian_person_id=person_id, since__lte=on)
    return list(Person.objects.filter(person_id__in=rows.values("ward_person_id")).order_by("person_id"))


def guardians_of(person_id: int, on: date) -> list[Person]:
    """Those who may act for a person on a day, by number."""
    lasting = Q(until=None) | Q(until__gte=on)
    rows = Guardianship.objects.filter(lasting, ward_person_id=person_id, since__lte=on)
    return list(Person.objects.filter(person_id__in=rows.values("guardian_person_id")).order_by("person_id"))


def organisations_of(person_id: int, on: date) -> list[Organisation]:
    """The employers and schools a person belongs to on a day."""
    lasting = Q(until=None) | Q(until__gte=on)
    codes = Membership.objects.filter(lasting, person_id=person_id, since__lte=on).values("organisation_code")
    return list(Organisation.objects.filter(credit_code__in=codes).order_by("credit_code"))
