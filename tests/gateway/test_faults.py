"""Power cuts, stops and a database that goes away: nothing is lost, nothing doubled, nobody left waiting."""

import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime

import httpx
import msgspec
import psycopg
import pytest
from psycopg import sql

from tests.acceptance.makers import HOUR, SECOND, Gate
from tests.cast import active_card, make_bank, make_person
from tests.gateway.doors import GatewayProcess, outcomes, problem_of
from tests.postgres import database_address
from tests.stack import wait_for
from yikatong.acceptance.models import Tap as StoredTap
from yikatong.gateway.app import APPLICATION_NAME
from yikatong.scenarios.transit.models import PendingTap
from yikatong.wire.taps import Tap, TapUpload


@pytest.fixture
def taps(gate: Gate, now: datetime) -> list[Tap]:
    """Three hundred rides of one card."""
    card = active_card(make_person(1), make_bank(), at=now - 3 * HOUR)
    return [gate.tap(now - HOUR + n * SECOND, card_number=card.card_number) for n in range(300)]


@contextmanager
def held_up_at(gate: Gate, sequence: int) -> Iterator[None]:
    """An unfinished transaction has this tap: whoever stores it waits."""
    with psycopg.connect(database_address()) as database:
        database.execute(
            "insert into acceptance_tap (terminal_id, sequence, digest, kind, station, at, received_at, outcome, reason) "
            "values (%s, %s, '', 'entry', '', now(), now(), 'refused', '')",
            [gate.terminal_id, sequence],
        )
        try:
            yield
        finally:
            database.rollback()


def waiting_for_a_lock() -> int:
    with psycopg.connect(database_address(), autocommit=True) as database:
        query = (
            "select count(*) from pg_stat_activity where application_name = %s and wait_event_type = 'Lock' "
            "and datname = current_database()"  # other processes test gateways on databases of the same server
        )
        row = database.execute(query, [APPLICATION_NAME]).fetchone()
    return row[0] if row else 0


def stands_still(answers: Sequence[object]) -> bool:
    """Whether the upload waits for a lock; one that was answered never will."""
    assert not answers, f"not held up, but answered: {str(answers)[:500]}"
    return waiting_for_a_lock() > 0


@contextmanager
def uploading(gateway: GatewayProcess, gate: Gate, taps: list[Tap]) -> Iterator[list[list[str] | str]]:
    """An upload under way in another thread; its outcome, or the name of what broke, when the block has ended."""
    answers: list[list[str] | str] = []

    def work() -> None:
        try:
            answers.append(outcomes(gateway.send(gate, taps)))
        except httpx.TransportError as error:
            answers.append(type(error).__name__)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield answers
    finally:
        thread.join()


@pytest.mark.parametrize("sequence", [1, 2, 150, 299, 300])
def test_killed_in_the_middle_of_an_upload_and_sent_again(
    own_gateway: GatewayProcess, gate: Gate, taps: list[Tap], sequence: int
) -> None:
    with held_up_at(gate, sequence), uploading(own_gateway, gate, taps) as answers:
        wait_for(lambda: stands_still(answers), why="the upload to stand still")
        own_gateway.kill()
    assert len(answers) == 1
    assert isinstance(answers[0], str), "the connection broke"
    assert StoredTap.objects.count() >= sequence - 1
    own_gateway.start()
    again = Counter(outcomes(own_gateway.send(gate, taps)))
    assert again["repeated"] in {sequence - 1, sequence}, "what was stored before stayed, and nothing after it was"
    assert again["stored"] + again["repeated"] == 300
    assert outcomes(own_gateway.send(gate, taps)) == ["repeated"] * 300
    assert StoredTap.objects.filter(outcome="accepted").count() == PendingTap.objects.count() == 300


