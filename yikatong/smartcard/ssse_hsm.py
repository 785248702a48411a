"""What an HSM of the city answers to a reader without the keys: the other half of the ``_HSM_Step`` functions.

A request is the text that a step gave out, an answer the next step's ``pKey``. Software that holds the
masters, for development, tests and pilots: a city puts its HSM behind the same five questions. It keeps
nothing and logs nothing; who may ask what is decided where it is asked. Source: the reader specification
(order of fields, key addresses), LD/T 32 parts 5 and 7 (what is computed); the terminal's transaction number
as two zero bytes and the card's: a published client. That a directory's keys descend from the same root as the
environment's, and so go by its addresses: assumption.
"""

import hmac
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass

from yikatong.smartcard import ssse_security as security
from yikatong.smartcard.ssse_account import PURCHASE, Amounts, authorised, purchase_session
from yikatong.smartcard.ssse_layout import Key
from yikatong.smartcard.ssse_pin import PinWrong, encode_pin

log = logging.getLogger(__name__)

ALGORITHM = "03"
ADDRESSES = {Key.READ: "004C", Key.UPDATE: "0094", Key.PUK: "0090", Key.PIN_SERVICE: "0173", Key.PURCHASE: "017F"}
"""密钥地址 of the keys that a reader asks with. Source: the key table of LD/T 32; which of several versions: assumption."""
RESET_HEADER, UNBLOCK_HEADER = "8424000114", "8424000004"
"""PIN CHANGE/UNBLOCK: with a new PIN and a MAC, and with a MAC only."""
_EXTERNAL = {address: number for number, address in ADDRESSES.items() if number in {Key.READ, Key.UPDATE, Key.PUK}}
_DIGITS = re.compile(r"[0-9A-Fa-f]*", re.ASCII)


class HsmRefused(ValueError):
    """A request that is none, or asks for a key that is not there. The text shows nothing of it."""


@dataclass(frozen=True, slots=True)
class CardPath:
    """Which card: 发卡地区, six digits, and the 13 historical bytes."""

    region_code: str
    historical: bytes

    def __post_init__(self) -> None:
        if len(self.region_code) != 6 or not _is_number(self.region_code) or len(self.historical) != 13:
            raise HsmRefused("a card is named by six digits and 13 historical bytes")


