"""The one family of errors that people may read.

Every refusal of the product is a ``YikatongError`` whose ``reason`` is a stable machine name (API) and whose text says
what was wrong, where, and what to do. Programming mistakes stay ordinary Python exceptions.
"""

from enum import StrEnum


class YikatongError(Exception):
    """Base of all errors meant for people. ``str(error)`` is fit to show."""


class Refused[Reason: StrEnum](YikatongError):
    """A command was understood and refused. ``reason`` is an enum value of the refusing domain."""

    def __init__(self, reason: Reason, message: str | None = None) -> None:
        self.reason = reason
        super().__init__(message or str(reason))
