"""Reading the text tables of a data folder: all rows, or every fault in them.

A table is UTF-8 text with a header line. One bad cell does not hide the next: each is reported with file, line, column
and reason. Whether tables agree with each other is checked in ``checks``.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from yikatong.city.fields import convert_fields
from yikatong.city.folder import Problem
from yikatong.city.schemas import Row


@dataclass(slots=True)
class Table[R: Row]:
    """The good rows of a file and the line each stands on."""

    file: str
    rows: list[R] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def problem(self, index: int, column: str, reason: str) -> Problem:
        """A fault in the row at ``index``."""
        return Problem(self.file, self.lines[index], column, reason)

    def by[K](self, key: Callable[[R], K]) -> dict[K, R]:
        """The rows by a key that occurs once."""
        return {key(row): row for row in self.rows}


def read_table[R: Row](
    path: Path, name: str, kind: type[R], unique: tuple[str, ...] = ()
) -> tuple[Table[R], list[Problem]]:
    """All good rows of a CSV file and every fault in it. ``unique``: columns that together occur once."""
    table = Table[R](name)
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        return table, [Problem(name, 0, "", f"读不出来：{error.strerror}")]
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return table, [Problem(name, line, "", "不是 UTF-8 编码；请另存为 UTF-8 后再试")]
    if text.startswith("\ufeff"):
        text = text[1:]
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
    except csv.Error as error:
        return table, [Problem(name, 1, "", f"表头的引号或分隔符不对（{error}）")]
    problems = _check_header(name, header, kind)
    if problems:
        return table, problems
    seen: dict[tuple[object, ...], int] = {}
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return table, problems
        except csv.Error as error:
            return table, [*problems, Problem(name, line, "", f"引号或分隔符不对（{error}），其后各行没有再检查")]
        if not cells:
            problems.append(Problem(name, line, "", "空行"))
            continue
        if len(cells) != len(header):
            problems.append(Problem(name, line, "", f"应有 {len(header)} 栏，实有 {len(cells)} 栏"))
            continue
        problems += _take(table, line, dict(zip(header, cells, strict=True)), kind=kind, unique=unique, seen=seen)


def _take[R: Row](
    table: Table[R],
    line: int,
    raw: Mapping[str, str],
    *,
    kind: type[R],
    unique: tuple[str, ...],
    seen: dict[tuple[object, ...], int],
) -> list[Problem]:
    row, faults = convert_fields(raw, kind, is_text=True)
    if row is None:
        return [Problem(table.file, line, column, reason) for column, reason in faults]
    if unique:
        key = tuple(getattr(row, column) for column in unique)
        if key in seen:
            shown = "、".join(map(str, key))
            return [Problem(table.file, line, "、".join(unique), f"“{shown}”与第 {seen[key]} 行重复")]
        seen[key] = line
    table.rows.append(row)
    table.lines.append(line)
    return []


def _check_header(name: str, header: list[str], kind: type[Row]) -> list[Problem]:
    expected = [field.name for field in msgspec.structs.fields(kind)]
    missing = [column for column in expected if column not in header]
    unknown = [column for column in header if column not in expected]
    twice = sorted({column for column in header if header.count(column) > 1})
    return (
        [Problem(name, 1, column, "缺少这一栏") for column in missing]
        + [Problem(name, 1, column, "不认识的栏") for column in unknown]
        + [Problem(name, 1, column, "这一栏出现不止一次") for column in twice]
    )
