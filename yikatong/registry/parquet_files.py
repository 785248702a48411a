"""Parquet import files. Loaded only when there is one: polars takes longer to load than a small file to import."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from yikatong.foundation.errors import Refused
from yikatong.registry.chunked import CHUNK_ROWS, Chunk, RawRow, Scan, SourceFile
from yikatong.registry.reasons import Reason

_SCANNED_ROWS = CHUNK_ROWS * 10


class ParquetFile:
    """An opened Parquet file. Every column is read when it is scanned, so that a damaged page shows before the import."""

    encoding = "parquet"

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._lazy = pl.scan_parquet(path)
            self.header = self._lazy.collect_schema().names()
            self._rows = int(self._lazy.select(pl.len()).collect().item())
        except (PolarsError, OSError) as error:
            raise self._damaged() from error

    def scan(self, key_position: int) -> Scan:
        """See ``Opened``."""
        pieces = [np.empty(0, np.int64)]
        try:
            for start in range(0, self._rows, _SCANNED_ROWS):
                key = as_text(self._lazy.slice(start, _SCANNED_ROWS)).collect().to_series(key_position)
                pieces.append(key.str.strip_chars().str.to_uppercase().hash().to_numpy().view(np.int64))
        except (PolarsError, OSError) as error:
            raise self._damaged() from error
        chunks = []
        for start in range(0, self._rows, CHUNK_ROWS):
            length = min(CHUNK_ROWS, self._rows - start)
            chunks.append(Chunk(start + 1, length, start, length))
        return Scan(np.concatenate(pieces), tuple(chunks), self._rows)

    def _damaged(self) -> Refused[Reason]:
        return Refused(Reason.FILE_UNREADABLE, f"Parquet 文件 {self._path} 已损坏或传输不完整，请重新取得该文件")


def as_text(frame: pl.LazyFrame) -> pl.LazyFrame:
    """All columns as text: nulls empty, truth values 0 and 1, dates as 2001-02-03."""
    return frame.with_columns(pl.selectors.boolean().cast(pl.Int8)).select(pl.all().cast(pl.String).fill_null(""))


def parquet_rows(source: SourceFile, chunk: Chunk) -> Iterator[RawRow]:
    """The rows of one chunk, without blank ones."""
    present = [name for name in source.columns if name in source.header]
    missing = [pl.lit("").alias(name) for name in source.columns if name not in source.header]
    lazy = pl.scan_parquet(source.path).slice(chunk.start, chunk.length).select(present)
    frame = as_text(lazy).with_columns(missing).select(source.columns).collect()
    for line, cells in enumerate(frame.rows(), chunk.first_line):
        if any(cells):
            yield RawRow(line, list(cells))
