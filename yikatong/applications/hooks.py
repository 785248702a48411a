"""Who wants to know that an application was approved, or cancelled. Called inside the same transaction; wired in ``config``.

A plain list instead of Django's signals: one can read in one place what is called, and an exception stops the deed.
"""

from collections.abc import Callable
from datetime import datetime

from yikatong.applications.models import Application

OnApplication = Callable[[Application, datetime], object]
_on_approved: list[OnApplication] = []
_on_cancelled: list[OnApplication] = []


def on_approved(callback: OnApplication) -> None:
    """Register once; registering again changes nothing."""
    if callback not in _on_approved:
        _on_approved.append(callback)


def approved(application: Application, at: datetime) -> None:
    """Tell everyone."""
    for callback in _on_approved:
        callback(application, at)


def on_cancelled(callback: OnApplication) -> None:
    """Register once; registering again changes nothing."""
    if callback not in _on_cancelled:
        _on_cancelled.append(callback)


def cancelled(application: Application, at: datetime) -> None:
    """Tell everyone."""
    for callback in _on_cancelled:
        callback(application, at)
