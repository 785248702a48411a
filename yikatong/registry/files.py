"""Reading an import file: found sound from end to end first, then handed out in chunks that can be read out of order.

CSV (UTF-8 with or without a byte order mark, or GB18030) and Parquet. It does not judge what the cells say: see ``rules``.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from yikatong.foundation.errors import Refused
from yikatong.registry.chunked import Chunk, Hashes, Opened, RawRow, SourceFile
from yikatong.registry.csv_files import CsvFile, csv_rows
from yikatong.registry.reasons import Reason

# A rejected file, once mended, may be imported as it is: these columns of it are passed over.
REPORT_COLUMNS = ("line", "reason_codes", "reason_text", "original_row")
_PARQUET_MARK = b"PAR1"


def inspect_file(path: Path, columns: Sequence[str], required: frozenset[str]) -> SourceFile:
    """Read a file through: its digest, encoding, header, chunks, and the lines whose first column occurs more than once.

    ``columns`` are those there may be, the first of them the key.
    Raises ``Refused`` with a ``Reason.FILE_…`` or ``Reason.COLUMNS_…`` before anything of it was used.
    """
    if not path.is_file():
        raise Refused(Reason.FILE_NOT_FOUND, f"找不到文件 {path}")
    status = path.stat()
    if status.st_size == 0:
        raise Refused(Reason.FILE_EMPTY, f"文件 {path} 是空的")
    with path.open("rb") as file:
        is_parquet = file.read(len(_PARQUET_MARK)) == _PARQUET_MARK
        if not is_parquet and path.suffix.lower() == ".parquet":
            raise Refused(Reason.FILE_UNREADABLE, f"文件 {path} 不是 Parquet 文件（开头不是 PAR1），可能传输不完整")
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        opened = _open_parquet(path) if is_parquet else CsvFile(path, file)
        key_position = _check_header(path, opened.header, columns, required)
        scan = opened.scan(key_position)
    if scan.rows == 0:
        raise Refused(Reason.FILE_EMPTY, f"文件 {path} 只有表头，没有数据行")
    return SourceFile(
        path=path,
        is_parquet=is_parquet,
        sha256=sha256,
        size_bytes=status.st_size,
        changed_ns=status.st_mtime_ns,
        encoding=opened.encoding,
        columns=tuple(columns),
        header=tuple(opened.header),
        rows=scan.rows,
        chunks=scan.chunks,
        repeated_lines=_repeated(scan.keys, first_line=1 if is_parquet else 2),
    )


def read_chunk(source: SourceFile, chunk: Chunk) -> Iterator[RawRow]:
    """The rows of one chunk, without blank ones. Raises ``Refused`` when the file was changed since it was inspected."""
    status = source.path.stat()
    if (status.st_size, status.st_mtime_ns) != (source.size_bytes, source.changed_ns):
        raise Refused(Reason.FILE_CHANGED, f"文件 {source.path} 在导入过程中被改动，请重新导入")
    if not source.is_parquet:
        return csv_rows(source, chunk)
    from yikatong.registry.parquet_files import parquet_rows

    return parquet_rows(source, chunk)


def _open_parquet(path: Path) -> Opened:
    from yikatong.registry.parquet_files import ParquetFile

    return ParquetFile(path)


def _check_header(path: Path, header: list[str], columns: Sequence[str], required: frozenset[str]) -> int:
    """Where the key column stands. Raises ``Refused`` when a column is missing, unknown or there twice."""
    repeated = sorted({name for name in header if header.count(name) > 1})
    unknown = [name for name in header if name not in columns and name not in REPORT_COLUMNS]
    if repeated or unknown:
        wrong = "、".join(f"“{name[:40]}”" for name in (repeated or unknown)[:5])
        detail = f"{'重复的列' if repeated else '不认识的列'}：{wrong}"
        allowed = f"可用的列：{'、'.join(columns)}，以英文逗号分隔"
        raise Refused(Reason.COLUMNS_UNKNOWN, f"文件 {path} 的表头不对，{detail}。{allowed}")
    missing = [name for name in columns if name in required and name not in header]
    if missing:
        raise Refused(Reason.COLUMNS_MISSING, f"文件 {path} 缺少列：{'、'.join(missing)}")
    return header.index(columns[0])


def _repeated(keys: Hashes, *, first_line: int) -> frozenset[int]:
    """Lines whose key's hash occurs more than once. A chance hit costs time, not correctness: digests decide later."""
    order = np.argsort(keys, kind="stable")
    same = keys[order[1:]] == keys[order[:-1]]
    lines = np.union1d(order[1:][same], order[:-1][same])
    return frozenset((lines + first_line).tolist())
