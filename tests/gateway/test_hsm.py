"""The HSM service as a desk without a security module uses it: a real gateway, the city's roots, a card in the reader."""

from dataclasses import replace

import pytest

from tests.gateway.doors import GatewayProcess
from tests.gateway.world import World
from tests.smartcard.makers import CONTENTS, HISTORICAL, made_card
from tests.terminal.reader_api.test_reader_api import Desk
from yikatong.foundation.clock import utc_now
from yikatong.gateway.hsm import ASKED_PER_MINUTE_MAX
from yikatong.registry.sealing import key_store
from yikatong.smartcard.card import EmulatedCard
from yikatong.smartcard.card_roots import ROOT_NAMES, card_roots
from yikatong.smartcard.ssse_security import card_key
from yikatong.terminal.client import Client, GatewayRefused, GatewayUnreachable
from yikatong.terminal.reader_api.api import ReaderApi
from yikatong.terminal.reader_api.codes import Code
from yikatong.terminal.reader_api.http_hsm import HttpHsm

CARD_INFO = f"{CONTENTS.identification_code}|{CONTENTS.card_number}|"


def _city_card() -> EmulatedCard:
    """A card with keys of this city's roots."""
    store = key_store()
    store.ensure(symmetric=ROOT_NAMES)
    keys = {number: card_key(root, "110000", HISTORICAL) for number, root in card_roots(store).items()}
    return made_card(contents=replace(CONTENTS, keys=keys))


def _line(gateway: GatewayProcess, world: World, name: str) -> Client:
    profile = replace(getattr(world, name).profile, gateway_url=gateway.url)
    return Client(profile, utc_now)


def test_a_desk_without_a_module_reads_the_card_through_the_service(own_gateway: GatewayProcess, world: World) -> None:
    card, client = _city_card(), _line(own_gateway, world, "desk")
    api = ReaderApi(Desk(card), hsm=HttpHsm(client))
    code, text = api.read_with_fallback(3)
    assert (code, text.split("|")[1:3]) == (0, [CONTENTS.identity_number, CONTENTS.card_number])
    assert api.with_fallback("iWriteCard", 1, CARD_INFO, "SSSEEF06|0A|$", "SSSEEF06|2|$")[0] == -0x6A88
    log = own_gateway.log.read_text()
    assert CONTENTS.identity_number not in log
    assert HISTORICAL.hex().upper() not in log
    client.close()


@pytest.mark.parametrize("request_text", ["", "|", "110000|" * 8, "x" * 300, "110000|00|03|00|zz|zz|zz|zz|"])
def test_what_is_no_request_is_refused(own_gateway: GatewayProcess, world: World, request_text: str) -> None:
    _city_card()
    client = _line(own_gateway, world, "desk")
    with pytest.raises(GatewayRefused) as refused:
        client.ask_hsm(request_text)
    assert (refused.value.reason, refused.value.status) == ("hsm_request_wrong", 400)
    client.close()


def test_a_gate_may_not_ask_and_a_desk_not_without_end(own_gateway: GatewayProcess, world: World) -> None:
    card = _city_card()
    gate = _line(own_gateway, world, "gate")
    with pytest.raises(GatewayRefused) as refused:
        gate.ask_hsm("")
    assert (refused.value.reason, refused.value.status) == ("not_for_this_terminal", 403)
    desk = _line(own_gateway, world, "desk")
    for _ in range(ASKED_PER_MINUTE_MAX):
        with pytest.raises(GatewayRefused):
            desk.ask_hsm("")
    with pytest.raises(GatewayUnreachable, match="429"):
        desk.ask_hsm("")
    assert ReaderApi(Desk(card), hsm=HttpHsm(desk)).read_with_fallback(3)[0] == Code.READER
    gate.close()
    desk.close()
