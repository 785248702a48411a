"""CSV import files: each line is a row of its own.

No column can hold a line break, so a lost quotation mark spoils one row and not the rest of the file, and a chunk can be
cut anywhere between two lines.
"""

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from yikatong.foundation.errors import Refused
from yikatong.registry.chunked import CHUNK_ROWS, Chunk, RawRow, Scan, SourceFile
from yikatong.registry.encodings import UTF8_MARK, choose_encoding
from yikatong.registry.reasons import Reason, RowReason
from yikatong.registry.rows import Problem

_LINE_BYTES_MAX = 1 << 20


class CsvFile:
    """An opened CSV file, read as bytes."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.encoding = choose_encoding(path, file)
        self._path = path
        self._file = file
        first = file.readline(_LINE_BYTES_MAX)
        text = first.removeprefix(UTF8_MARK).decode(self.encoding)
        row = split_line(text.rstrip("\r\n"))
        if row is None:
            raise Refused(Reason.COLUMNS_UNKNOWN, f"文件 {path} 的表头引号不配对")
        self.header = [name.strip() for name in row]
        self._start = len(first)

    def scan(self, key_position: int) -> Scan:
        """See ``Opened``."""
        offset, rows, pieces, chunks = self._start, 0, [], []
        while block := list(islice(self._file, CHUNK_ROWS)):
            length = sum(map(len, block))
            if length > _LINE_BYTES_MAX and max(map(len, block)) > _LINE_BYTES_MAX:
                raise Refused(Reason.FILE_UNREADABLE, f"文件 {self._path} 第 {rows + 2} 行之后有一行过长，不像表格")
            pieces.append(np.fromiter((self._key(line, key_position) for line in block), np.int64, len(block)))
            chunks.append(Chunk(rows + 2, len(block), offset, length))
            offset += length
            rows += len(block)
        return Scan(np.concatenate(pieces) if pieces else np.empty(0, np.int64), tuple(chunks), rows)

    def _key(self, line: bytes, position: int) -> int:
        if b'"' not in line:
            cells = line.split(b",", position + 1)
            key = cells[position] if len(cells) > position else b""
        else:
            row = split_line(line.rstrip(b"\r\n").decode(self.encoding))
            key = row[position].encode() if row and len(row) > position else b""
        return hash(key.strip().upper())


def split_line(line: str) -> list[str] | None:
    """The cells of one line of CSV; None when its quotation marks do not match."""
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error:
        return None


def csv_rows(source: SourceFile, chunk: Chunk) -> Iterator[RawRow]:
    """The rows of one chunk, without blank ones."""
    with source.path.open("rb") as file:
        file.seek(chunk.start)
        text = file.read(chunk.length).decode(source.encoding)
    width = len(source.header)
    positions = [source.header.index(name) if name in source.header else width for name in source.columns]
    in_order = positions == list(range(width))
    for line, content in enumerate(text.split("\n")[: chunk.lines], chunk.first_line):
        cells = split_line(content.rstrip("\r"))
        if cells is None:
            yield RawRow(line, [], Problem(RowReason.ROW_MALFORMED, "引号不配对"), content.rstrip("\r"))
        elif len(cells) == width:
            if not in_order:
                cells.append("")
                cells = [cells[position] for position in positions]
            if any(cells):
                yield RawRow(line, cells)
        elif any(cell.strip() for cell in cells):
            problem = Problem(RowReason.COLUMN_COUNT_WRONG, f"应有 {width} 列，文件中为 {len(cells)} 列")
            yield RawRow(line, [], problem, content.rstrip("\r"))
