"""Booking the last places: 200 people at once, more of them than places, through the service that pages and desks use.

    python -m bench.booking

Each of 200 clients has a database session of its own, warm as a running service has them, and asks again as soon as it is
answered, as many people as there are to ask. There are fewer places than people, in half-days that fill up one after another, so
that many ask for the same last place.
Counted are bookings made and the time of every answer, refusals too. The baseline, in the same run, is what the same clients
and sessions reach when each commits one row and nobody stands in anybody's way. The last line is JSON; the exit code is 0
exactly when nobody was booked too many, nothing failed, and the bars of rate and time are met.
"""

import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import date
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from uuid import uuid4

import numpy as np

from yikatong.database.cluster import Cluster
from yikatong.foundation.clock import utc_now

CLIENTS, PROCESSES = 200, 2
PEOPLE, PLACES_EACH, HALF_DAYS = 16_000, 12, 800
P95_BAR_MS, RATE_BAR_PER_S = 250.0, 300.0
DAY = date(2099, 1, 5)
WARM = "warm"
type Ask = Callable[[int], bool]


def main() -> int:
    """Run the benchmark."""
    folder = Path(tempfile.mkdtemp(prefix="yikatong-bench-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user when root runs this
    cluster = Cluster(folder / "postgres", durable=True)
    try:
        os.environ["YIKATONG_HOME"] = str(folder / "home")
        os.environ["DATABASE_URL"] = cluster.start()
        prepare()
        return report(measured("book"), measured("bare"))
    finally:
        cluster.stop(immediately=True)
        shutil.rmtree(folder, ignore_errors=True)


def prepare() -> None:
    """Tables, and half-days that hold fewer than will ask."""
    setup_django()
    from django.core.management import call_command
    from django.db import connection

    from yikatong.campaign.models import HalfDay

    call_command("migrate", verbosity=0)
    HalfDay.objects.bulk_create(
        HalfDay(outlet_id=f"O{number}", day=DAY, half="am", capacity=PLACES_EACH) for number in range(HALF_DAYS)
    )
    with connection.cursor() as cursor:
        cursor.execute("create table bare (id bigserial primary key, person_id bigint not null)")
        HalfDay.objects.create(outlet_id=WARM, day=DAY, half="am", capacity=CLIENTS)
    connection.close()


def measured(what: str) -> tuple[float, np.ndarray, int]:
    """Seconds from the first question to the last answer, each answer's milliseconds, and how many were booked."""
    context = get_context("spawn")
    start, results = context.Barrier(PROCESSES + 1), context.SimpleQueue()
    workers = [context.Process(target=work, args=(what, number, start, results)) for number in range(PROCESSES)]
    for worker in workers:
        worker.start()
    start.wait()
    began = time.perf_counter()
    parts = [results.get() for _ in workers]
    seconds = time.perf_counter() - began
    for worker in workers:
        worker.join()
    return seconds, np.concatenate([part[0] for part in parts]), sum(part[1] for part in parts)


def work(what: str, number: int, start: Barrier, results: "SimpleQueue[tuple[np.ndarray, int]]") -> None:
    """One process's clients."""
    setup_django()
    people = iter(range(number, PEOPLE, PROCESSES))
    taking, times, booked = threading.Lock(), list[float](), list[bool]()
    ready = threading.Barrier(CLIENTS // PROCESSES + 1)
    ask = asking(what)

    def client() -> None:
        from django.db import connection

        warm_up(-threading.get_native_id())
        ready.wait()
        while True:
            with taking:
                person = next(people, None)
            if person is None:
                break
            began = time.perf_counter()
            is_booked = ask(person)
            times.append((time.perf_counter() - began) * 1000)
            booked.append(is_booked)
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(CLIENTS // PROCESSES)]
    for thread in threads:
        thread.start()
    start.wait()
    ready.wait()
    for thread in threads:
        thread.join()
    results.put((np.array(times), sum(booked)))


def warm_up(person: int) -> None:
    """Book and cancel once, so that this session has met every statement."""
    from yikatong.audit.actors import Actor
    from yikatong.campaign.appointments import Place, book, end

    number, at, by = uuid4(), utc_now(), Actor("resident", "bench")
    book(person, Place(WARM, DAY, "am"), appointment_id=number, by=by, at=at)
    end(person, number, state="cancelled", by=by, at=at)


def asking(what: str) -> Ask:
    """What a client does for a person: book (whether it was booked), or commit one bare row."""
    from django.db import connection

    from yikatong.audit.actors import Actor
    from yikatong.campaign.appointments import NotBooked, Place, Reason, book

    at, by = utc_now(), Actor("resident", "bench")

    def booking(person: int) -> bool:
        """The half-days fill up in order: as many people as clients ask for the same few at a time."""
        place = Place(f"O{person * HALF_DAYS // PEOPLE}", DAY, "am")
        try:
            return book(person, place, appointment_id=uuid4(), by=by, at=at) == "booked"
        except NotBooked as refused:
            if refused.reason != Reason.FULL:
                raise
            return False

    def bare(person: int) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("insert into bare (person_id) values (%s)", [person])
        return True

    return booking if what == "book" else bare


def report(made: tuple[float, np.ndarray, int], bare: tuple[float, np.ndarray, int]) -> int:
    """Print, and hold against the bars."""
    from django.db import connection
    from django.db.models import F

    from yikatong.campaign.models import Appointment, HalfDay

    seconds, times, booked = made
    overbooked = HalfDay.objects.filter(taken__gt=F("capacity")).count()
    kept = Appointment.objects.filter(state="kept").count()
    taken = sum(HalfDay.objects.values_list("taken", flat=True))
    connection.close()
    errors = PEOPLE - len(times)
    rate, bare_rate = booked / seconds, len(bare[1]) / bare[0]
    p50, p95 = (float(each) for each in np.quantile(times, [0.5, 0.95]))
    places = HALF_DAYS * PLACES_EACH
    print(
        f"{CLIENTS} clients, {PEOPLE:,} people for {places:,} places: {booked:,} booked, {errors} errors, {overbooked} overbooked"
    )
    print(f"booked  {rate:,.0f}/s, {len(times) / seconds:,.0f} answers/s; p50 {p50:.0f} ms, p95 {p95:.0f} ms")
    print(f"bare    {bare_rate:,.0f} commits/s by the same clients")
    ok = (
        errors == overbooked == 0 and booked == kept == taken == places and p95 <= P95_BAR_MS and rate >= RATE_BAR_PER_S
    )
    result = {
        "name": "booking",
        "clients": CLIENTS,
        "bookings_per_s": round(rate),
        "rate_bar_per_s": RATE_BAR_PER_S,
        "p50_ms": round(p50, 1),
        "p95_ms": round(p95, 1),
        "p95_bar_ms": P95_BAR_MS,
        "errors": errors,
        "overbooked": overbooked,
        "baseline": round(bare_rate),
        "ratio": round(len(times) / seconds / bare_rate, 3),
        "cores": os.cpu_count(),
        "ok": ok,
    }
    print(json.dumps(result))
    return 0 if ok else 1


def setup_django() -> None:
    """Settings by the environment."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yikatong.config.settings")
    import django

    django.setup()


if __name__ == "__main__":
    sys.exit(main())
