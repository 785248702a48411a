"""Processes that kill themselves at a chosen point of their work.

They are forked from one process that has Django and what they work with loaded: starting Python for each would take longer than
all they do.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

from django.db import connection

from tests.postgres import database_address

_PRELOADED = ["tests.dying_loaded"]


def dying(function: Callable[..., Any], nth: int, *, after: bool) -> Callable[..., Any]:
    """``function``, whose ``nth`` call is the last thing this process does or does not do any more."""
    calls = 0

    def wrapped(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **named)
        if calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped


def exit_code_of(work: Callable[..., object], *arguments: object) -> int:
    """Do ``work`` in a process of its own, on this test's database; minus the signal that ended it, 0 if none did."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    process = context.Process(
        target=_on_this_database, args=(dict(os.environ), str(connection.settings_dict["NAME"]), work, arguments)
    )
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _on_this_database(
    environment: dict[str, str], name: str, work: Callable[..., object], arguments: tuple[object, ...]
) -> None:
    os.environ.update(environment)  # the process this was forked from began under an earlier test
    connection.settings_dict["NAME"] = name
    os.environ["DATABASE_URL"] = database_address()  # for processes of its own
    work(*arguments)
