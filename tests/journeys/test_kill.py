"""The first card's whole way while its processes are killed under it.

Twenty seeded runs, each with another resident: web, gateway, worker or database is killed -9 at random moments. After each
run nothing may be lost, doubled or stuck; after all of them the books balance to the fen.
"""

import os
import random
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.faces import drawn_file
from tests.forms import Visitor, forms_in
from tests.journeys.story import paid_by_the_demo
from tests.stack import Stack, wait_for
from yikatong.foundation.clock import utc_now
from yikatong.gm.fields import FieldCipher
from yikatong.gm.keystore import FileKeyStore
from yikatong.terminal import Accepted, Terminal
from yikatong.terminal.client import GatewayUnreachable
from yikatong.terminal.reader import code_from_image

pytestmark = [pytest.mark.journey, pytest.mark.slow]
RUNS, SEED = 20, 20261123
FROM_STATION, TO_STATION, FARE_FEN = "国贸", "西单", 400
KILLED = ("web", "gateway", "worker", "database")


@dataclass
class Resident:
    """Someone of the synthetic register, known in clear to this test alone."""

    person_id: int
    phone: str
    identity_number: str
    district: str


@contextmanager
def killing(stack: Stack, dice: random.Random) -> Iterator[list[str]]:
    """Kill one to three processes at random moments while the block runs."""
    victims = [dice.choice(KILLED) for _ in range(dice.randint(1, 3))]
    pauses = [dice.uniform(0.0, 2.5) for _ in victims]
    killed: list[str] = []
    over = threading.Event()

    def work() -> None:
        for victim, pause in zip(victims, pauses, strict=True):
            over.wait(pause)  # a random moment of the run; nothing waits for it
            with suppress(ProcessLookupError, KeyError, FileNotFoundError, ValueError):
                os.kill(stack.pids()[victim], signal.SIGKILL)
                killed.append(victim)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield killed
    finally:
        thread.join()


