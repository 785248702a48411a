"""The kinds of cases: each floor names its own, ``config.wiring`` registers them all.

A floor that notices a case in the act calls ``services.open_case`` there and then. One whose cases are rows in a certain state
gives ``find`` instead, and the worker looks for them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise


@dataclass(frozen=True, slots=True)
class Found:
    """What is a case now. ``ref`` names it inside its kind."""

    ref: str
    subject: str
    since: datetime
    person_id: int | None = None


@dataclass(frozen=True, slots=True)
class CaseKind:
    """One kind. ``hint`` tells what to do about it.

    ``find``: everything that is such a case now; ``None`` for kinds that are opened and settled by their floor alone.
    """

    name: str
    title: Promise
    hint: Promise
    find: Callable[[], Iterable[Found]] | None = None


_kinds: dict[str, CaseKind] = {}


def register(*kinds: CaseKind) -> None:
    """Make kinds known; safe to repeat."""
    _kinds.update({kind.name: kind for kind in kinds})


def all_kinds() -> list[CaseKind]:
    """Every kind, by name."""
    return [_kinds[name] for name in sorted(_kinds)]


def kind_named(name: str) -> CaseKind | None:
    """A kind; ``None`` for one of an older version."""
    return _kinds.get(name)
