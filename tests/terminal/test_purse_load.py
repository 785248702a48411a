"""Money onto a purse: by its issuer only, once, and known afterwards wherever power was cut."""

import itertools
from dataclasses import replace
from datetime import datetime

import pytest

from tests.smartcard.makers import made_card
from tests.smartcard.power import TornMedium
from tests.smartcard.purses import MASTERS, SELECT, TERMINAL, balance_fen, get, purse_card
from tests.terminal.test_rail_gate import Leaving
from yikatong.foundation.clock import BEIJING
from yikatong.smartcard.memory import VolatileMedium
from yikatong.smartcard.third_generation import open_card
from yikatong.smartcard.tunion_layout import PurseKey
from yikatong.smartcard.tunion_loading import LoadAuthority, LoadRefused
from yikatong.smartcard.tunion_security import Algorithm
from yikatong.terminal.purse import NoPurse, PaymentRefused
from yikatong.terminal.purse_load import LoadTorn, load_purse, recover_load

AT = datetime(2026, 11, 23, 8, 15, tzinfo=BEIJING)
AUTHORITY = LoadAuthority(MASTERS)
PLACE = bytes.fromhex(TERMINAL)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_purse_is_loaded_and_its_issuer_can_prove_it(algorithm: Algorithm) -> None:
    card = purse_card(algorithm, balance_fen=100)
    loaded = load_purse(card, 5_000, terminal=PLACE, authorise=AUTHORITY.authorise, at=AT)
    assert balance_fen(card) == 5_100
    assert AUTHORITY.is_done(loaded.request, AT, loaded.tac)
    assert not AUTHORITY.is_done(replace(loaded.request, amount_fen=50_000), AT, loaded.tac)
    assert not AUTHORITY.is_done(loaded.request, AT.replace(minute=16), loaded.tac)


def test_what_was_overdrawn_is_paid_back_first() -> None:
    card = purse_card(overdraft_limit_fen=1_000)
    with card.memory.transaction():
        card.memory["TU/owed"] = (300).to_bytes(3)
    loaded = load_purse(card, 1_000, terminal=PLACE, authorise=AUTHORITY.authorise, at=AT)
    assert balance_fen(card) == 700
    assert AUTHORITY.is_done(loaded.request, AT, loaded.tac, owed_fen=300)


def test_a_request_that_no_genuine_card_made_is_refused() -> None:
    card = purse_card()
    seen = []

    def overhear(request: object, at: datetime) -> bytes:
        seen.append(request)
        return AUTHORITY.authorise(request, at)  # type: ignore[arg-type]

    load_purse(card, 100, terminal=PLACE, authorise=overhear, at=AT)
    (request,) = seen
    for changed in ({"amount_fen": 99_900}, {"mac1": bytes(4)}, {"terminal": bytes(6)}, {"algorithm": 0x02}):
        with pytest.raises(LoadRefused):
            AUTHORITY.authorise(replace(request, **changed), AT)  # type: ignore[type-var]


def test_another_citys_issuer_cannot_load() -> None:
    card = purse_card()
    stranger = LoadAuthority(MASTERS | {PurseKey.LOAD: bytes(16)})
    with pytest.raises(LoadRefused, match="没有充值"):
        load_purse(card, 100, terminal=PLACE, authorise=stranger.authorise, at=AT)
    with pytest.raises(PaymentRefused, match="没有充值"):
        load_purse(card, 100, terminal=PLACE, authorise=lambda request, at: bytes(4), at=AT)
    assert balance_fen(card) == 0


def test_a_card_agrees_with_its_issuer_wherever_power_was_cut() -> None:
    medium = VolatileMedium()
    purse_card(balance_fen=100, medium=medium)
    journal, outcomes = medium.read(), set()
    for cut in itertools.count():
        torn = TornMedium(journal, bytes_left=cut)
        card = open_card(torn)
        card.power_on()
        try:
            loaded = load_purse(Leaving(card), 5_000, terminal=PLACE, authorise=AUTHORITY.authorise, at=AT)
        except LoadTorn as fault:
            card = open_card(VolatileMedium(torn.read()))
            card.power_on()
            recovered = recover_load(card, fault)
            outcomes.add(recovered is not None)
            get(card, SELECT)
            assert balance_fen(card) == (100 if recovered is None else 5_100), f"cut after {cut} bytes"
        else:
            assert AUTHORITY.is_done(loaded.request, AT, loaded.tac)
            break
    assert outcomes == {False}, "a load that is written whole is answered, unless the answer itself is lost"
    assert cut > 200


def test_a_lost_answer_is_made_good_by_the_proof() -> None:
    card = purse_card(balance_fen=100)
    with pytest.raises(LoadTorn) as torn:
        load_purse(Leaving(card, unanswered=0x52), 5_000, terminal=PLACE, authorise=AUTHORITY.authorise, at=AT)
    card.power_on()
    recovered = recover_load(card, torn.value)
    assert recovered is not None
    assert AUTHORITY.is_done(recovered.request, AT, recovered.tac)
    assert balance_fen(card) == 5_100
    other = purse_card()
    with other.memory.transaction():
        other.memory["TU/0015"] = other.memory["TU/0015"][:19] + b"\x18" + other.memory["TU/0015"][20:]
    with pytest.raises(PaymentRefused, match="不是刚才那张卡"):
        recover_load(other, torn.value)


def test_a_card_without_a_purse_and_too_large_a_load_are_told() -> None:
    with pytest.raises(NoPurse):
        load_purse(made_card(), 100, terminal=PLACE, authorise=AUTHORITY.authorise, at=AT)
    with pytest.raises(PaymentRefused, match="不接受充值"):
        load_purse(purse_card(balance_fen=1), 0x7FFF_FFFF, terminal=PLACE, authorise=AUTHORITY.authorise, at=AT)
