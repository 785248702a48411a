"""What a backup promises to contain: rows and a checksum of every table, seen in one snapshot.

The manifest lies beside the dump as ``FILE.manifest.json``. It finds damage, truncation and mix-ups, in the dump and in
itself; it is not a signature, so whoever can rewrite both files can forge both.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from yikatong.foundation.errors import YikatongError

FORMAT = 1

# Everything that shapes how a row is written as text.
_TEXT_FORM = """
set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres';
set local bytea_output = 'hex'; set local extra_float_digits = 1; set local xmlbinary = 'base64';
"""
_TABLES = """
select n.nspname, c.relname
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1, 2
"""


class BackupError(YikatongError):
    """A backup cannot be made, read or restored; the text says why and that existing data are untouched."""


@dataclass(frozen=True, slots=True)
class TableContent:
    """Number of rows, and the sum of all rows' 64-bit hashes: it does not depend on their order."""

    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One backup, described. ``made_at_utc`` is ISO 8601; ``migrations`` are ``app.name`` in order of application."""

    made_at_utc: str
    database: str
    server_version: str
    dump_bytes: int
    dump_sha256: str
    tables: dict[str, TableContent]
    migrations: list[str]

    @property
    def rows(self) -> int:
        """All rows of all tables."""
        return sum(content.rows for content in self.tables.values())

    def write(self, path: Path) -> None:
        """Write it as JSON, with a digest over the rest so that a changed manifest is found."""
        body = {"format": FORMAT, **asdict(self)}
        path.write_text(json.dumps({**body, "digest": _digest(body)}, indent=1, ensure_ascii=False) + "\n")


def read_manifest(path: Path) -> Manifest:
    """Read and check one. Raises ``BackupError``."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BackupError(f"{path} is missing: a backup consists of the dump and its manifest; bring both") from None
    except (ValueError, OSError) as error:
        raise BackupError(f"{path} cannot be read as a manifest: {error}") from None
    if not isinstance(body, dict) or body.pop("digest", None) != _digest(body):
        raise BackupError(f"{path} was changed or damaged after the backup was made; nothing was restored")
    written_as = body.pop("format")
    if written_as != FORMAT:
        raise BackupError(f"{path} is of format {written_as}, this Yikatong reads {FORMAT}; use the one that wrote it")
    tables = {name: TableContent(**content) for name, content in body.pop("tables").items()}
    return Manifest(tables=tables, **body)


def contents_of(connection: psycopg.Connection[tuple[Any, ...]]) -> dict[str, TableContent]:
    """Count and hash every table, in the connection's present transaction.

    Hashes are PostgreSQL's own ``hashtextextended``, the same on versions 15 to 18 (hash partitioning relies on it).
    """
    connection.execute(_TEXT_FORM)
    found = {}
    for schema, table in connection.execute(_TABLES).fetchall():
        query = sql.SQL(
            'select count(*), coalesce(sum(hashtextextended(entire_row::text collate "C", 0)), 0)::text '
            "from only {} as entire_row"
        ).format(sql.Identifier(schema, table))
        row = connection.execute(query).fetchone()
        assert row is not None
        found[f"{schema}.{table}"] = TableContent(*row)
    return found


def differences(promised: dict[str, TableContent], found: dict[str, TableContent]) -> list[str]:
    """What a restored database lacks, has too much of, or holds differently; empty when it is as promised."""
    wrong = [f"{name} is missing" for name in promised.keys() - found.keys()]
    wrong += [f"{name} was not in the backup" for name in found.keys() - promised.keys()]
    for name in promised.keys() & found.keys():
        if promised[name].rows != found[name].rows:
            wrong.append(f"{name} has {found[name].rows} rows instead of {promised[name].rows}")
        elif promised[name] != found[name]:
            wrong.append(f"{name} has other content")
    return sorted(wrong)


def sha256_of(path: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
