"""The file that rejected rows go to, beside the imported one: ``register.csv`` has ``register.rejected.csv``.

It holds each row as it was, with its line and what is wrong with it, so that it can be mended and imported itself. Its
length is kept with the import run, in the same transaction as the chunk: after a crash, what was written beyond is cut off.
It holds personal data in clear, as the imported file does; only its owner can read it.
"""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from yikatong.registry.chunks import RejectedRow
from yikatong.registry.encodings import UTF8_MARK
from yikatong.registry.files import REPORT_COLUMNS
from yikatong.registry.rows import row_error_text

# A spreadsheet takes a cell that begins so for a formula. Source: OWASP, "CSV Injection".
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def rejected_path(path: Path) -> Path:
    """Where the rejected rows of an import file go."""
    return path.with_name(f"{path.stem}.rejected.csv")


class RejectedFile:
    """Append-only, and cut back to what is committed."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        self._columns = columns
        self.size_bytes = 0

    def begin(self) -> None:
        """Start anew: what an earlier import left is removed."""
        self.path.unlink(missing_ok=True)
        self.size_bytes = 0

    def go_on(self, size_bytes: int) -> bool:
        """Take up a file of which ``size_bytes`` are committed; False when it no longer holds them."""
        present = self.path.stat().st_size if self.path.is_file() else 0
        if present < size_bytes:
            return False
        if size_bytes == 0:
            self.path.unlink(missing_ok=True)
        elif present > size_bytes:
            os.truncate(self.path, size_bytes)
        self.size_bytes = size_bytes
        return True

    def append(self, rows: Sequence[RejectedRow]) -> None:
        """Write rows through to the disk, behind those committed before. ``size_bytes`` is the length then."""
        if not rows:
            return
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        if self.size_bytes == 0:
            writer.writerow((*REPORT_COLUMNS, *self._columns))
        for row in rows:
            codes = " ".join(problem.reason for problem in row.problems)
            cells = row.cells or [""] * len(self._columns)
            words = row_error_text(row.line, row.problems)
            writer.writerow((row.line, codes, words, harmless(row.text), *map(harmless, cells)))
        content = text.getvalue().encode("utf-8", "surrogatepass")
        if self.size_bytes == 0:
            content = UTF8_MARK + content
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "r+b") as file:
            file.truncate(self.size_bytes)
            file.seek(self.size_bytes)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self.size_bytes += len(content)


def harmless(cell: str) -> str:
    """The cell, quoted when a spreadsheet would run it as a formula."""
    return "'" + cell if cell.startswith(_FORMULA_STARTS) else cell
