"""A venue's own program: one terminal, a sample card, everything it can do in plain words."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from yikatong.city.network import metro_network
from yikatong.city.tariffs import load_metro_tariff
from yikatong.foundation.clock import utc_now
from yikatong.gm import x509
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.memory import FileMedium
from yikatong.smartcard.sample import BALANCE_FEN, TERMINAL, write_sample
from yikatong.smartcard.ssse_sam import open_sam
from yikatong.smartcard.third_generation import open_card
from yikatong.terminal.card_check import CardNotGenuine
from yikatong.terminal.card_terminal import CardTerminal, NoGate
from yikatong.terminal.purse import PaymentRefused, PurseTerminal
from yikatong.terminal.purse_outbox import PurseOutbox
from yikatong.terminal.rail_gate import GatePlace, Passed, RailGate, Stopped, station_code
from yikatong.terminal.reader_api.codes import Code, ReaderError
from yikatong.terminal.storage import Storage

NOW = utc_now()


@dataclass
class Venue:
    """A terminal and a card before it."""

    terminal: CardTerminal
    card: EmulatedCard
    sam: EmulatedCard
    outbox: PurseOutbox


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    """A gate at 国贸 that also reads, verifies and sells."""
    files = write_sample(tmp_path / "sample", NOW)
    card, sam = open_card(FileMedium(files.card)), open_sam(FileMedium(files.sam))
    card.power_on()
    sam.power_on()
    place = GatePlace("国贸", station_code("国贸"))
    tariff = load_metro_tariff()
    gate = RailGate(PurseTerminal(sam), place, metro_network(), lambda day: tariff, lambda code: False)
    storage = Storage(tmp_path / "state", terminal_id=TERMINAL.hex())
    authority = x509.parse(files.authority.read_bytes())
    outbox = PurseOutbox(storage)
    yield Venue(CardTerminal(sam, outbox, authorities=[authority], place="国贸", gate=gate), card, sam, outbox)
    storage.close()


def test_a_card_tells_its_holder_to_a_terminal_that_proves_itself(venue: Venue) -> None:
    holder = venue.terminal.read_holder(venue.card)
    assert (holder.name, holder.identity_number, holder.card_number) == ("测试员", "119901199003078515", "J0000001X")
    assert holder.expires_on > NOW.date()
    assert holder.name not in repr(holder)
    assert holder.identity_number not in repr(holder)


def test_a_module_of_another_city_reads_nobody(venue: Venue, tmp_path: Path) -> None:
    other = open_sam(FileMedium(write_sample(tmp_path / "other", NOW).sam))
    other.power_on()
    stranger = CardTerminal(other, venue.outbox)
    with pytest.raises(ReaderError) as refused:
        stranger.read_holder(venue.card)
    assert refused.value.code == Code.INTERNAL_AUTHENTICATION
    with pytest.raises(CardNotGenuine):
        stranger.verify_card(venue.card, NOW)
    with pytest.raises(PaymentRefused):
        stranger.debit(venue.card, 100, NOW, use="tea")
    assert stranger.outbox == []


def test_a_card_proves_itself_until_its_certificate_ends(venue: Venue) -> None:
    assert venue.terminal.verify_card(venue.card, NOW).identification_code.startswith("110000D156000005")
    with pytest.raises(CardNotGenuine):
        venue.terminal.verify_card(venue.card, NOW + timedelta(days=366 * 11))


def test_what_was_paid_is_kept(venue: Venue) -> None:
    payment = venue.terminal.debit(venue.card, 1250, NOW, use="canteen")
    assert payment.balance_after_fen == BALANCE_FEN - 1250
    (kept,) = venue.terminal.outbox
    assert (kept.amount_fen, kept.place, kept.use, kept.tac) == (1250, "国贸", "canteen", payment.tac.hex().upper())
    with pytest.raises(PaymentRefused):
        venue.terminal.debit(venue.card, BALANCE_FEN, NOW, use="canteen")
    assert len(venue.terminal.outbox) == 1


def test_in_and_out_are_kept_and_a_stopped_card_is_not(venue: Venue) -> None:
    assert isinstance(venue.terminal.gate_exit(venue.card, NOW), Stopped)
    assert isinstance(venue.terminal.gate_entry(venue.card, NOW), Passed)
    left = venue.terminal.gate_exit(venue.card, NOW + timedelta(minutes=20))
    assert isinstance(left, Passed)
    assert [kept.use for kept in venue.terminal.outbox] == ["entry", "exit"]


def test_a_till_is_no_gate(venue: Venue) -> None:
    till = CardTerminal(venue.sam, venue.outbox)
    for pass_through in (till.gate_entry, till.gate_exit):
        with pytest.raises(NoGate):
            pass_through(venue.card, NOW)


def test_a_load_that_the_issuer_does_not_authorise_changes_nothing(venue: Venue) -> None:
    with pytest.raises(PaymentRefused):
        venue.terminal.load_purse(venue.card, 1000, authorise=lambda request, at: os.urandom(4), at=NOW)
    assert venue.terminal.debit(venue.card, BALANCE_FEN, NOW, use="all of it").balance_after_fen == 0
