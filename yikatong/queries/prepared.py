"""Query sets whose SQL Django compiles once per process instead of at every page.

    @prepared
    def cards_of(person_ids: Sequence[int]) -> QuerySet[Card]:
        return Card.objects.filter(person_id__in=person_ids).order_by("-card_id")

    cards_of([7, 8])  # a list of cards

Building and compiling a query set takes several times as long as asking the database; pages that a whole city opens ask the
same dozen questions (docs/benchmarks.md, portal). The function is called once per shape of its arguments, with marks in
their place; the marks are then looked for among the parameters of the SQL. So an argument may be a number, a text, a day, a
moment, a UUID or a sequence of such, must reach the SQL as it is given, and must not decide anything in the function. One
that does not arrive raises ``LookupError`` at the first call. Models, and rows or single values (``values_list``), can be asked
for.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, QuerySet
from django.db.models.query import FlatValuesListIterable, ModelIterable, ValuesListIterable

type Argument = int | str | date | datetime | UUID
type Shape = tuple[tuple[type, int], ...]
_ONE = -1
_LENGTH_MAX = 32
"""Longer sequences are asked for as they come: SQL is not kept for every length there may be."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    """SQL, and of each parameter the argument's and the element's place, or the value that it always has."""

    sql: str
    parameters: tuple[tuple[int, int] | None, ...]
    constants: tuple[Any, ...]
    built: Callable[[Iterable[tuple[Any, ...]]], list[Any]]

    def rows(self, arguments: Sequence[Any]) -> list[Any]:
        given = [
            constant if at is None else arguments[at[0]] if at[1] == _ONE else arguments[at[0]][at[1]]
            for at, constant in zip(self.parameters, self.constants, strict=True)
        ]
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(self.sql, given)
            return self.built(cursor.fetchall())


def prepared[**P, Row](build: Callable[P, QuerySet[Any, Row]]) -> Callable[P, list[Row]]:
    """The rows of what ``build`` would ask; see above. Arguments by position; an empty sequence gives no rows."""
    compiled: dict[Shape, _Compiled] = {}

    @wraps(build)
    def ask(*arguments: P.args, **named: P.kwargs) -> list[Row]:
        if named:
            raise TypeError(f"{build.__qualname__} takes its arguments by position")
        shape = tuple(_shape(argument) for argument in arguments)
        if any(length == 0 for _, length in shape):
            return []
        if any(length > _LENGTH_MAX for _, length in shape) or any(map(_is_beyond, arguments)):
            return list(build(*arguments, **named))
        found = compiled.get(shape)
        if found is None:
            found = compiled[shape] = _compile(build, shape)
        return found.rows(arguments)

    return ask


def _is_beyond(argument: Any) -> bool:
    """Whether it is a number that no column holds: Django answers such a question without asking the database."""
    if isinstance(argument, (list, tuple)):
        return any(map(_is_beyond, argument))
    return isinstance(argument, int) and not -(2**63) <= argument < 2**63


def _shape(argument: Any) -> tuple[type, int]:
    if isinstance(argument, (list, tuple)):
        return (type(argument[0]), len(argument)) if argument else (int, 0)
    return type(argument), _ONE


def _compile(build: Callable[..., QuerySet[Any, Any]], shape: Shape) -> _Compiled:
    marks: dict[Any, tuple[int, int]] = {}
    given = []
    for place, (kind, length) in enumerate(shape):
        made = [_mark(kind, len(marks) + element) for element in range(max(length, 1))]
        marks |= {mark: (place, _ONE if length == _ONE else element) for element, mark in enumerate(made)}
        given.append(made[0] if length == _ONE else made)
    asked = build(*given)
    compiler = asked.query.get_compiler(DEFAULT_DB_ALIAS)
    sql, parameters = compiler.as_sql()
    places = tuple(marks.get(parameter) if _may_be_mark(parameter) else None for parameter in parameters)
    if missing := set(marks.values()) - set(places):
        raise LookupError(f"{build.__qualname__}: arguments {sorted({at for at, _ in missing})} do not reach the SQL")
    return _Compiled(sql, places, tuple(parameters), _builder(asked, compiler))


def _mark(kind: type, number: int) -> Argument:
    """A value that no function holds by itself."""
    if issubclass(kind, bool):
        raise TypeError("a truth cannot be an argument: it decides which question is asked")
    if issubclass(kind, int):
        return 1_987_600_000 + number
    if issubclass(kind, datetime):
        return datetime(9871, 1, 1, tzinfo=UTC) + timedelta(days=number)
    if issubclass(kind, date):
        return date(9872, 1, 1) + timedelta(days=number)
    if issubclass(kind, str):
        return f"\ue000mark {number}\ue000"
    if issubclass(kind, UUID):
        return UUID(int=1_987_600_000 + number)
    raise TypeError(f"{kind.__name__} cannot be an argument")


def _may_be_mark(parameter: Any) -> bool:
    return isinstance(parameter, int | str | date | UUID) and not isinstance(parameter, bool)


def _builder(asked: QuerySet[Any, Any], compiler: Any) -> Callable[[Iterable[tuple[Any, ...]]], list[Any]]:
    """From the database's rows to what the query set would give."""
    converters = compiler.get_converters([column for column, _, _ in compiler.select])

    def converted(rows: Iterable[tuple[Any, ...]]) -> Iterable[Sequence[Any]]:
        if not converters:
            return rows
        connection, changed = connections[DEFAULT_DB_ALIAS], [list(row) for row in rows]
        for place, (steps, column) in converters.items():
            for row in changed:
                for step in steps:
                    row[place] = step(row[place], column, connection)
        return changed

    kind = asked._iterable_class
    if kind is FlatValuesListIterable:
        return lambda rows: [value for (value,) in converted(rows)]
    if kind is ValuesListIterable:
        return lambda rows: [tuple(row) for row in converted(rows)]
    if kind is not ModelIterable or compiler.annotation_col_map or compiler.klass_info.get("related_klass_infos"):
        raise TypeError("models without annotations and related models, or values_list")
    model: type[Model] = compiler.klass_info["model"]
    names = [compiler.select[index][0].target.attname for index in compiler.klass_info["select_fields"]]
    return lambda rows: [model.from_db(DEFAULT_DB_ALIAS, names, row) for row in converted(rows)]
