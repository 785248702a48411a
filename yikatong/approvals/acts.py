"""The acts that need two people: each floor names its own, ``config.wiring`` registers them all.

An act says who may ask and who may approve, how to tell the approver what will happen, and the function that does it. It
runs inside the transaction that marks it as done.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.functional import Promise

from yikatong.audit.actors import Actor

type Parameters = Mapping[str, Any]
type Line = tuple[Promise | str, str]

VALID_FOR = timedelta(days=3)
"""So long a request waits for its second person. Source: assumption."""


def _nothing(parameters: Parameters, at: datetime) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Act:
    """One kind of act. ``check`` and ``execute`` raise ``Refused``.

    ``describe``: lines for both people, personal data masked unless the two must compare it. ``execute`` may return a text
    that the approver is told once and that is kept nowhere, such as a first password.
    """

    name: str
    title: Promise
    warning: Promise
    requesters: frozenset[str]
    approvers: frozenset[str]
    describe: Callable[[Parameters], list[Line]]
    execute: Callable[[Parameters, Actor, datetime], str | None]
    check: Callable[[Parameters, datetime], None] = _nothing
    valid_for: timedelta = field(default=VALID_FOR)


_acts: dict[str, Act] = {}


def register(*acts: Act) -> None:
    """Make acts known; safe to repeat."""
    _acts.update({act.name: act for act in acts})


def act_named(name: str) -> Act:
    """An act. Raises ``KeyError``: a name that nobody registered is a programming mistake."""
    return _acts[name]


def all_acts() -> list[Act]:
    """Every act, by name."""
    return [_acts[name] for name in sorted(_acts)]


def acts_for(role: str) -> list[Act]:
    """The acts a role may ask for or approve."""
    return [act for act in all_acts() if role in act.requesters | act.approvers]
