"""A gate and a purse in process: rides, fares, refusals, and cards that leave too early."""

import itertools
from datetime import datetime, timedelta

import pytest

from tests.smartcard.makers import CONTENTS, send
from tests.smartcard.power import PowerCut, TornMedium
from tests.smartcard.purses import SELECT, balance_fen, get, load, purse_card, purse_sam
from yikatong.city.network import metro_network
from yikatong.city.tariffs import load_metro_tariff
from yikatong.foundation.clock import BEIJING
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.memory import Memory, VolatileMedium
from yikatong.smartcard.third_generation import open_card
from yikatong.smartcard.tunion_layout import BUS, ENTRY, EXIT, RAIL, RegionFile, TripRecord
from yikatong.smartcard.tunion_ride import RideRecord
from yikatong.terminal.pcsc import CardRemoved
from yikatong.terminal.purse import NoPurse, PaymentRefused, PaymentTorn, PurseTerminal
from yikatong.terminal.rail_gate import GatePlace, Passed, PurseRefusal, RailGate, Stopped, station_code

MORNING = datetime(2026, 11, 23, 8, 15, tzinfo=BEIJING)
GUOMAO, XIDAN = "国贸", "西单"


def gate(station: str, sam: EmulatedCard | None = None, denied: frozenset[str] = frozenset()) -> RailGate:
    """A gate whose security module is new unless one is given."""
    place = GatePlace(station, station_code(station))
    tariff_on = lambda day: load_metro_tariff(on=day)  # noqa: E731
    return RailGate(PurseTerminal(sam or purse_sam()), place, metro_network(), tariff_on, denied.__contains__)


class Leaving:
    """A card that leaves the reader: power is cut after some bytes written, or just before its answer arrives."""

    def __init__(self, card: EmulatedCard, *, unanswered: int | None = None) -> None:
        self.card, self._unanswered = card, unanswered

    def transmit(self, octets: bytes, /) -> bytes:
        try:
            answer = self.card.transmit(octets)
        except PowerCut:
            raise CardRemoved("the card left") from None
        if octets[1] == self._unanswered:
            raise CardRemoved("the card left")
        return answer


def test_a_ride_costs_what_the_tariff_says_and_is_written_on_the_card() -> None:
    card = purse_card(balance_fen=2_000)
    entered = gate(GUOMAO).enter(card, MORNING)
    assert isinstance(entered, Passed)
    assert (entered.fare, entered.balance_fen) == (None, 2_000)
    left = gate(XIDAN).leave(card, MORNING + timedelta(minutes=25))
    assert isinstance(left, Passed)
    assert left.fare is not None
    assert (left.fare.fare_fen, left.balance_fen) == (400, 1_600), "8 to 12 km cost 4 yuan"
    get(card, SELECT)
    assert balance_fen(card) == 1_600
    ride = RideRecord.decode(bytes.fromhex(get(card, "00B201D480")))
    assert (ride.number_in("paid"), ride.number_in("month_amount"), ride.number_in("month_count")) == (400, 400, 1)
    assert (ride.get("in_station"), ride.get("out_station")) == (station_code(GUOMAO), station_code(XIDAN))
    trips = [TripRecord.decode(bytes.fromhex(get(card, f"00B20{place}F430"))) for place in (1, 2)]
    assert [(trip.kind, trip.amount_fen, trip.balance_fen) for trip in trips] == [(EXIT, 400, 1_600), (ENTRY, 0, 2_000)]


def test_the_months_discount_is_counted_on_the_card_and_begins_anew_with_the_month() -> None:
    card = purse_card(balance_fen=100_000)
    at, fares = MORNING, []
    for _ in range(27):
        gate(GUOMAO).enter(card, at)
        left = gate(XIDAN).leave(card, at + timedelta(minutes=25))
        assert isinstance(left, Passed)
        assert left.fare is not None
        fares.append(left.fare.fare_fen)
        at += timedelta(minutes=50)
    assert fares == [400] * 25 + [320] * 2, "after 100 yuan a ride costs 80 %"
    next_month = datetime(2026, 12, 1, 8, 15, tzinfo=BEIJING)
    gate(GUOMAO).enter(card, next_month)
    left = gate(XIDAN).leave(card, next_month + timedelta(minutes=25))
    assert isinstance(left, Passed)
    assert left.fare is not None
    assert left.fare.fare_fen == 400


