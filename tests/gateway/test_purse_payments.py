"""Purse payments from a venue to the gateway and on to the operator's statement; refused ones one by one."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from tests.cast import CLERK
from tests.clearing.purse_makers import RIDING, Venue, changed, make_card, make_venue
from tests.gateway.doors import GatewayProcess
from yikatong.acceptance.models import PursePayment as Kept
from yikatong.clearing.services import clear
from yikatong.foundation.clock import utc_now
from yikatong.terminal.client import GatewayRefused
from yikatong.terminal.outbox import Counts
from yikatong.terminal.uploader import Uploaded
from yikatong.wire.purses import PAYMENTS_PER_UPLOAD_MAX, PurseReply, PurseUpload

TILL, GATE = "900100000009", "900100000001"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def till(transactional_db: None, tmp_path: Path, gateway: GatewayProcess) -> Iterator[Venue]:
    """A canteen's till that took three lunches from one card."""
    venue = make_venue(tmp_path, TILL, purpose="till", gateway_url=gateway.url)
    card = make_card(tmp_path)
    for number in range(3):
        venue.kit.debit(card, 1_000 + number, RIDING + timedelta(minutes=number), use="lunch")
    yield venue
    venue.terminal.close()


def test_what_a_till_took_reaches_its_operators_statement(till: Venue) -> None:
    assert till.terminal.sync() == Uploaded(stored=3)
    assert till.terminal.purse_outbox.counts() == Counts(waiting=0, acknowledged=3, refused=0)
    at = utc_now()
    batch = clear(at, by=CLERK, at=at)
    assert batch is not None
    assert (batch.entries, batch.total_fen) == (3, 3_003)
    assert till.terminal.sync() == Uploaded()


def test_what_is_in_doubt_is_sent_again_and_paid_once(till: Venue, gateway: GatewayProcess) -> None:
    client = till.terminal.client
    assert [result.status for result in client.post_purse_payments(till.payments).results] == ["stored"] * 3
    assert till.terminal.upload() == Uploaded(repeated=3)
    assert Kept.objects.count() == 3


def test_one_bad_payment_holds_up_no_other(till: Venue) -> None:
    first, *others = till.payments
    ahead = int((utc_now() + timedelta(days=1)).timestamp() * 1000)
    wrong = [
        changed(first, at_ms=ahead, card_counter=77),
        changed(first, terminal=GATE, card_counter=78),
    ]
    reply = till.terminal.client.post_purse_payments([*wrong, *others, first])
    assert [(result.status, result.reason) for result in reply.results] == [
        ("refused", "tap_from_future"),
        ("refused", "payment_of_other_terminal"),
        ("stored", ""),
        ("stored", ""),
        ("stored", ""),
    ]
    assert [result.key for result in reply.results[:2]] == [payment.key for payment in wrong]


@pytest.mark.parametrize(
    ("purpose", "place", "reason"),
    [
        ("identity", "国贸", "terminal_takes_no_purses"),
        ("gate", "西单", "station_of_other_terminal"),
        ("gate", "国贸", ""),
    ],
)
def test_who_may_have_taken_it(
    till: Venue, tmp_path: Path, gateway: GatewayProcess, purpose: str, place: str, reason: str
) -> None:
    other = make_venue(tmp_path, GATE, purpose=purpose, gateway_url=gateway.url)
    payment = changed(till.payments[0], terminal=GATE, place=place)
    with other.terminal as terminal:
        (result,) = terminal.client.post_purse_payments([payment]).results
    assert (result.status, result.reason) == ("refused" if reason else "stored", reason)


def test_too_many_at_once_are_sent_in_parts(till: Venue, gateway: GatewayProcess) -> None:
    payment = till.payments[0]
    many = [changed(payment, card_counter=number) for number in range(PAYMENTS_PER_UPLOAD_MAX + 1)]
    with pytest.raises(GatewayRefused) as refused:
        till.terminal.client.post_purse_payments(many)
    assert (refused.value.status, refused.value.reason) == (413, "too_many_payments")
    reply = till.terminal.client.post_purse_payments(many[:-1])
    assert isinstance(reply, PurseReply)
    assert {result.status for result in reply.results} == {"stored"}
    assert len(msgspec.json.encode(PurseUpload(many))) < 1_000_000
