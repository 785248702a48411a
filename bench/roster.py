"""A unit's roster of a million rows: checked row by row against the register, told, and taken in one transaction.

    python -m bench.roster [ROWS]

Makes up a register and an employer's roster of the same people: who is an employee is a good row, everybody else a bad one that
has to be told why. Counted are the check and the taking, through the services that pages and the worker use. The baseline, in the
same run, is reading the same file row by row and checking nothing. The last line is JSON; the exit code is 0 exactly when every
row is good or bad, all good ones are on the unit's roster, and the process stayed under the bar of memory.
"""

import io
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from bench.registry_import import setup_django
from yikatong.database.cluster import Cluster
from yikatong.foundation.clock import beijing_day, utc_now

ROWS = 1_000_000
MEMORY_BAR_MB = 1_000.0
BANKS = ("ABC", "BOC", "ICBC")
EVIDENCE = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def main() -> int:
    """Run the benchmark."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    folder = Path(tempfile.mkdtemp(prefix="yikatong-bench-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user when root runs this
    cluster = Cluster(folder / "postgres", durable=True)
    try:
        os.environ["YIKATONG_HOME"] = str(folder / "home")
        os.environ["DATABASE_URL"] = cluster.start()
        os.environ.pop("YIKATONG_KEYS", None)
        unit, roster = prepare(folder, rows)
        return measure(unit, roster, rows)
    finally:
        cluster.stop(immediately=True)
        shutil.rmtree(folder, ignore_errors=True)


def prepare(folder: Path, rows: int) -> tuple[str, bytes]:
    """The register, an employer that has enrolled, and its roster as CSV. The import runs in processes of its own."""
    setup_django()
    from django.core.management import call_command

    from yikatong.audit.actors import Actor
    from yikatong.city.loader import load_city
    from yikatong.registry.importer import import_persons
    from yikatong.registry.models import Organisation
    from yikatong.registry.organisations import import_organisations
    from yikatong.registry.synth.writing import write_synthetic_register
    from yikatong.units.enrolment import enrol
    from yikatong.units.rules import Choice, Decision

    at, by = utc_now(), Actor.system("bench")
    call_command("migrate", verbosity=0)
    load_city(at=at)
    register = folder / "register.csv"
    report = write_synthetic_register(register, persons=rows, seed=1, on=beijing_day(at))
    import_organisations(report.organisations_path, by=by, at=at)
    import_persons(register, by=by, at=at)
    unit = Organisation.objects.filter(kind="employer").order_by("credit_code").values_list("pk", flat=True)[0]
    decision = Decision("职工代表大会", beijing_day(at), "bench", EVIDENCE, "决定.pdf")
    enrol(unit, Choice(BANKS, is_enrolled_as_whole=False, collects_for_members=True), decision, by=by, at=at)
    people = pl.read_csv(register, columns=["name", "identity_number"], infer_schema=False)
    roster = people.select(
        pl.col("name").alias("姓名"), pl.col("identity_number").alias("证件号码"), pl.lit("ICBC").alias("所选银行")
    ).write_csv()
    print(f"prepared  {rows:,} persons and a roster of {len(roster) / 1e6:,.0f} MB")
    return unit, roster.encode()


def measure(unit: str, roster: bytes, rows: int) -> int:
    """Read, check, take, print."""
    from yikatong.audit.actors import Actor
    from yikatong.units.checking import check_roster
    from yikatong.units.models import RosterEntry
    from yikatong.units.reading import check_file, rows_of
    from yikatong.units.rosters import confirm, receive, take

    at, by = utc_now(), Actor("unit", "bench")
    media_type = check_file("roster.csv", roster).media_type
    began = time.perf_counter()
    read = max(number for number, _ in enumerate(rows_of("roster.csv", io.BytesIO(roster), media_type), start=1))
    read_s = time.perf_counter() - began
    began = time.perf_counter()
    roster_id = receive(unit, "roster.csv", roster, by=by, at=at).roster_id
    checked = check_roster(roster_id, at=at)
    check_s = time.perf_counter() - began
    began = time.perf_counter()
    confirm(unit, roster_id, by=by, at=at)
    take(roster_id, at=at)
    take_s = time.perf_counter() - began
    taken = RosterEntry.objects.filter(organisation_code=unit, roster_id=roster_id).count()
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    is_whole = read == rows == checked.rows_good + checked.rows_bad and taken == checked.rows_good
    ok = is_whole and memory_mb <= MEMORY_BAR_MB
    print(f"read      {rows:,} rows in {read_s:.1f} s")
    print(f"checked   in {check_s:.1f} s: {checked.rows_good:,} good, {checked.rows_bad:,} bad, each told why")
    print(f"taken     {taken:,} in {take_s:.1f} s, in one transaction; {memory_mb:,.0f} MB at the peak of the process")
    figures = {
        "name": "roster",
        "rows": rows,
        "rows_per_s": round(rows / check_s),
        "check_s": round(check_s, 1),
        "take_s": round(take_s, 1),
        "good": checked.rows_good,
        "bad": checked.rows_bad,
        "memory_mb": round(memory_mb),
        "memory_bar_mb": MEMORY_BAR_MB,
        "baseline": round(rows / read_s),
        "ratio": round(read_s / check_s, 3),
        "ok": ok,
    }
    print(json.dumps(figures))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
