"""What an import file looks like once it has been read through: chunks, and rows as they stand in it.

The reading itself is in ``files``, and for each format in ``csv_files`` and ``parquet_files``.
"""

from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from yikatong.registry.rows import Problem

CHUNK_ROWS = 10_000

type Hashes = np.ndarray[tuple[int], np.dtype[np.int64]]


class Chunk(NamedTuple):
    """A piece of a file. ``start`` is a byte offset (CSV) or row number (Parquet); ``length`` bytes or rows."""

    first_line: int
    lines: int
    start: int
    length: int


class SourceFile(NamedTuple):
    """An import file that was read through once. Lines count from 1; in a CSV file line 1 is the header."""

    path: Path
    is_parquet: bool
    sha256: str
    size_bytes: int
    changed_ns: int
    encoding: str
    columns: tuple[str, ...]
    header: tuple[str, ...]
    rows: int
    chunks: tuple[Chunk, ...]
    repeated_lines: frozenset[int]


class RawRow(NamedTuple):
    """One row as it stands in the file: its cells in the order of the expected columns, or why it has none."""

    line: int
    cells: list[str]
    problem: Problem | None = None
    text: str = ""


class Scan(NamedTuple):
    """What one pass over a file finds: a hash of each row's key, the chunks, and the number of rows."""

    keys: Hashes
    chunks: tuple[Chunk, ...]
    rows: int


class Opened(Protocol):
    """A file whose header has been read."""

    encoding: str
    header: list[str]

    def scan(self, key_position: int) -> Scan:
        """Read all of it. ``key_position`` is the column whose values are hashed. Raises ``Refused(FILE_…)``."""