def test_nobody_enters_twice_or_leaves_without_having_entered() -> None:
    card = purse_card(balance_fen=2_000)
    assert gate(XIDAN).leave(card, MORNING) == Stopped(PurseRefusal.NOT_ENTERED)
    gate(GUOMAO).enter(card, MORNING)
    assert gate(GUOMAO).enter(card, MORNING) == Stopped(PurseRefusal.ALREADY_ENTERED)


def test_too_little_for_the_shortest_ride_is_told_at_the_entry() -> None:
    card = purse_card(balance_fen=299)
    assert gate(GUOMAO).enter(card, MORNING) == Stopped(PurseRefusal.PURSE_INSUFFICIENT)
    get(card, SELECT)
    load(card, 1)
    assert isinstance(gate(GUOMAO).enter(card, MORNING), Passed)


def test_too_little_for_the_ride_is_told_at_the_exit_and_paid_after_a_load() -> None:
    card = purse_card(balance_fen=300)
    gate(GUOMAO).enter(card, MORNING)
    with pytest.raises(PaymentRefused, match="余额不足"):
        gate(XIDAN).leave(card, MORNING + timedelta(minutes=25))
    get(card, SELECT)
    load(card, 1_000)
    left = gate(XIDAN).leave(card, MORNING + timedelta(minutes=30))
    assert isinstance(left, Passed)
    assert left.balance_fen == 900


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (datetime(2026, 11, 22, 23, 59, tzinfo=BEIJING), PurseRefusal.PURSE_NOT_YET_VALID),
        (datetime(2036, 11, 23, 0, 0, tzinfo=BEIJING), PurseRefusal.PURSE_EXPIRED),
    ],
)
def test_a_purse_is_valid_from_its_first_to_its_last_day(at: datetime, reason: PurseRefusal) -> None:
    assert gate(GUOMAO).enter(purse_card(balance_fen=2_000), at) == Stopped(reason)


def test_a_card_on_the_deny_list_does_not_pass() -> None:
    card = purse_card(balance_fen=2_000)
    shut = gate(GUOMAO, denied=frozenset({CONTENTS.identification_code}))
    assert shut.enter(card, MORNING) == Stopped(PurseRefusal.CARD_DENIED)
    assert isinstance(gate(GUOMAO, denied=frozenset({"0" * 32})).enter(card, MORNING), Passed)


def test_another_citys_purse_passes_when_it_is_interoperable() -> None:
    card = purse_card(balance_fen=2_000)
    for is_interoperable, kind in ((False, Stopped), (True, Passed)):
        with card.memory.transaction():
            card.memory["TU/0017"] = RegionFile(city="2900", is_interoperable=is_interoperable).encode()
        assert isinstance(gate(GUOMAO).enter(card, MORNING), kind)


def test_a_station_that_is_none_of_ours_is_left_to_staff() -> None:
    card = purse_card(balance_fen=2_000)
    gate(GUOMAO).enter(card, MORNING)
    with card.memory.transaction():
        cell = f"TU/001A/{RAIL}"
        card.memory[cell] = RideRecord(card.memory[cell]).with_fields(in_station=b"elsewher").octets
    assert gate(XIDAN).leave(card, MORNING) == Stopped(PurseRefusal.STATION_UNKNOWN)


def test_a_card_without_a_purse_is_told() -> None:
    from tests.smartcard.makers import made_card

    with pytest.raises(NoPurse, match="没有可用的交通钱包"):
        gate(GUOMAO).enter(made_card(), MORNING)


