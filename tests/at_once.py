"""The same command from many database connections at the same time."""

import threading
from collections.abc import Callable

from django.db import connection


def at_once[T](count: int, command: Callable[[], T]) -> list[T]:
    """Run a command on as many connections; every result, or the first error."""
    results: list[T] = []
    errors: list[Exception] = []
    together = threading.Barrier(count)

    def run() -> None:
        together.wait()
        try:
            results.append(command())
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
