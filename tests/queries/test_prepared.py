"""A prepared query gives what its query set gives, and what cannot be prepared is told at once."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import Count, QuerySet
from django.test.utils import CaptureQueriesContext

from tests.cast import active_card, make_bank, make_person
from yikatong.audit.models import AuditEvent
from yikatong.issuance.models import Card
from yikatong.queries import prepared as module
from yikatong.queries.prepared import prepared
from yikatong.registry.models import Person

pytestmark = pytest.mark.django_db


def people_in(ids: Sequence[int]) -> QuerySet[Person]:
    return Person.objects.filter(person_id__in=ids).order_by("-person_id")


def test_it_gives_what_the_query_set_gives_for_every_length() -> None:
    for number in range(5):
        make_person(number)
    ids = list(Person.objects.order_by("person_id").values_list("person_id", flat=True))
    ask = prepared(people_in)
    for length in (1, 3, 5, 1):
        assert ask(ids[:length]) == list(people_in(ids[:length]))
    assert ask([]) == []
    assert ask(ids[:1])[0].birth_date == Person.objects.get(person_id=ids[0]).birth_date


def test_the_function_is_called_once_for_a_shape_and_each_asking_is_one_query() -> None:
    calls = []

    @prepared
    def ask(person_id: int) -> QuerySet[Person]:
        calls.append(person_id)
        return Person.objects.filter(person_id=person_id)

    person = make_person(1)
    with CaptureQueriesContext(connection) as queries:
        assert [ask(person.person_id), ask(-1), ask(person.person_id)] == [[person], [], [person]]
    assert (len(calls), len(queries)) == (1, 3)


def test_a_value_that_looks_like_no_argument_stays() -> None:
    @prepared
    def ask(person_id: int) -> QuerySet[Person, int]:
        return Person.objects.filter(person_id=person_id, sex__in=[1, 2]).values_list("person_id", flat=True)[:1]

    person = make_person(1)
    assert ask(person.person_id) == [person.person_id]


def test_days_moments_texts_and_uuids_are_arguments_and_rows_are_tuples() -> None:
    @prepared
    def ask(at: datetime, action: str) -> QuerySet[AuditEvent, tuple[str, datetime]]:
        return AuditEvent.objects.filter(at__lte=at, action=action).values_list("action", "at")

    @prepared
    def born(day: date) -> QuerySet[Person]:
        return Person.objects.filter(birth_date=day)

    @prepared
    def of_application(application_id: UUID) -> QuerySet[Card]:
        return Card.objects.filter(application_id=application_id)

    at = datetime(2026, 1, 2, tzinfo=UTC)
    AuditEvent.objects.create(at=at, actor="system:test", action="test.done", subject="test:1", details={})
    assert ask(at, "test.done") == [("test.done", at)]
    assert ask(at, "test.other") == []
    person = make_person(1)
    assert born(person.birth_date) == [person]
    card = active_card(person, make_bank())
    assert card.application_id is not None
    assert of_application(card.application_id) == [card]


def test_json_comes_as_it_is() -> None:
    AuditEvent.objects.create(
        at=datetime(2026, 1, 2, tzinfo=UTC),
        actor="system:test",
        action="test.done",
        subject="test:1",
        details={"a": [1]},
    )

    @prepared
    def ask(subject: str) -> QuerySet[AuditEvent]:
        return AuditEvent.objects.filter(subject=subject)

    assert ask("test:1")[0].details == {"a": [1]}


def test_an_argument_that_does_not_reach_the_sql_is_told() -> None:
    @prepared
    def doubled(person_id: int) -> QuerySet[Person]:
        return Person.objects.filter(person_id=2 * person_id)

    with pytest.raises(LookupError, match="do not reach the SQL"):
        doubled(1)


@pytest.mark.parametrize("argument", [True, 1.5, {"a": 1}])
def test_what_cannot_be_an_argument_is_told(argument: object) -> None:
    @prepared
    def ask(value: object) -> QuerySet[Person]:
        return Person.objects.filter(person_id=value)

    with pytest.raises(TypeError, match="argument"):
        ask(argument)


def test_related_models_and_annotations_are_refused() -> None:
    @prepared
    def counted(person_id: int) -> QuerySet[Person]:
        return Person.objects.filter(person_id=person_id).annotate(n=Count("person_id"))

    with pytest.raises(TypeError, match="without annotations"):
        counted(1)


def test_long_sequences_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    real = module._compile
    monkeypatch.setattr(module, "_compile", lambda build, shape: compiled.append(shape) or real(build, shape))
    ask = prepared(people_in)
    assert ask(list(range(100))) == []
    assert compiled == []


def test_a_number_that_no_column_holds_is_not_asked_for() -> None:
    @prepared
    def ask(person_id: int) -> QuerySet[Person]:
        return Person.objects.filter(person_id=person_id)

    with CaptureQueriesContext(connection) as queries:
        assert [ask(10**30), ask(-(10**30))] == [[], []]
    assert len(queries) == 0
