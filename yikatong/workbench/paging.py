"""Lists that hold at any length: a page is found by the key of its first or last row, never by counting to it.

The key travels in the address as a token, beside the filters, so that every page can be bookmarked and sent to a colleague. What
comes in while somebody pages does not shift what they see. Counting is capped, and given up where it would take long.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection, models, transaction
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.http import HttpRequest
from django.utils.translation import gettext as _

PAGE_LENGTH = 50
COUNT_MAX = 10_000
COUNT_WITHIN_MS = 300
_TOKEN_LENGTH_MAX = 400
_PLACES = ("after", "before")


@dataclass(frozen=True, slots=True)
class Page[Row]:
    """Rows, and the addresses (their query part) of the pages around; empty where there is none."""

    rows: list[Row]
    first: str
    previous: str
    next: str

    @property
    def is_only(self) -> bool:
        """Whether everything is on this page."""
        return not (self.first or self.previous or self.next)


def page_of[M: models.Model](
    request: HttpRequest, found: "models.QuerySet[M]", *keys: str, length: int = PAGE_LENGTH
) -> Page[M]:
    """One page of ``found`` in the order of ``keys``, which are all ascending or all descending and unique together.

    An index must begin with the filtered columns and end with the keys. A token that nobody made shows the first page.
    """
    names = [key.removeprefix("-") for key in keys]
    is_descending = keys[0].startswith("-")
    assert all(key.startswith("-") == is_descending for key in keys)
    after, before = (_key_in(request.GET.get(place, ""), found.model, names) for place in _PLACES)
    if before is not None:
        rows = list(beyond(found, names, before, is_descending=not is_descending)[: length + 1])
        is_first = len(rows) <= length
        rows = rows[:length][::-1]
        has_next = True
    else:
        rows = list(beyond(found, names, after, is_descending=is_descending)[: length + 1])
        is_first, has_next = after is None, len(rows) > length
        rows = rows[:length]
    return Page(
        rows=rows,
        first="" if is_first else address(request),
        previous="" if is_first or not rows else address(request, before=_token(rows[0], names)),
        next=address(request, after=_token(rows[-1], names)) if has_next and rows else "",
    )


def address(request: HttpRequest, **changes: str) -> str:
    """The query part of the present address with its filters, without its place in the list, and with ``changes``."""
    query = request.GET.copy()
    for place in _PLACES:
        query.pop(place, None)
    for name, value in changes.items():
        query[name] = value
    return "?" + query.urlencode()


@dataclass(frozen=True, slots=True)
class Counted:
    """How many there are: exactly, or more than ``number``, or nobody counted that far (``None``)."""

    number: int | None
    is_more: bool = False

    def __str__(self) -> str:
        if self.number is None:
            return _("很多")
        return f"{self.number:,}+" if self.is_more else f"{self.number:,}"


def counted(found: "models.QuerySet[Any]", most: int = COUNT_MAX) -> Counted:
    """How many rows a list has, up to ``most``; given up after a third of a second."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select set_config('statement_timeout', %s, true)", [str(COUNT_WITHIN_MS)])
            number = found.order_by()[: most + 1].count()
            cursor.execute("select set_config('statement_timeout', '0', true)")
    except OperationalError:  # the statement was cancelled
        return Counted(None)
    return Counted(min(number, most), is_more=number > most)


def estimated(model: type[models.Model]) -> int:
    """About how many rows a table has, as PostgreSQL's statistics know it; exact where they know nothing yet."""
    with connection.cursor() as cursor:
        cursor.execute("select reltuples::bigint from pg_class where oid = %s::regclass", [model._meta.db_table])
        (number,) = cursor.fetchone()
    return int(number) if number >= COUNT_MAX else int(model._default_manager.count())


def beyond(
    found: "models.QuerySet[Any]", names: Sequence[str], key: list[Any] | None, *, is_descending: bool
) -> "models.QuerySet[Any]":
    """What comes after ``key`` in the order of ``names``; everything without one."""
    ordered = found.order_by(*(f"-{name}" if is_descending else name for name in names))
    if key is None:
        return ordered
    if len(names) == 1:
        return ordered.filter(**{f"{names[0]}__{'lt' if is_descending else 'gt'}": key[0]})
    comparison = TupleLessThan if is_descending else TupleGreaterThan
    return ordered.filter(comparison(Tuple(*names), tuple(key)))


def _token(row: Any, names: Sequence[str]) -> str:
    values = [getattr(row, name) for name in names]
    texts = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps(texts).encode()).decode().rstrip("=")


def _key_in(token: str, model: type[models.Model], names: Sequence[str]) -> list[Any] | None:
    if not token or len(token) > _TOKEN_LENGTH_MAX:
        return None
    try:
        texts = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if not isinstance(texts, list) or len(texts) != len(names):
            return None
        return [_value(model._meta.get_field(name), str(text)) for name, text in zip(names, texts, strict=True)]
    except (ValueError, binascii.Error, UnicodeDecodeError):
        return None


def _value(field: Any, text: str) -> Any:
    if isinstance(field, models.DateTimeField):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("a moment without a zone")
        return moment
    if isinstance(field, models.UUIDField):
        return UUID(text)
    if isinstance(field, models.IntegerField):
        number = int(text)
        if abs(number) >= 1 << 63:
            raise ValueError("no such number")
        return number
    if "\0" in text:
        raise ValueError("no such text")
    return text
