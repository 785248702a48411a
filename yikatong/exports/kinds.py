"""The exports there are: each floor or page names its own, ``config.wiring`` registers them all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

type Parameters = Mapping[str, Any]
type Row = Sequence[object]


@dataclass(frozen=True, slots=True)
class ExportKind:
    """One kind of file: its columns, and a function that yields its rows in an order that stays.

    ``rows`` reads page after page by key, so that no statement and no transaction lasts as long as the file takes. ``expected``
    estimates their number, ``None`` where that would cost as much as the file.
    """

    name: str
    title: Promise
    roles: frozenset[str]
    head: tuple[Promise, ...]
    rows: Callable[[Parameters], Iterator[Row]]
    expected: Callable[[Parameters], int | None]


_kinds: dict[str, ExportKind] = {}


def register(*kinds: ExportKind) -> None:
    """Make kinds known; safe to repeat."""
    _kinds.update({kind.name: kind for kind in kinds})


def kind_named(name: str) -> ExportKind:
    """A kind. Raises ``KeyError``: a name that nobody registered is a programming mistake."""
    return _kinds[name]
