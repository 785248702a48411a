"""A metro gate that takes transit purses: who may enter, what a ride costs, and the records written with the fare.

The ride lies on the card, so gates need no network: an entry writes where and when it began, together with a payment of nothing;
an exit reads that, prices the ride, and writes the end together with the fare. What a month's rides cost is counted on the card,
too. It stores nothing itself: see ``purse_outbox``.
Source: gates' own dialogues (docs/card.md); fares: docs/algorithms/metro-fare.md. The code of a station on the card, the balance
an entry asks for (the lowest fare), and that a ride never ended is ended by staff: assumption.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache

from yikatong.city.network import Network
from yikatong.city.tariffs import MetroTariff
from yikatong.foundation.clock import beijing_day
from yikatong.gm import sm3
from yikatong.scenarios.transit.rules import Fare, GateTap, Ride, TapKind, price_ride
from yikatong.smartcard.channel import Channel
from yikatong.smartcard.tunion_layout import (
    ENTRY,
    EXIT,
    ISSUER_BEIJING,
    PurseRecordWrong,
    TripRecord,
    read_bcd_time,
)
from yikatong.smartcard.tunion_ride import RideRecord
from yikatong.terminal.card_check import read_identification_code
from yikatong.terminal.purse import BegunPayment, Payment, PaymentTorn, Pending, PurseState, PurseTerminal

CITY = "1000"
_MONTH_AMOUNT_MAX_FEN, _MONTH_COUNT_MAX = 0xFF_FFFF, 0xFFFF


class PurseRefusal(StrEnum):
    """Why a gate does not let a purse pass; ordered by which is told first."""

    PURSE_NOT_INTEROPERABLE = "purse_not_interoperable"
    PURSE_NOT_YET_VALID = "purse_not_yet_valid"
    PURSE_EXPIRED = "purse_expired"
    CARD_DENIED = "card_denied"
    ALREADY_ENTERED = "already_entered"
    NOT_ENTERED = "not_entered"
    STATION_UNKNOWN = "station_unknown"
    PURSE_INSUFFICIENT = "purse_insufficient"


@dataclass(frozen=True, slots=True)
class Passed:
    """The gate opens. ``fare``: what the ride cost, ``None`` at an entry."""

    payment: Payment
    fare: Fare | None

    @property
    def balance_fen(self) -> int:
        """What the display shows."""
        return self.payment.balance_after_fen


@dataclass(frozen=True, slots=True)
class Stopped:
    """The gate stays shut; the card is as it was."""

    reason: PurseRefusal


type Answer = Passed | Stopped


@dataclass(frozen=True, slots=True)
class GatePlace:
    """Where a gate stands. ``device``: its number on the card, 8 bytes."""

    station: str
    device: bytes


def station_code(name: str) -> bytes:
    """A station on the card: the first 8 bytes of SM3 over its name. Source: assumption (no public numbers)."""
    return sm3.digest(name.encode())[:8]


@cache
def _stations_by_code(network: Network) -> dict[bytes, str]:
    return {station_code(name): name for name in network.stations}


class RailGate:
    """One gate. ``tariff_on``: the tariff of a day. ``denied``: whether a card, by its 识别码, is refused."""

    def __init__(
        self,
        purses: PurseTerminal,
        place: GatePlace,
        network: Network,
        tariff_on: Callable[[date], MetroTariff],
        denied: Callable[[str], bool],
    ) -> None:
        self.place, self._purses, self._network = place, purses, network
        self._tariff_on, self._denied = tariff_on, denied
        self.torn: tuple[Pending, Fare | None] | None = None
        """A payment whose card left too early; the next card is asked about it first."""

    def enter(self, card: Channel, at: datetime) -> Answer:
        """Let a holder in. Raises ``NoPurse``, ``PaymentRefused``, ``PaymentTorn``."""
        is_denied = self._is_denied(card)
        state = self._purses.read(card)
        if (recovered := self._recovered(card, state)) is not None:
            return recovered
        if (refusal := self._refusal(state, at, is_denied=is_denied)) is not None:
            return Stopped(refusal)
        if state.ride.is_inside:
            return Stopped(PurseRefusal.ALREADY_ENTERED)
        begun = self._purses.begin(card, 0)
        if begun.balance_fen < self._least_fen(at):
            return Stopped(PurseRefusal.PURSE_INSUFFICIENT)
        ride = state.ride.entered(
            city=CITY,
            operator=ISSUER_BEIJING,
            station=station_code(self.place.station),
            device=self.place.device,
            at=at,
            balance_fen=begun.balance_fen,
        )
        return self._finish(card, state, begun, at, ride, ENTRY, None)

    def leave(self, card: Channel, at: datetime) -> Answer:
        """Let a holder out and take the fare. Raises ``NoPurse``, ``PaymentRefused``, ``PaymentTorn``."""
        is_denied = self._is_denied(card)
        state = self._purses.read(card)
        if (recovered := self._recovered(card, state)) is not None:
            return recovered
        if (refusal := self._refusal(state, at, is_denied=is_denied)) is not None:
            return Stopped(refusal)
        if not state.ride.is_inside:
            return Stopped(PurseRefusal.NOT_ENTERED)
        try:
            fare, spent_fen = self._price(state.ride, at)
        except (KeyError, PurseRecordWrong):
            return Stopped(PurseRefusal.STATION_UNKNOWN)
        begun = self._purses.begin(card, fare.fare_fen)
        ride = state.ride.left(
            city=CITY,
            operator=ISSUER_BEIJING,
            station=station_code(self.place.station),
            device=self.place.device,
            at=at,
            paid_fen=fare.fare_fen,
        ).with_fields(
            month_amount=min(spent_fen + fare.discountable_fen, _MONTH_AMOUNT_MAX_FEN),
            month_count=min(self._count_this_month(state.ride, at) + 1, _MONTH_COUNT_MAX),
        )
        return self._finish(card, state, begun, at, ride, EXIT, fare)

    def _finish(
        self,
        card: Channel,
        state: PurseState,
        begun: BegunPayment,
        at: datetime,
        ride: RideRecord,
        kind: int,
        fare: Fare | None,
    ) -> Answer:
        left_fen = max(begun.balance_fen - begun.amount_fen, 0)
        trip = TripRecord(kind, self.place.device, 0, 0, 0, begun.amount_fen, left_fen, at, CITY)
        try:
            payment = self._purses.finish(card, state, begun, at, ride=ride, trip=trip)
        except PaymentTorn as torn:
            self.torn = torn.pending, fare
            raise
        return Passed(payment, fare)

    def _recovered(self, card: Channel, state: PurseState) -> Passed | None:
        """What this card did just before it left, when it is the one that left."""
        if self.torn is None or self.torn[0].purse_number != state.number:
            self.torn = None
            return None
        (pending, fare), self.torn = self.torn, None
        payment = self._purses.recover(card, pending)
        return None if payment is None or not payment.is_checked else Passed(payment, fare)

    def _is_denied(self, card: Channel) -> bool:
        """A card without 识别码, of another city, is no card that can be on the list."""
        code = read_identification_code(card)
        return bool(code) and self._denied(code)

    def _refusal(self, state: PurseState, at: datetime, *, is_denied: bool) -> PurseRefusal | None:
        day = beijing_day(at)
        if not state.region.is_interoperable and state.region.city != CITY:
            return PurseRefusal.PURSE_NOT_INTEROPERABLE
        if day < state.issuer.starts_on:
            return PurseRefusal.PURSE_NOT_YET_VALID
        if day > state.issuer.ends_on:
            return PurseRefusal.PURSE_EXPIRED
        return PurseRefusal.CARD_DENIED if is_denied else None

    def _price(self, ride: RideRecord, at: datetime) -> tuple[Fare, int]:
        """The ride's fare, and what the card's month had cost before it. Raises ``KeyError`` for a station that is none."""
        station = _stations_by_code(self._network)[ride.get("in_station")]
        entered_at = read_bcd_time(ride.get("in_time"))
        entry = GateTap(entered_at, "", 0, TapKind.ENTRY, station)
        end = GateTap(at, "", 0, TapKind.EXIT, self.place.station)
        spent_fen = ride.number_in("month_amount") if _is_same_month(ride, at) else 0
        tariff = self._tariff_on(beijing_day(at))
        return price_ride(Ride(entry, end), network=self._network, tariff=tariff, spent_fen=spent_fen), spent_fen

    def _count_this_month(self, ride: RideRecord, at: datetime) -> int:
        return ride.number_in("month_count") if _is_same_month(ride, at) else 0

    def _least_fen(self, at: datetime) -> int:
        return self._tariff_on(beijing_day(at)).main_network.bands[0].fare_fen


def _is_same_month(ride: RideRecord, at: datetime) -> bool:
    """Whether the last ride that ended, whose month the card's sum is of, ended in this month."""
    day = beijing_day(at)
    return ride.get("out_time")[:3].hex() == f"{day.year:04d}{day.month:02d}"
