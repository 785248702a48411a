"""Rows made once for all tests of a module: what each test changes is taken back after it, these at the module's end."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from pytest_django import DjangoDbBlocker


@contextmanager
def rows_held(blocker: DjangoDbBlocker) -> Iterator[None]:
    """A transaction around the tests of a module, never committed; each of them runs in a savepoint of its own."""
    with blocker.unblock():
        outer = transaction.atomic()
        outer.__enter__()
        try:
            yield
        finally:
            transaction.set_rollback(True)
            outer.__exit__(None, None, None)
