"""Finding people by name and by the end of the identity number: who fits, who does not, and what the columns hold."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.db import connection

from tests.registry.conftest import Import
from tests.registry.people import adult, write_file
from yikatong.registry.cli import registry
from yikatong.registry.models import Person
from yikatong.registry.search_numbers import normal_name, normal_tail
from yikatong.registry.searching import (
    Narrowing,
    bears_name,
    born_between,
    fill_in,
    find_by_tail_and_birth,
    find_by_tail_and_name,
    persons_named,
)
from yikatong.registry.selectors import clear_view


@pytest.fixture
def people(tmp_path: Path, city: None, take: Import) -> list[Person]:
    """Five made-up people from a file."""
    take(write_file(tmp_path / "register.csv", [adult(serial) for serial in range(5)]))
    return list(Person.objects.order_by("person_id"))


def test_an_import_makes_everybody_findable(people: list[Person]) -> None:
    for person in people:
        view = clear_view(person)
        tail = view.identity_number[-4:]
        assert person.person_id in {p.person_id for p in find_by_tail_and_name(tail, view.name)}
        assert [p.person_id for p in find_by_tail_and_birth(tail, person.birth_date)] == [person.person_id]
        named = persons_named(view.name, Narrowing())
        assert person.person_id in named.values_list("person_id", flat=True)
        assert all(bears_name(p, view.name) for p in named)


@pytest.mark.parametrize(
    ("tail", "name"),
    [("0000", None), (None, "查无此人"), ("", None), (None, "")],
    ids=["tail", "name", "empty", "nobody"],
)
def test_who_does_not_fit_is_not_found(people: list[Person], tail: str | None, name: str | None) -> None:
    view = clear_view(people[0])
    wanted = tail if tail is not None else view.identity_number[-4:]
    assert find_by_tail_and_name(wanted, name if name is not None else view.name) == []


def test_a_number_shared_by_two_values_finds_only_who_fits(people: list[Person]) -> None:
    """A blind number of 64 bits may collide: what is found is opened and compared."""
    first, second = people[:2]
    Person.objects.filter(pk=second.pk).update(
        tail_birth_number=first.tail_birth_number, tail_name_number=first.tail_name_number, birth_date=first.birth_date
    )
    view = clear_view(first)
    assert [p.pk for p in find_by_tail_and_birth(view.identity_number[-4:], first.birth_date)] == [first.pk]


def test_names_are_narrowed_down_by_district_and_birth(people: list[Person]) -> None:
    name = clear_view(people[0]).name
    number = people[0].name_number
    Person.objects.all().update(name_number=number)
    Person.objects.filter(pk=people[1].pk).update(community_code="999999001001")
    Person.objects.filter(pk=people[2].pk).update(birth_date=date(2001, 1, 1))
    near = persons_named(name, Narrowing(district_code="999999"))
    young = persons_named(name, Narrowing(born_from=date(2000, 1, 1)))
    assert [p.pk for p in near] == [people[1].pk]
    assert [p.pk for p in young] == [people[2].pk]


@pytest.mark.parametrize(
    ("typed", "normal"),
    [("王 小明", "王小明"), ("  迪力•买买提 ", "迪力·买买提"), ("Anna Smith", "ANNASMITH"), ("𠮷田", "𠮷田")],
)
def test_names_are_compared_without_spaces_and_kinds_of_dots(typed: str, normal: str) -> None:
    assert normal_name(typed) == normal


@pytest.mark.parametrize(("typed", "normal"), [("12 3x", "123X"), ("11990119800517123X", "123X"), ("", "")])
def test_the_tail_is_the_last_four(typed: str, normal: str) -> None:
    assert normal_tail(typed) == normal


def test_an_older_register_is_filled_in_and_goes_on_after_a_crash(
    people: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {p.pk: (p.name_number, p.tail_name_number, p.tail_birth_number) for p in people}
    Person.objects.update(name_number=None, tail_name_number=None, tail_birth_number=None)
    with monkeypatch.context() as patched:
        patched.setattr("yikatong.registry.searching.BATCH_ROWS", 2)
        taken = iter(_only(2))
        patched.setattr("yikatong.registry.searching.tqdm", lambda **_: next(taken))
        with pytest.raises(KeyboardInterrupt):
            fill_in()
    assert Person.objects.filter(name_number=None).count() == 1
    assert CliRunner().invoke(registry, ["fill-search"]).output.strip().endswith("1 persons can now be found by name")
    assert {p.pk: (p.name_number, p.tail_name_number, p.tail_birth_number) for p in Person.objects.all()} == expected
    assert fill_in() == 0


def _only(batches: int) -> list[Any]:
    """A progress bar that stops the work after so many batches."""

    class Bar:
        def __init__(self) -> None:
            self.left = batches

        def __enter__(self) -> "Bar":
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def update(self, count: int) -> None:
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

    return [Bar()]


@pytest.mark.parametrize(
    ("from_", "until", "expected"),
    [
        (60, None, (None, date(1966, 11, 2))),
        (None, 17, (date(2008, 11, 3), None)),
        (18, 18, (date(2007, 11, 3), date(2008, 11, 2))),
        (None, None, (None, None)),
    ],
)
def test_ages_are_birth_dates(from_: int | None, until: int | None, expected: tuple[date | None, date | None]) -> None:
    assert born_between(from_, until, date(2026, 11, 2)) == expected


def test_a_search_by_name_reads_its_index(people: list[Person]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set local enable_seqscan = off")
        found = (
            persons_named("某人", Narrowing(district_code="110101")).filter(person_id__gt=5).order_by("person_id")[:50]
        )
        plan = found.explain()
    assert "registry_by_name" in plan
    assert "Sort" not in plan