def test_asked_to_stop_it_finishes_what_it_began(own_gateway: GatewayProcess, gate: Gate, taps: list[Tap]) -> None:
    stopped: list[int] = []
    stopping = threading.Thread(target=lambda: stopped.append(own_gateway.stop()))

    def refuses_others() -> bool:
        try:
            with own_gateway.client as client:
                client.get("/healthz")
        except httpx.TransportError:
            return True
        return False

    with uploading(own_gateway, gate, taps) as answers, held_up_at(gate, 150):
        wait_for(lambda: stands_still(answers), why="the upload to stand still")
        stopping.start()
        wait_for(refuses_others, why="the gateway to close its door")
    stopping.join()
    assert answers == [["stored"] * 300]
    assert stopped in ([0], [-signal.SIGTERM]), "it ended by itself or by the signal it was given, not by being killed"
    assert "Traceback" not in own_gateway.log.read_text()


BREAK_CONNECTIONS = (
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s and datname = %s"
)


@contextmanager
def database_away() -> Iterator[None]:
    """The gateway's connections break and no new ones are let in."""
    name = database_address().partition("?")[0].rpartition("/")[2]
    with psycopg.connect(database_address(), dbname="postgres", autocommit=True) as server:
        allow = sql.SQL("alter database {} allow_connections {}")
        server.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        try:
            server.execute(BREAK_CONNECTIONS, [APPLICATION_NAME, name])
            yield
        finally:
            server.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


def test_without_its_database_it_asks_to_come_again_and_needs_no_restart(
    own_gateway: GatewayProcess, gate: Gate, taps: list[Tap]
) -> None:
    assert outcomes(own_gateway.send(gate, taps[:10])) == ["stored"] * 10
    with database_away():
        response = own_gateway.request(gate, "POST", "/v1/taps", b'{"taps": []}')
        assert (response.status_code, problem_of(response).reason) == (503, "database_unavailable")
        assert int(response.headers["retry-after"]) > 0
        with own_gateway.client as client:
            assert client.get("/healthz").status_code == 503
    wait_for(own_gateway.is_healthy, why="the gateway to find its database again")
    assert Counter(outcomes(own_gateway.send(gate, taps))) == {"repeated": 10, "stored": 290}


def test_many_connections_broken_at_once_cost_no_request(
    own_gateway: GatewayProcess, gate: Gate, taps: list[Tap]
) -> None:
    with ThreadPoolExecutor(6) as terminals:
        with held_up_at(gate, 1):
            uploads = [terminals.submit(own_gateway.send, gate, taps[:1]) for _ in range(6)]
            wait_for(lambda: waiting_for_a_lock() == 6, why="six uploads to hold six connections")
        assert Counter(outcomes([result for upload in uploads for result in upload.result()])) == {
            "stored": 1,
            "repeated": 5,
        }
    with psycopg.connect(database_address(), autocommit=True) as database:
        broken = database.execute(BREAK_CONNECTIONS, [APPLICATION_NAME, database.info.dbname]).fetchall()
    assert len(broken) >= 6
    assert outcomes(own_gateway.send(gate, taps[:2])) == ["repeated", "stored"]


def test_a_database_lost_in_the_middle_of_an_upload_leaves_whole_taps(
    own_gateway: GatewayProcess, gate: Gate, taps: list[Tap]
) -> None:
    statuses: list[tuple[int, str]] = []

    def send() -> None:
        response = own_gateway.request(gate, "POST", "/v1/taps", msgspec.json.encode(TapUpload(taps)))
        statuses.append((response.status_code, problem_of(response).reason))

    upload = threading.Thread(target=send)
    with held_up_at(gate, 120):
        upload.start()
        wait_for(lambda: stands_still(statuses), why="the upload to stand still")
        with database_away():
            upload.join()
    assert statuses == [(503, "database_unavailable")]
    assert StoredTap.objects.count() == PendingTap.objects.count() == 119
    wait_for(own_gateway.is_healthy, why="the gateway to find its database again")
    assert Counter(outcomes(own_gateway.send(gate, taps))) == {"repeated": 119, "stored": 181}
    assert PendingTap.objects.count() == 300
