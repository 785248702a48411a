"""Finding persons through blind indexes, and showing them masked or, to those with the right, in clear."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Q, QuerySet

from yikatong.foundation.masks import masked_identity_number, masked_name, masked_phone
from yikatong.queries.prepared import prepared
from yikatong.registry.models import Guardianship, IdentityKey, Membership, Organisation, Person
from yikatong.registry.rules import guardianship_holds
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
    return next(iter(_person(person_id)), None)


@prepared
def _person(person_id: int) -> QuerySet[Person]:
    return Person.objects.filter(person_id=person_id)


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
    """Those a person is guardian of on a day, by number; a child who has come of age is none any more."""
    rows = _lasting_guardianships(person_id, on)
    wards = Person.objects.in_bulk([row.ward_person_id for row in rows]) if rows else {}
    return [wards[row.ward_person_id] for row in sorted(rows, key=_by_ward) if _holds(row, wards, on)]


@prepared
def _lasting_guardianships(guardian_person_id: int, on: date) -> QuerySet[Guardianship]:
    lasting = Q(until=None) | Q(until__gte=on)
    return Guardianship.objects.filter(lasting, guardian_person_id=guardian_person_id, since__lte=on)


def guardians_of(person_id: int, on: date) -> list[Person]:
    """Those who are a person's guardians on a day, by number."""
    ward = find_person(person_id)
    ids = guardian_ids_of(ward, on) if ward is not None else frozenset()
    return list(Person.objects.filter(person_id__in=ids).order_by("person_id")) if ids else []


def guardian_ids_of(ward: Person, on: date) -> frozenset[int]:
    """The numbers of a person's guardians on a day."""
    rows = _guardianships_begun(ward.person_id, on)
    return frozenset(
        row.guardian_person_id for row in rows if guardianship_holds(row.since, row.until, ward.birth_date, on)
    )


@prepared
def _guardianships_begun(ward_person_id: int, on: date) -> QuerySet[Guardianship]:
    return Guardianship.objects.filter(ward_person_id=ward_person_id, since__lte=on)


def _by_ward(row: Guardianship) -> int:
    return row.ward_person_id


def _holds(row: Guardianship, wards: dict[int, Person], on: date) -> bool:
    ward = wards.get(row.ward_person_id)
    return ward is not None and guardianship_holds(row.since, row.until, ward.birth_date, on)


def organisations_of(person_id: int, on: date) -> list[Organisation]:
    """The employers and schools a person belongs to on a day."""
    lasting = Q(until=None) | Q(until__gte=on)
    codes = Membership.objects.filter(lasting, person_id=person_id, since__lte=on).values("organisation_code")
    return list(Organisation.objects.filter(credit_code__in=codes).order_by("credit_code"))
