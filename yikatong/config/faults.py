"""Faults that people at a shell can do something about, in a line each instead of a stack of calls."""

import contextlib
from collections.abc import Iterator

import click
import psycopg
from django.db import InterfaceError, OperationalError

from yikatong.database.processes import SupervisorError
from yikatong.foundation.errors import YikatongError

UNREACHABLE = (
    "the database cannot be reached or has ended the connection: {fault}\n"
    "What was finished is kept. See `yikatong db status`, then give the same command again."
)


@contextlib.contextmanager
def told_plainly() -> Iterator[None]:
    """Turn what went wrong inside into ``click.ClickException``; mistakes of the program stay what they are."""
    try:
        yield
    except (YikatongError, SupervisorError) as error:
        raise click.ClickException(str(error)) from error
    except (OperationalError, InterfaceError, psycopg.OperationalError) as error:
        fault = " ".join(str(error).split())
        raise click.ClickException(UNREACHABLE.format(fault=fault)) from error
