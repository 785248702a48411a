"""The resident's pages with a city behind them: how long they take at 100 requests a second, and what a phone must fetch.

    python -m bench.portal                      # 8,000,000 people; 40 GB of disk, some 15 minutes to fill
    python -m bench.portal --keep FOLDER        # keep the filled database there and use it again the next time

The web runs as ``yikatong web`` starts it, PostgreSQL beside it and the clients on the same machine. Requests start at fixed
moments whether or not earlier ones were answered (an open loop), each as another signed-in resident, the four pages mixed
evenly: home, the step of applying that draws and lists the banks, tracking, the finder. A request counts from the moment it
was due. The baseline in the same run is the welcome page, which reads nothing, asked in the same way. Then a real browser
opens each page once with empty and once with filled cache: bytes transferred, and, throttled as a slow 4G phone, the time until
the page can be used. The last line is JSON; the exit code is 0 exactly when every bar is met.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np

from bench.portal_phone import FIRST_BAR_BYTES, LATER_BAR_BYTES, USABLE_BAR_S, PhoneVisit, visit_as_phone
from bench.portal_rows import SAMPLE, fill
from yikatong.database.cluster import Cluster

PERSONS, RATE_PER_S, SECONDS, WARM_UP_S = 8_000_000, 100, 60, 15
P95_BAR_MS = 120.0
CONNECTIONS = 64
PLACES = ("国贸", "西单", "协和医院", "海淀", "天坛", "通州", "sdt")
type Times = dict[str, list[float]]
type Visitor = tuple[int, str]
"""A resident's number and the key of their session."""


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--persons", type=int, default=PERSONS)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="yikatong-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # PostgreSQL runs as another user when root runs this
    cluster = Cluster(folder / "postgres", durable=True)
    try:
        os.environ["YIKATONG_HOME"] = str(folder / "home")
        os.environ["DATABASE_URL"] = cluster.start()
        visitors = prepare(folder, persons=options.persons)
        return measure(visitors, persons=options.persons, seconds=options.seconds)
    finally:
        cluster.stop(immediately=not options.keep)
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


