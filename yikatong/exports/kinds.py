"""The exports there are: each floor or page names its own, ``config.wiring`` registers them all."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from yikatong.exports.files import Row

type Parameters = Mapping[str, Any]


def _always(parameters: Parameters) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns, and a function that yields its rows in an order that stays.

    ``rows`` reads page after page by key, or through an iterator outside any transaction, whose cursor PostgreSQL holds with all
    its rows: no statement and no transaction lasts as long as the file takes. ``expected`` estimates their number, ``None`` where
    that would cost as much as the file.
    """

    title: Promise
    head: tuple[Promise, ...]
    rows: Callable[[Parameters], Iterator[Row]]
    expected: Callable[[Parameters], int | None]


@dataclass(frozen=True, slots=True)
class ExportKind:
    """One kind of file: a table as CSV, or with a ``workbook_title`` a workbook whose sheets the tables are.

    ``file_stem`` names the file before its ending, in ASCII and without personal data; without it the kind and the day do.
    ``is_current`` tells whether the rows are still those that were asked for: a file is given out only if they were at its end.
    """

    name: str
    roles: frozenset[str]
    tables: tuple[Table, ...]
    workbook_title: Promise | None = None
    file_stem: Callable[[Parameters], str] | None = None
    is_current: Callable[[Parameters], bool] = _always

    @property
    def title(self) -> Promise:
        """What people call it."""
        return self.tables[0].title if self.workbook_title is None else self.workbook_title

    @property
    def ending(self) -> str:
        """The file's ending, without its dot."""
        return "csv" if self.workbook_title is None else "xlsx"

    def expected(self, parameters: Parameters) -> int | None:
        """About how many rows the file has, where that is known of all its tables."""
        numbers = [table.expected(parameters) for table in self.tables]
        return None if None in numbers else sum(number or 0 for number in numbers)


_kinds: dict[str, ExportKind] = {}


def register(*kinds: ExportKind) -> None:
    """Make kinds known; safe to repeat."""
    _kinds.update({kind.name: kind for kind in kinds})


def kind_named(name: str) -> ExportKind:
    """A kind. Raises ``KeyError``: a name that nobody registered is a programming mistake."""
    return _kinds[name]