@pytest.mark.parametrize("is_exit", [False, True])
def test_a_gate_agrees_with_the_card_wherever_power_was_cut(is_exit: bool) -> None:
    """Cut after every byte written: the same card put back passes once, and has paid once."""
    medium = VolatileMedium()
    first = purse_card(balance_fen=2_000, medium=medium)
    if is_exit:
        gate(GUOMAO).enter(first, MORNING)
    journal = medium.read()
    at = MORNING + timedelta(minutes=25 if is_exit else 0)
    torn_and_done = torn_and_not_done = 0
    for cut in itertools.count():
        shut = gate(XIDAN if is_exit else GUOMAO)
        use = shut.leave if is_exit else shut.enter
        torn = TornMedium(journal, bytes_left=cut)
        card = open_card(torn)
        card.power_on()
        try:
            answer = use(Leaving(card), at)
        except PaymentTorn:
            before = Memory(VolatileMedium(torn.read()))["TU/counter/offline"]
            card = open_card(VolatileMedium(torn.read()))
            card.power_on()
            was_done = before == (b"\0\2" if is_exit else b"\0\1")
            torn_and_done, torn_and_not_done = torn_and_done + was_done, torn_and_not_done + (not was_done)
            answer = use(card, at + timedelta(seconds=2))
            is_over = False
        else:
            is_over = True
        assert isinstance(answer, Passed), f"cut after {cut} bytes"
        assert answer.payment.is_checked
        assert answer.balance_fen == (1_600 if is_exit else 2_000)
        get(card, SELECT)
        assert balance_fen(card) == answer.balance_fen, f"cut after {cut} bytes"
        assert RideRecord(card.memory[f"TU/001A/{RAIL}"]).is_inside is not is_exit
        assert card.memory["TU/counter/offline"] == (b"\0\2" if is_exit else b"\0\1"), "it paid once"
        if is_over:
            break
    assert torn_and_not_done > 300
    assert not torn_and_done, "what is written whole is answered, unless the answer itself is lost"


def test_a_lost_answer_opens_the_gate_when_the_card_comes_back_and_costs_nothing_more() -> None:
    card = purse_card(balance_fen=2_000)
    gate(GUOMAO).enter(card, MORNING)
    out = gate(XIDAN)
    with pytest.raises(PaymentTorn, match="重新放上同一张卡"):
        out.leave(Leaving(card, unanswered=0x54), MORNING + timedelta(minutes=25))
    card.power_on()
    left = out.leave(card, MORNING + timedelta(minutes=25, seconds=3))
    assert isinstance(left, Passed)
    assert left.payment.is_checked
    assert left.balance_fen == 1_600
    assert out.torn is None
    get(card, SELECT)
    assert balance_fen(card) == 1_600
    assert send(card, "00B202C417")[18:20] == "09"


def test_another_card_after_a_lost_answer_is_served_for_itself() -> None:
    card, out = purse_card(balance_fen=2_000), gate(XIDAN)
    gate(GUOMAO).enter(card, MORNING)
    with pytest.raises(PaymentTorn):
        out.leave(Leaving(card, unanswered=0x54), MORNING + timedelta(minutes=25))
    other = purse_card(balance_fen=2_000)
    with other.memory.transaction():
        other.memory["TU/0015"] = other.memory["TU/0015"][:19] + b"\x18" + other.memory["TU/0015"][20:]
    assert out.leave(other, MORNING + timedelta(minutes=26)) == Stopped(PurseRefusal.NOT_ENTERED)
    assert out.torn is None


def test_a_forged_card_that_says_it_paid_does_not_open_the_gate() -> None:
    card = purse_card(balance_fen=2_000)

    class Forged:
        def transmit(self, octets: bytes, /) -> bytes:
            answer = card.transmit(octets)
            return b"\xff" * 8 + b"\x90\x00" if octets[1] == 0x54 else answer

    with pytest.raises(PaymentRefused, match="没有真正扣款"):
        gate(GUOMAO).enter(Forged(), MORNING)


def test_a_plain_purchase_in_a_canteen() -> None:
    card = purse_card(balance_fen=2_000)
    payment = PurseTerminal(purse_sam()).pay(card, 1_250, MORNING)
    assert (payment.balance_after_fen, payment.is_checked, payment.asked.terminal_number) == (750, True, 1)
    get(card, SELECT)
    assert RideRecord(card.memory[f"TU/001A/{BUS}"]) == RideRecord.blank(BUS)


def test_recovering_with_another_card_is_told() -> None:
    card, other = purse_card(balance_fen=2_000), purse_card(balance_fen=2_000)
    with other.memory.transaction():
        other.memory["TU/0015"] = other.memory["TU/0015"][:19] + b"\x18" + other.memory["TU/0015"][20:]
    terminal = PurseTerminal(purse_sam())
    with pytest.raises(PaymentTorn) as torn:
        terminal.pay(Leaving(card, unanswered=0x54), 100, MORNING)
    with pytest.raises(PaymentRefused, match="不是刚才那张卡"):
        terminal.recover(other, torn.value.pending)