def look(stack: Stack, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Ask the database; an empty answer while it is down."""
    try:
        return stack.query(statement, *parameters)
    except psycopg.OperationalError:
        return []


def residents(stack: Stack) -> list[Resident]:
    """Adults with an older card who share their phone with nobody, in a seeded order."""
    cipher = FieldCipher(FileKeyStore.open(stack.home / "keys.json"))
    rows = stack.query(
        "select person_id, phone_sealed, identity_number_sealed, community_code from registry_person p "
        "where older_card_generation = 2 and category in ('employee', 'flexible') and phone_sealed is not null "
        "and birth_date < '1990-01-01' and not needs_large_print and (select count(*) from registry_person o "
        "where o.phone_index = p.phone_index) = 1 order by person_id"
    )
    random.Random(SEED).shuffle(rows)
    return [
        Resident(i, cipher.open("phone", bytes(p)), cipher.open("identity_number", bytes(n)), c[:6])
        for i, p, n, c in rows
    ]


def sign_in(stack: Stack, visitor: Visitor, resident: Resident) -> None:
    """Begin again when an answer was lost on the way, as a person would, until "my card" is there."""

    def is_signed_in() -> bool:
        page = visitor.get("/")
        if "last_four" in page.text:
            page = visitor.send(page, "last_four", {"last_four": resident.identity_number[-4:]})
        return page.status_code == 200 and page.url.path == "/"

    def try_once() -> bool:
        if is_signed_in():
            return True
        asked = visitor.send(visitor.get("/sign-in/"), "phone", {"phone": resident.phone})
        inbox = visitor.get("/dev/inbox/").text
        masked = f"{resident.phone[:3]}****{resident.phone[-4:]}"
        code = re.search(re.escape(masked) + r".*?登录验证码 (\d{6})", inbox, re.DOTALL)
        if code and any("code" in form.names for form in forms_in(asked.text)):
            visitor.send(asked, "code", {"code": code[1]})
        return is_signed_in()

    wait_for(try_once, within_s=90, why="signing in")


def activate(stack: Stack, visitor: Visitor, resident: Resident, address: str, tail: str) -> None:
    """By code and the end of the card's number, begun again when an answer was lost on the way."""

    def try_once() -> bool:
        page = visitor.get(address)
        if "社会保障功能已启用" in page.text:
            return True
        if not any("tail" in form.names for form in forms_in(page.text)):
            page = visitor.send(page, "action=send", {"action": "send"})
        masked = f"{resident.phone[:3]}****{resident.phone[-4:]}"
        pattern = re.escape(masked) + r".*?启用新的社会保障卡.*?验证码 (\d{6})"
        code = re.search(pattern, visitor.get("/dev/inbox/").text, re.DOTALL)
        if code and any("tail" in form.names for form in forms_in(page.text)):
            answers = {"tail": tail, "code": code[1], "agreed": "1", "action": "activate"}
            visitor.send(page, "tail", answers)
        return "社会保障功能已启用" in visitor.get(address).text

    wait_for(try_once, within_s=90, why="activating")


def apply_for_card(stack: Stack, visitor: Visitor, resident: Resident) -> None:
    ((bank, outlet),) = look_until(
        stack,
        "select b.bank_code, b.outlet_id from accounts_user u join banks_outlet b "
        "using (outlet_id) where u.username = 'clerk'",
    )
    page = visitor.get(f"/apply/photo/?for={resident.person_id}")
    if 'name="taken"' in page.text:
        files = {"photo": ("photo.jpg", drawn_file(), "image/jpeg")}
        visitor.send(page, "consent", {"consent": "1"}, files=files)
    page = visitor.get(f"/apply/bank/?for={resident.person_id}")
    visitor.send(page, "bank", {"bank": bank})
    page = visitor.get(f"/apply/collection/?for={resident.person_id}")
    answers = {"for": str(resident.person_id), "collection": "outlet", "outlet": outlet}
    visitor.send(page, "outlet", answers)
    page = visitor.get(f"/apply/slot/?for={resident.person_id}")
    if 'name="slot"' in page.text:
        visitor.send(page, "slot", {"slot": "later"})
    page = visitor.get(f"/apply/check/?for={resident.person_id}")
    visitor.send(page, "application_id", {})


def look_until(stack: Stack, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    return wait_for(lambda: look(stack, statement, *parameters), within_s=90, why=statement)


def hand_over(stack: Stack, clerk: Visitor, resident: Resident, card_id: int) -> None:
    path = f"/work/bank/cards/{card_id}/"
    page = clerk.get(path)
    if 'value="receive"' in page.text:
        clerk.send(page, "action=receive", {"action": "receive"})
    page = clerk.get(path)
    if 'value="hand_over"' in page.text:
        clerk.send(page, "identity_number", {"identity_number": resident.identity_number, "action": "hand_over"})


def ride(visitor: Visitor, resident: Resident, gates: dict[str, Terminal]) -> None:
    for kind, station in (("entry", FROM_STATION), ("exit", TO_STATION)):
        picture = visitor.get(f"/code/image/?for={resident.person_id}")
        assert picture.headers["content-type"] == "image/png", picture.text
        code = code_from_image(picture.content)
        decision = gates[kind].present(code, utc_now(), kind=kind, station=station)  # type: ignore[arg-type]
        assert isinstance(decision, Accepted), decision
    for gate in gates.values():
        wait_for(lambda gate=gate: synced(gate), within_s=90, why="the gateway to take the taps")


def synced(gate: Terminal) -> bool:
    with suppress(GatewayUnreachable):
        gate.sync()
    return gate.counts().waiting == 0


def check_person(stack: Stack, resident: Resident, card_id: int) -> None:
    """Nothing of this resident's is lost, doubled or stuck."""
    person = resident.person_id
    assert look_until(
        stack, "select state, count(*) from applications_application where person_id = %s group by 1", person
    ) == [("collected", 1)]
    assert look_until(
        stack,
        "select generation, state, social_state from issuance_card where person_id = %s order by generation",
        person,
    ) == [(2, "collected", "ended"), (3, "collected", "active")]
    assert look_until(stack, "select card_id from issuance_social_function where person_id = %s", person) == [
        (card_id,)
    ]
    assert look_until(stack, "select kind, outcome from acceptance_tap where card_id = %s order by at", card_id) == [
        ("entry", "accepted"),
        ("exit", "accepted"),
    ]
    assert look_until(
        stack,
        "select action, count(*) from audit_event where person_id = %s and action in "
        "('application.submitted', 'card.made', 'card.collected', 'card.activated') group by 1 order by 1",
        person,
    ) == [("application.submitted", 1), ("card.activated", 1), ("card.collected", 1), ("card.made", 1)]


@pytest.fixture(scope="module")
def gates(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Terminal]]:
    """An entry and an exit gate with fresh lists."""
    folder = tmp_path_factory.mktemp("gates")
    opened = {}
    for number, (kind, station) in enumerate((("entry", FROM_STATION), ("exit", TO_STATION)), start=1):
        profile = folder / f"{kind}.json"
        stack.command(
            *("acceptance", "register-terminal", "--station", station, "--terminal-id", f"9100{number:08d}"),
            *("--gateway-url", stack.gateway, "--out", str(profile)),
        )
        opened[kind] = Terminal.open(Path(profile), folder / kind)
        opened[kind].sync()
    yield opened
    for gate in opened.values():
        gate.close()


@pytest.fixture(scope="module")
def clerk(stack: Stack) -> Iterator[Visitor]:
    """The bank clerk, signed in before the killing begins."""
    user, password = stack.staff("bank_clerk")
    with Visitor(stack.web) as visitor:
        visitor.send(visitor.get("/sign-in/staff/"), "password", {"login": user, "password": password})
        yield visitor


def test_nothing_is_lost_doubled_or_stuck(stack: Stack, clerk: Visitor, gates: dict[str, Terminal]) -> None:
    chosen = residents(stack)
    assert len(chosen) >= RUNS
    all_killed: list[str] = []
    for run, resident in enumerate(chosen[:RUNS]):
        with killing(stack, random.Random(SEED + run)) as killed, Visitor(stack.web) as visitor:
            sign_in(stack, visitor, resident)
            apply_for_card(stack, visitor, resident)
            ((card_id, number),) = look_until(
                stack,
                "select card_id, card_number from issuance_card where person_id = %s and generation = 3",
                resident.person_id,
            )
            hand_over(stack, clerk, resident, card_id)
            activate(stack, visitor, resident, f"/cards/{card_id}/activate/", number[-3:])
            ride(visitor, resident, gates)
        all_killed += killed
        check_person(stack, resident, card_id)
    assert set(all_killed) == set(KILLED), f"every process was killed at least once: {all_killed}"

    wait_for(lambda: look(stack, "select 1"), within_s=90, why="the database")
    charges, demo_fen = paid_by_the_demo(stack)
    total_yuan = f"{(RUNS * FARE_FEN + demo_fen) / 100:.2f}"
    assert f"{RUNS + charges} charges, {total_yuan} yuan" in stack.command("clearing", "run").stdout
    assert "nothing to clear" in stack.command("clearing", "run").stdout
    balances = stack.query(
        "select sum(amount_fen) filter (where a.code like 'bank:%%'), sum(amount_fen)::bigint from ledger_posting p "
        "join ledger_account a using (account_id)"
    )
    assert balances == [(RUNS * FARE_FEN, 0)]
    assert stack.query("select count(*) from procrastinate_jobs where status in ('failed', 'doing')") == [(0,)]
