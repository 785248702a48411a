"""Who wants to know of a card: that it was made, that it changed. Called inside the same transaction; wired in ``config``."""

from collections.abc import Callable
from datetime import datetime

from yikatong.issuance.models import Card

OnCard = Callable[[Card, datetime], None]
_on_made: list[OnCard] = []
_on_changed: list[OnCard] = []


def on_card_made(callback: OnCard) -> None:
    """Register once; registering again changes nothing."""
    if callback not in _on_made:
        _on_made.append(callback)


def on_card_changed(callback: OnCard) -> None:
    """Register once; registering again changes nothing."""
    if callback not in _on_changed:
        _on_changed.append(callback)


def card_made(card: Card, at: datetime) -> None:
    """Tell everyone that a card was made."""
    for callback in _on_made:
        callback(card, at)


def card_changed(card: Card, at: datetime) -> None:
    """Tell everyone that a card's standing changed."""
    for callback in _on_changed:
        callback(card, at)
