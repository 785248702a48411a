"""Who wants to know that an application was approved. Called inside the same transaction; wired in ``config``.

A plain list instead of Django's signals: one can read in one place what is called, and an exception stops the deed.
"""

from collections.abc import Callable
from datetime import datetime

from yikatong.applications.models import Application

OnApproved = Callable[[Application, datetime], object]
_on_approved: list[OnApproved] = []


def on_approved(callback: OnApproved) -> None:
    """Register once; registering again changes nothing."""
    if callback not in _on_approved:
        _on_approved.append(callback)


def approved(application: Application, at: datetime) -> None:
    """Tell everyone."""
    for callback in _on_approved:
        callback(application, at)
