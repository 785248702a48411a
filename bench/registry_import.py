"""Import a city's register: rows per second and peak memory, against a plain COPY of the same rows.

    python -m bench.registry_import [--rows 1000000]

Makes up the persons, starts a PostgreSQL of its own with production's durability, and imports the file with the product's own
importer: read, check, seal three fields, index, store in eight tables' worth of rows and indexes. The baseline is what the
database alone needs for the person rows, already sealed and packed, in one COPY into an identical table. The last line is
JSON; the exit code is 0 exactly when both bars are met.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psycopg

from yikatong.database.cluster import Cluster
from yikatong.foundation.clock import beijing_day, utc_now

BAR_ROWS_PER_S = 20_000
BAR_PEAK_MEMORY_MB = 1500
SAMPLE_EVERY_S, DATABASE_SAMPLE_EVERY_S = 0.1, 2.0  # the kernel walks a gigabyte of buffers for each of its processes
SEED = 1


def main() -> int:
    """Run the benchmark, or, with ``--import``, the one process tree that it measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--import", type=Path, dest="import_file", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.import_file:
        return run_import(arguments.import_file)
    folder = Path(tempfile.mkdtemp(prefix="yikatong-bench-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user when root runs this
    cluster = Cluster(folder / "postgres", durable=True)
    try:
        return measure(cluster, folder, arguments.rows)
    finally:
        cluster.stop(immediately=True)
        shutil.rmtree(folder, ignore_errors=True)


def measure(cluster: Cluster, folder: Path, rows: int) -> int:
    """Prepare, import, compare, print."""
    os.environ["YIKATONG_HOME"] = str(folder / "home")
    os.environ["DATABASE_URL"] = cluster.start()
    os.environ.pop("YIKATONG_KEYS", None)
    register = folder / "register.csv"
    prepare(register, rows)
    command = [sys.executable, "-m", "bench.registry_import", "--import", str(register)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        sampler = Sampler(child.pid, cluster)
        sampler.start()
        output, _ = child.communicate()
        sampler.stop()
    if child.returncode:
        return child.returncode
    seconds = json.loads(output.splitlines()[-1])["seconds"]
    copy_seconds = plain_copy(folder / "rows.bin")
    rate, copy_rate = rows / seconds, rows / copy_seconds
    print(f"import      {rows:,} rows in {seconds:.1f} s: {rate:,.0f} rows/s on {os.cpu_count()} cores")
    print(f"            importer {sampler.peak_mb:,.0f} MB at its peak; PostgreSQL {sampler.database_peak_mb:,.0f} MB")
    print(f"            processor time: importer {sampler.cpu_s:.0f} s, PostgreSQL {sampler.database_cpu_s:.0f} s")
    print(f"plain COPY  {copy_seconds:.1f} s: {copy_rate:,.0f} rows/s")
    ok = rate >= BAR_ROWS_PER_S and sampler.peak_mb <= BAR_PEAK_MEMORY_MB
    figures = {
        "name": "import",
        "rows": rows,
        "rows_per_s": round(rate),
        "peak_memory_mb": round(sampler.peak_mb),
        "postgresql_peak_memory_mb": round(sampler.database_peak_mb),
        "baseline": round(copy_rate),
        "ratio": round(rate / copy_rate, 3),
        "bar": BAR_ROWS_PER_S,
        "bar_peak_memory_mb": BAR_PEAK_MEMORY_MB,
        "ok": ok,
    }
    print(json.dumps(figures))
    return 0 if ok else 1


def prepare(register: Path, rows: int) -> None:
    """The database's tables, the city, the made-up persons' file, and their units."""
    setup_django()
    from django.core.management import call_command

    from yikatong.audit.actors import Actor
    from yikatong.city.loader import load_city
    from yikatong.registry.organisations import import_organisations
    from yikatong.registry.synth.writing import write_synthetic_register

    call_command("migrate", verbosity=0)
    at = utc_now()
    load_city(at=at)
    report = write_synthetic_register(register, persons=rows, seed=SEED, on=beijing_day(at))
    import_organisations(report.organisations_path, by=Actor.system("bench"), at=at)
    print(f"prepared    {rows:,} persons, {register.stat().st_size / 1e6:,.0f} MB; {report.organisations:,} units")


def run_import(register: Path) -> int:
    """The measured process: one import, as the command does it."""
    setup_django()
    from yikatong.audit.actors import Actor
    from yikatong.registry.importer import import_persons

    started = time.perf_counter()
    report = import_persons(register, by=Actor.system("bench"), at=utc_now(), progress=sys.stderr.isatty())
    seconds = time.perf_counter() - started
    if report.added != report.rows:
        print(f"only {report.added} of {report.rows} rows were added", file=sys.stderr)
        return 2
    print(json.dumps({"seconds": seconds}))
    return 0


def setup_django() -> None:
    """Django with the product's settings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yikatong.config.settings")
    import django

    django.setup()


def plain_copy(file: Path) -> float:
    """Seconds for one COPY of the person rows into a table with the same columns and indexes."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        with file.open("wb") as out, cursor.copy("copy registry_person to stdout (format binary)") as copy:
            for piece in copy:
                out.write(piece)
        cursor.execute("create table bench_person (like registry_person including all)")
        connection.commit()
        connection.autocommit = True
        cursor.execute("checkpoint")
        connection.autocommit = False
        started = time.perf_counter()
        with file.open("rb") as rows, cursor.copy("copy bench_person from stdin (format binary)") as copy:
            while piece := rows.read(1 << 18):
                copy.write(piece)
        connection.commit()
        return time.perf_counter() - started


class Sampler(threading.Thread):
    """Watches the memory and processor time of a process with its children, and of the database beside it."""

    def __init__(self, pid: int, cluster: Cluster) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._database_pid = cluster.pid()
        self._stopped = threading.Event()
        self._cpu: dict[int, float] = {}
        self._database_cpu: dict[int, float] = {}
        self._database_cpu_before = sum(cpu_s(pid) for pid in self._database_tree())
        self.peak_mb = self.database_peak_mb = 0.0

    @property
    def cpu_s(self) -> float:
        """Processor seconds of the importer's processes."""
        return sum(self._cpu.values())

    @property
    def database_cpu_s(self) -> float:
        """Processor seconds of PostgreSQL's processes since the sampler was made."""
        return sum(self._database_cpu.values()) - self._database_cpu_before

    def run(self) -> None:
        """Sample until stopped."""
        database_at = 0.0
        while not self._stopped.wait(SAMPLE_EVERY_S):
            importer = process_tree(self._pid)
            self.peak_mb = max(self.peak_mb, sum(map(resident_mb, importer)))
            self._cpu.update({pid: max(cpu_s(pid), self._cpu.get(pid, 0)) for pid in importer})
            if time.monotonic() < database_at:
                continue
            database_at, database = time.monotonic() + DATABASE_SAMPLE_EVERY_S, self._database_tree()
            self.database_peak_mb = max(self.database_peak_mb, sum(map(proportional_mb, database)))
            self._database_cpu.update({pid: max(cpu_s(pid), self._database_cpu.get(pid, 0)) for pid in database})

    def stop(self) -> None:
        """End sampling."""
        self._stopped.set()
        self.join()

    def _database_tree(self) -> list[int]:
        return process_tree(self._database_pid) if self._database_pid else []


def process_tree(pid: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        fields = read(status).rpartition(")")[2].split()
        if fields:
            children.setdefault(int(fields[1]), []).append(int(status.parent.name))
    tree = [pid]
    for known in tree:
        tree.extend(children.get(known, []))
    return tree


def resident_mb(pid: int) -> float:
    """Resident memory; pages shared between processes count for each, so a sum is rather too high."""
    fields = read(Path(f"/proc/{pid}/statm")).split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6 if fields else 0.0


def proportional_mb(pid: int) -> float:
    """Memory with shared pages shared out: PostgreSQL's processes all map the same buffers."""
    for line in read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1e3
    return 0.0


def cpu_s(pid: int) -> float:
    """Processor seconds of one process."""
    fields = read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def read(path: Path) -> str:
    """A file of /proc, empty when its process has just ended."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
