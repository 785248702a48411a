"""Rule files: lists of entries, each with a source and the day it takes effect.

A later entry of the same code replaces an earlier one from its day on; nothing is ever edited in place, so that what
held on a past day can be asked for. Codes end in their unit. This module knows no rule: see ``rules`` and ``tariffs``.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec

from yikatong.city.fields import convert_fields
from yikatong.city.folder import Problem
from yikatong.foundation.errors import YikatongError

Source = Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="来源（没有来源的写 assumption）")]
Code = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z0-9_]+$", max_length=40, description="字母、数字和下划线组成的代号")
]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What every entry of every rule file carries."""

    code: Code
    effective_from: date
    source: Source

    @property
    def is_assumption(self) -> bool:
        """Whether any part of it was invented for lack of a source."""
        return "assumption" in self.source


class NoRuleYet(YikatongError):
    """A day before the first entry took effect."""


def in_force[E: Entry](entries: Iterable[E], day: date) -> dict[str, E]:
    """Of each code the entry with the latest ``effective_from`` not after ``day``; codes in the file's order."""
    found: dict[str, E] = {}
    for entry in entries:
        before = found.get(entry.code)
        if entry.effective_from <= day and (before is None or entry.effective_from >= before.effective_from):
            found[entry.code] = entry
    return found


def read_entries(
    root: Path, name: str, tables: Mapping[str, type[Entry]]
) -> tuple[dict[str, list[Any]], list[Problem]]:
    """The entries of a rule file by table name, and every fault found. ``tables``: which struct each table holds."""
    try:
        text = (root / name).read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return {table: [] for table in tables}, [Problem(name, 0, "", f"读不出来：{error}")]
    problems = [Problem(name, 0, table, "不认识的表") for table in content if table not in tables]
    entries: dict[str, list[Any]] = {}
    for table, kind in tables.items():
        entries[table] = []
        lines = _header_lines(text, table)
        seen: set[tuple[str, date]] = set()
        found = content.get(table, [])
        if not isinstance(found, list) or not all(isinstance(raw, dict) for raw in found):
            problems.append(Problem(name, 0, table, f"每一条都要写成 [[{table}]]"))
            continue
        for number, raw in enumerate(found):
            line = lines[number] if number < len(lines) else 0
            entry, faults = convert_fields(raw, kind, is_text=False)
            problems += [
                Problem(name, _field_line(text, line, field), f"{table}.{field}", why) for field, why in faults
            ]
            if entry is None:
                continue
            if (entry.code, entry.effective_from) in seen:
                problems.append(Problem(name, line, f"{table}.code", f"{entry.code} 在 {entry.effective_from} 有两条"))
            seen.add((entry.code, entry.effective_from))
            entries[table].append(entry)
    return entries, problems


def _header_lines(text: str, table: str) -> list[int]:
    header = re.compile(rf"^\s*\[\[\s*{re.escape(table)}\s*\]\]")
    return [number for number, line in enumerate(text.splitlines(), 1) if header.match(line)]


def _field_line(text: str, header_line: int, field: str) -> int:
    """The line on which an entry writes a field; its header's line when it leaves it out."""
    for number, line in enumerate(text.splitlines()[header_line:], header_line + 1):
        if line.lstrip().startswith("[["):
            break
        if re.match(rf"\s*{re.escape(field)}\s*=", line):
            return number
    return header_line
