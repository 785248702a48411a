"""An import that kills itself with SIGKILL at a chosen point, or with the point ``never`` runs to its end.

Chunks have three rows, so that a small file has several.
"""

from pathlib import Path

from tests.dying import dying
from yikatong.audit.actors import Actor
from yikatong.foundation.clock import utc_now
from yikatong.registry import chunked, csv_files, importer

CHUNK_ROWS = 3
POINTS = {
    "before a chunk": (importer, "store_chunk", False),
    "rows copied": (importer, "store_chunk", True),
    "rejected rows written": (importer.RejectedFile, "append", True),
    "progress noted, nothing committed": (importer, "_advance", True),
    "chunk committed": (importer._Import, "_commit", True),
    "all but the last word": (importer.audit, "record", False),
    "imported": (importer, "_report", False),
}


def import_to(file: Path, point: str, nth: int, processes: int) -> None:
    """Import ``file``, to the point; in a process of its own."""
    chunked.CHUNK_ROWS = csv_files.CHUNK_ROWS = importer.CHUNK_ROWS = CHUNK_ROWS
    if point != "never":
        owner, name, after = POINTS[point]
        setattr(owner, name, dying(getattr(owner, name), nth, after=after))
    importer.import_persons(file, by=Actor.system("test"), at=utc_now(), processes=processes)
