"""Finding persons by name, or by the end of the identity number and a second fact; and filling in what they are found by.

A blind number may belong to two values: every candidate is opened and compared, so that nobody is shown who does not fit.
It records nothing: whoever lets people search writes the audit row and limits how often.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.db import connection, transaction
from django.db.models import QuerySet
from tqdm import tqdm

from yikatong.foundation.clock import age_years
from yikatong.gm.fields import FieldCipher
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher
from yikatong.registry.search_numbers import normal_name, normal_tail, search_numbers, tail_and_birth, tail_and_name

BATCH_ROWS = 2000
_FILL_IN = """
update registry_person p
set name_number = v.name_number, tail_name_number = v.tail_name_number, tail_birth_number = v.tail_birth_number
from unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
    as v (person_id, name_number, tail_name_number, tail_birth_number)
where p.person_id = v.person_id
"""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What narrows a search by name down. ``district_code`` are the first six digits of a community's code."""

    district_code: str = ""
    born_from: date | None = None
    born_until: date | None = None

    def apply(self, people: "QuerySet[Person]") -> "QuerySet[Person]":
        """The people who fit."""
        if self.district_code:
            people = people.filter(community_code__startswith=self.district_code)
        if self.born_from is not None:
            people = people.filter(birth_date__gte=self.born_from)
        if self.born_until is not None:
            people = people.filter(birth_date__lte=self.born_until)
        return people


def persons_named(name: str, narrowing: Narrowing) -> "QuerySet[Person]":
    """Whoever probably bears a name, to be read by ``person_id``; check each with ``bears_name``."""
    (number,) = field_cipher().blind_number_many("name", [normal_name(name)])
    return narrowing.apply(Person.objects.filter(name_number=number))


def bears_name(person: Person, name: str) -> bool:
    """Whether a name is this person's, spaces and kinds of dots aside."""
    return normal_name(field_cipher().open("name", bytes(person.name_sealed))) == normal_name(name)


def find_by_tail_and_name(tail: str, name: str) -> list[Person]:
    """Whoever bears the name and has an identity number that ends so."""
    (number,) = field_cipher().blind_number_many("tail_name", [tail_and_name(tail, name)])
    found = Person.objects.filter(tail_name_number=number).order_by("person_id")
    return [person for person in found if bears_name(person, name) and _ends(person, tail)]


def find_by_tail_and_birth(tail: str, birth_date: date) -> list[Person]:
    """Whoever was born on the day and has an identity number that ends so."""
    (number,) = field_cipher().blind_number_many("tail_birth", [tail_and_birth(tail, birth_date)])
    found = Person.objects.filter(tail_birth_number=number, birth_date=birth_date).order_by("person_id")
    return [person for person in found if _ends(person, tail)]


def _ends(person: Person, tail: str) -> bool:
    return field_cipher().open("identity_number", bytes(person.identity_number_sealed)).endswith(normal_tail(tail))


def fill_in(*, progress: bool = False) -> int:
    """Give everybody who lacks them the numbers they are found by; how many did.

    For registers older than the columns. Batch by batch, each in its own transaction: whoever starts again after a crash goes
    on with what is left. Safe beside running services and imports.
    """
    lacking = Person.objects.filter(name_number=None)
    filled = 0
    with tqdm(total=lacking.count(), unit="person", unit_scale=True, desc="index", disable=not progress) as bar:
        for count in _batches(field_cipher()):
            filled += count
            bar.update(count)
    return filled


def _batches(cipher: FieldCipher) -> Iterator[int]:
    after = 0
    while True:
        with transaction.atomic():
            lacking = Person.objects.select_for_update(no_key=True).filter(name_number=None, person_id__gt=after)
            people = list(lacking.order_by("person_id")[:BATCH_ROWS])
            if not people:
                return
            columns = search_numbers(
                cipher,
                [cipher.open("identity_number", bytes(person.identity_number_sealed)) for person in people],
                [cipher.open("name", bytes(person.name_sealed)) for person in people],
                [person.birth_date for person in people],
            )
            with connection.cursor() as cursor:
                cursor.execute(_FILL_IN, [[person.person_id for person in people], *columns])
            after = people[-1].person_id
        yield len(people)


def born_between(age_from: int | None, age_until: int | None, on: date) -> tuple[date | None, date | None]:
    """The birth dates of people of these completed years of age on a day: from, until."""
    until = _years_before(on, age_from) if age_from is not None else None
    since = _years_before(on, age_until + 1, after=True) if age_until is not None else None
    return since, until


def _years_before(on: date, years: int, *, after: bool = False) -> date:
    day = min(on.day, 28) if (on.month, on.day) == (2, 29) else on.day
    born = date(on.year - years, on.month, day)
    assert age_years(born, on) >= years
    return date.fromordinal(born.toordinal() + 1) if after else born
