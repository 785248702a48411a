"""Who wants to know that a right ended. Called inside the same transaction; wired in ``config``."""

from collections.abc import Callable
from datetime import datetime

from yikatong.audit.actors import Actor
from yikatong.delegation.models import Delegation

OnEnded = Callable[[Delegation, Actor, datetime], None]
_on_ended: list[OnEnded] = []


def on_ended(callback: OnEnded) -> None:
    """Register once; registering again changes nothing."""
    if callback not in _on_ended:
        _on_ended.append(callback)


def ended(delegation: Delegation, by: Actor, at: datetime) -> None:
    """Tell everyone that a right was taken back or given up."""
    for callback in _on_ended:
        callback(delegation, by, at)
