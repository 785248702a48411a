"""An import that kills itself with SIGKILL at a chosen point: ``python -m tests.registry.killed_import FILE POINT NTH``.

With the point ``never`` it runs to its end. Chunks have three rows, so that a small file has several.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHUNK_ROWS = 3


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


def main(file: str, point: str, nth: str, processes: str) -> None:
    """Import ``file``, to the point."""
    import django

    django.setup()
    from yikatong.audit.actors import Actor
    from yikatong.foundation.clock import utc_now
    from yikatong.registry import chunked, csv_files, importer

    chunked.CHUNK_ROWS = csv_files.CHUNK_ROWS = importer.CHUNK_ROWS = CHUNK_ROWS
    points = {
        "before a chunk": (importer, "store_chunk", False),
        "rows copied": (importer, "store_chunk", True),
        "rejected rows written": (importer.RejectedFile, "append", True),
        "progress noted, nothing committed": (importer, "_advance", True),
        "chunk committed": (importer._Import, "_commit", True),
        "all but the last word": (importer.audit, "record", False),
        "imported": (importer, "_report", False),
    }
    if point != "never":
        owner, name, after = points[point]
        setattr(owner, name, dying(getattr(owner, name), int(nth), after=after))
    importer.import_persons(Path(file), by=Actor.system("test"), at=utc_now(), processes=int(processes))


if __name__ == "__main__":
    main(*sys.argv[1:])