def prepare(folder: Path, *, persons: int) -> list[Visitor]:
    """Tables, the city, the rows (unless kept from before), and who signs in."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yikatong.config.settings")
    import django

    django.setup()
    from django.core.management import call_command

    from yikatong.banks.services import keep_seeds
    from yikatong.city.loader import load_city
    from yikatong.foundation.clock import utc_now

    call_command("migrate", verbosity=0)
    load_city(at=utc_now())
    keep_seeds(at=utc_now())
    filled = folder / f"filled-{persons}"
    if not filled.exists():
        print(f"filling the tables for {persons:,} people", flush=True)
        fill(os.environ["DATABASE_URL"], persons=persons)
        filled.touch()
    return sign_in(persons)


def sign_in(persons: int) -> list[Visitor]:
    """Seal what pages show of the sample and of their wards, and give each an account and a session."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.db import connection

    from yikatong.accounts.models import Role, SignedInSession, User
    from yikatong.accounts.own_sessions import LISTED_AS
    from yikatong.accounts.sessions import BEGUN_AT, MOVED_EVERY_S_MAX, USED_AT
    from yikatong.registry.models import Person
    from yikatong.registry.sealing import field_cipher

    cipher = field_cipher()
    step = persons // min(SAMPLE, persons // 20)
    numbers = [number + number // step % 10 for number in range(step, persons - 20, step)]
    shown = Person.objects.in_bulk([*numbers, *(number + 3 for number in numbers)])
    for person in shown.values():
        person.name_sealed = cipher.seal("name", f"测试{person.person_id}")
        person.identity_number_sealed = cipher.seal("identity_number", f"1199011980{person.person_id:08d}")
        person.phone_sealed = cipher.seal("phone", f"102{person.person_id:08d}")
    Person.objects.bulk_update(
        shown.values(), ["name_sealed", "identity_number_sealed", "phone_sealed"], batch_size=500
    )
    User.objects.filter(person_id__in=numbers).delete()
    users = User.objects.bulk_create(
        User(username=f"bench-{number}", role=Role.RESIDENT, person_id=number, password="!") for number in numbers
    )
    sessions = import_module(settings.SESSION_ENGINE).SessionStore
    visitors, chance = [], random.Random(2)
    for user in users:
        session = sessions()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        used_at = int(time.time()) - chance.randrange(MOVED_EVERY_S_MAX)  # as after signing in a moment ago
        session[USED_AT] = session[BEGUN_AT] = used_at
        session.save()
        at = datetime.fromtimestamp(used_at, UTC)
        digest = sha256(str(session.session_key).encode()).digest()
        row = SignedInSession.objects.create(key_digest=digest, user=user, device="", begun_at=at, last_used_at=at)
        session[LISTED_AS] = row.session_id
        session.save()
        visitors.append((int(user.person_id or 0), str(session.session_key)))
    connection.close()
    return visitors


def pages() -> dict[str, str]:
    """Name to address; ``{person}`` and ``{place}`` are filled in."""
    from django.urls import reverse

    return {
        "home": reverse("portal:home"),
        "apply": reverse("portal:apply_bank") + "?for={person}",
        "track": reverse("portal:progress"),
        "finder": reverse("portal:places") + "?near={place}",
    }


def measure(visitors: list[Visitor], *, persons: int, seconds: int) -> int:
    """Start the web, ask, look at it as a phone, stop it, report."""
    port = free_port()
    web = subprocess.Popen([sys.executable, "-m", "yikatong.config", "web", "--port", str(port)])
    try:
        wait_until_up(port)
        addresses = pages()
        asyncio.run(ask(port, addresses, visitors, seconds=WARM_UP_S))
        times, errors = asyncio.run(ask(port, addresses, visitors, seconds=seconds))
        bare, bare_errors = asyncio.run(ask(port, {"welcome": "/welcome/"}, visitors, seconds=max(10, seconds // 3)))
        visits = visit_as_phone(f"http://127.0.0.1:{port}", addresses, visitors[0])
    finally:
        web.terminate()
        web.wait(timeout=30)
    return report(times, bare, errors + bare_errors, visits, persons=persons)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def wait_until_up(port: int) -> None:
    """Until the welcome page is answered."""
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/welcome/", timeout=5).read()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


async def ask(
    port: int, addresses: dict[str, str], visitors: list[Visitor], *, seconds: int
) -> tuple[Times, list[str]]:
    """Ask at the fixed rate for so long; milliseconds per page from the moment each was due, and what went wrong."""
    times: Times = defaultdict(list)
    errors: list[str] = []
    chance = random.Random(1)
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(await asyncio.open_connection("127.0.0.1", port))

    async def one(name: str, address: str, session: str, due: float) -> None:
        reader, writer = await idle.get()
        try:
            status = await fetch(reader, writer, address, session)
            if status != 200:
                errors.append(f"{name}: {status} {address}")
        finally:
            idle.put_nowait((reader, writer))
        times[name].append((time.perf_counter() - due) * 1000)

    began = time.perf_counter()
    asked = []
    names = list(addresses)
    for number in range(seconds * RATE_PER_S):
        due = began + number / RATE_PER_S
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        person, session = chance.choice(visitors)
        name = names[number % len(names)]
        address = addresses[name].format(person=person, place=chance.choice(PLACES))
        asked.append(asyncio.create_task(one(name, address, session, due)))
    await asyncio.gather(*asked)
    while not idle.empty():
        idle.get_nowait()[1].close()
    return times, errors


async def fetch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str, session: str) -> int:
    """One request over a kept connection, the body read whole; its status."""
    from urllib.parse import quote

    writer.write(
        f"GET {quote(address, safe='/?=&%')} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n"
        f"Cookie: sessionid={session}\r\n\r\n".encode()
    )
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.split("content-length:")[1].split("\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(" ", 2)[1])


def report(times: Times, bare: Times, errors: list[str], visits: list[PhoneVisit], *, persons: int) -> int:
    """Print, and hold against the bars."""
    print(f"{persons:,} people, {RATE_PER_S} requests/s on {os.cpu_count()} cores, PostgreSQL and clients on the same")
    bare_p95 = float(np.quantile(bare["welcome"], 0.95))
    figures = {}
    for name, taken in [*times.items(), *bare.items()]:
        p50, p95, p99 = (float(each) for each in np.quantile(taken, [0.5, 0.95, 0.99]))
        figures[name] = p95
        print(f"  {name:8} {len(taken):6,} asked  p50 {p50:6.1f} ms  p95 {p95:6.1f} ms  p99 {p99:6.1f} ms")
    for visit in visits:
        print(
            f"  {visit.name:8} first visit {visit.first_bytes / 1000:6.1f} KB, again {visit.later_bytes / 1000:5.1f} KB, "
            f"usable on slow 4G in {visit.usable_s:.2f} s"
        )
    for error in errors[:5]:
        print(f"  error  {error}")
    ok = not errors and all(p95 <= P95_BAR_MS for p95 in figures.values()) and all(visit.meets_bars for visit in visits)
    worst = max(p95 for name, p95 in figures.items() if name != "welcome")
    result = {
        "name": "portal",
        "persons": persons,
        "rate_per_s": RATE_PER_S,
        "p95_ms": {name: round(p95, 1) for name, p95 in figures.items()},
        "p95_bar_ms": P95_BAR_MS,
        "first_kb": {visit.name: round(visit.first_bytes / 1000, 1) for visit in visits},
        "first_bar_kb": FIRST_BAR_BYTES / 1000,
        "later_kb": {visit.name: round(visit.later_bytes / 1000, 1) for visit in visits},
        "later_bar_kb": LATER_BAR_BYTES / 1000,
        "usable_s": {visit.name: round(visit.usable_s, 2) for visit in visits},
        "usable_bar_s": USABLE_BAR_S,
        "baseline": round(bare_p95, 1),
        "ratio": round(worst / bare_p95, 2),
        "errors": len(errors),
        "ok": ok,
    }
    print(json.dumps(result))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
