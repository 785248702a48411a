"""From a city's data folder into the database: checked completely first, then replaced in one transaction, or not at all.

A file is recognised by its SHA-256 together with its description: loading again changes nothing and says so; a changed
file replaces the rows made from it. Domains above this floor add a ``Part`` (``add_part``), so that one load is one transaction.
What no table needs (names, facts, rules) is only recorded: it is read from the folder where it is used.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
from django.db import connection, transaction

from yikatong.audit import services as audit
from yikatong.audit.actors import Actor
from yikatong.city.content import CityContent, read_city
from yikatong.city.folder import CITY_DATA, SourceFile
from yikatong.city.models import LoadedFile
from yikatong.city.writing import CITY_PARTS, Part

Status = Literal["new", "changed", "unchanged", "removed"]
_LOCK = 0x63697479  # "city"
_added_parts: list[Part] = []


@dataclass(frozen=True, slots=True)
class FileReport:
    """What loading did with one file."""

    name: str
    status: Status
    rows: int


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What loading did: file by file, and which parts were written with how many rows."""

    files: tuple[FileReport, ...]
    written: tuple[tuple[str, int], ...]

    @property
    def changed_nothing(self) -> bool:
        """Whether the database held all this before."""
        return not self.written and all(file.status == "unchanged" for file in self.files)


def add_part(part: Part) -> None:
    """Have a domain's rows written by every later load, after the city's own. Called once, from its ``AppConfig.ready``."""
    if part.name not in {known.name for known in _added_parts}:
        _added_parts.append(part)


def load_city(root: Path = CITY_DATA, *, at: datetime, announce: Callable[[str], None] = lambda _: None) -> LoadReport:
    """Load a data folder. Raises ``BadCityData`` with every fault and then has changed nothing.

    Safe to repeat and to run twice at once. ``announce`` is told the name of each part before it is written.
    """
    content = read_city(root)
    digests = {file.name: _digest(root, file) for file in content.folder.files}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        known = dict(LoadedFile.objects.values_list("name", "sha256"))
        status: dict[str, Status] = {
            name: "new" if name not in known else "unchanged" if known[name] == digest else "changed"
            for name, digest in digests.items()
        }
        written = _write_parts(content, status, announce)
        gone = sorted(known.keys() - digests.keys())
        _record(content, digests, status, at=at)
        LoadedFile.objects.filter(name__in=gone).delete()
        report = LoadReport(
            tuple(FileReport(name, status[name], content.count_of(name)) for name in digests)
            + tuple(FileReport(name, "removed", 0) for name in gone),
            tuple(written),
        )
        if not report.changed_nothing:
            audit.record(
                "city.loaded",
                subject=f"city:{content.folder.head.code}",
                by=Actor.system("city-loader"),
                at=at,
                files={file.name: file.status for file in report.files if file.status != "unchanged"},
                rows=dict(written),
            )
    return report


def _digest(root: Path, file: SourceFile) -> str:
    digest = hashlib.sha256(msgspec.json.encode(file))
    digest.update((root / file.name).read_bytes())
    return digest.hexdigest()


def _write_parts(
    content: CityContent, status: dict[str, Status], announce: Callable[[str], None]
) -> list[tuple[str, int]]:
    written = []
    for part in (*CITY_PARTS, *_added_parts):
        names = [content.folder.described(role).name for role in part.roles] + list(part.rule_files)
        if part.has_rows() and all(status[name] == "unchanged" for name in names):
            continue
        announce(part.name)
        written.append((part.name, part.write(content)))
    return written


def _record(content: CityContent, digests: dict[str, str], status: dict[str, Status], *, at: datetime) -> None:
    LoadedFile.objects.bulk_create(
        [
            LoadedFile(
                name=file.name,
                sha256=digests[file.name],
                rows=content.count_of(file.name),
                licence=file.licence,
                source=file.source,
                effective_from=file.effective_from,
                loaded_at=at,
            )
            for file in content.folder.files
            if status[file.name] != "unchanged"
        ],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["sha256", "rows", "licence", "source", "effective_from", "loaded_at"],
    )