class CardHsm:
    """An HSM in software. ``masters``: the city's keys by number (``ssse_layout.Key``). Raises ``HsmRefused``."""

    def __init__(self, masters: Mapping[int, bytes]) -> None:
        log.warning("CardHsm: the city's keys are in this process; for development, tests and pilots")
        self._masters = dict(masters)

    def __repr__(self) -> str:
        """Without its keys."""
        return f"{type(self).__name__}({len(self._masters)} keys)"

    def authenticate(self, request: str) -> str:
        """Both cryptograms for what ``iReadCardBas_HSM_Step1`` gave out."""
        region, historical, _, _, *numbers = _fields(request, 8)
        card = CardPath(region, _octets(historical, 13))
        internal = self._cryptogram(card, Key.INTERNAL, *numbers[:2])
        external = self._cryptogram(card, Key.READ, *numbers[2:]) if any(numbers[2:]) else ""
        return f"{internal}|{external}|"

    def external(self, card: CardPath, request: str) -> str:
        """The cryptogram for ``算法|密钥地址|过程因子|原始信息|``: 16 digits, and the 16 of the original information."""
        _, address, factor, original = _fields(request, 4)
        if address not in _EXTERNAL:
            raise HsmRefused("no key for an external authentication has this address")
        return self._cryptogram(card, _EXTERNAL[address], factor, original)

    def secure(self, card: CardPath, request: str) -> str:
        """The secured command for ``算法|密钥地址|过程因子|APDU头|新PIN|``, without the PIN for unblocking."""
        fields = request.split("|")
        factor, header = (fields[2], fields[3]) if len(fields) > 4 else ("", "")
        if header == RESET_HEADER:
            _, address, _, _, pin = _fields(request, 5)
        elif header == UNBLOCK_HEADER:
            (_, address, _, _), pin = _fields(request, 4), ""
        else:
            raise HsmRefused("a command to secure resets or unblocks a PIN")
        if address != ADDRESSES[Key.PIN_SERVICE]:
            raise HsmRefused("no key for PIN services has this address")
        session = security.session_key(self._key(card, Key.PIN_SERVICE), _octets(factor, 8))
        try:
            secured = bytes.fromhex(header) + (security.encrypt(session, encode_pin(pin)) if pin else b"")
        except PinWrong as error:
            raise HsmRefused(str(error)) from error
        return (secured + security.mac(session, secured)).hex().upper()

    def authorise_purchase(self, card: CardPath, request: str) -> str:
        """``终端交易序号|时间|MAC1|`` for what ``iDoDebit_HSM_Step1`` gave out."""
        asked = _Purchase.parse(request)
        session = asked.session(self._key(card, Key.PURCHASE))
        mac1 = security.mac(session, authorised(asked.amounts, PURCHASE, asked.terminal, asked.time))
        return f"{asked.terminal_counter:08X}|{asked.time.hex()}|{mac1.hex().upper()}|"

    def check_purchase(self, card: CardPath, request: str, mac2: str) -> None:
        """Whether the card has paid what was authorised, by the MAC2 it answered. Raises ``HsmRefused`` when not."""
        asked = _Purchase.parse(request)
        expected = security.mac(asked.session(self._key(card, Key.PURCHASE)), asked.amounts)
        if not hmac.compare_digest(expected, _octets(mac2, 4)):
            raise HsmRefused("the card's MAC2 does not prove the payment")

    def _cryptogram(self, card: CardPath, number: int, factor: str, original: str) -> str:
        octets = _octets(original, 8)
        return (security.cryptogram(self._key(card, number), _octets(factor, 8), octets) + octets).hex().upper()

    def _key(self, card: CardPath, number: int) -> bytes:
        master = self._masters.get(number)
        if master is None:
            raise HsmRefused(f"this HSM has no key {number:02X}")
        return security.card_key(master, card.region_code, card.historical)


@dataclass(frozen=True, slots=True)
class _Purchase:
    """A payment as ``算法|密钥地址|伪随机数|交易序号|金额|类型|终端机编号|时间|`` asks for it."""

    random: bytes
    counter: int
    amounts: bytes
    terminal: bytes
    time: bytes

    @property
    def terminal_counter(self) -> int:
        """终端交易序号."""
        return self.counter

    def session(self, key: bytes) -> bytes:
        """The payment's session key."""
        return purchase_session(key, self.random, self.counter, self.terminal_counter)

    @classmethod
    def parse(cls, request: str) -> "_Purchase":
        _, address, random, counter, amount, kind, terminal, time = _fields(request, 8)
        if address != ADDRESSES[Key.PURCHASE] or _octets(kind, 1)[0] != PURCHASE:
            raise HsmRefused("no key for payments has this address, or this is no payment")
        total_fen, both_fen = (int.from_bytes(_octets(part, 4)) for part in (amount[:8], amount[8:]))
        if both_fen > total_fen:
            raise HsmRefused("a payment's part is more than the whole")
        amounts = Amounts(both_fen, total_fen - both_fen, 0).encode()
        counted = int.from_bytes(_octets(counter, 2))
        return cls(_octets(random, 4), counted, amounts, _octets(terminal, 6), _octets(time, 7))


def _fields(request: str, count: int) -> list[str]:
    fields = request.split("|")
    if len(fields) != count + 1 or fields[-1]:
        raise HsmRefused(f"this request has {count} fields, each ending with |")
    return fields[:-1]


def _octets(text: str, length: int) -> bytes:
    if len(text) != 2 * length or not _is_number(text):
        raise HsmRefused(f"a field has {2 * length} hex digits")
    return bytes.fromhex(text)


def _is_number(text: str) -> bool:
    return _DIGITS.fullmatch(text) is not None
