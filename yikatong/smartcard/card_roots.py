"""The city's root keys of cards in the key store: their names, and which of them a card or a PSAM gets.

Every other key of the social security environment descends from a root by ``ssse_security.diversify``: province, region, card;
every key of a transit purse by its own cipher: issuer, card. A name is ``card-root/NN``, NN being the key's number
(``ssse_layout.Key``) in hex, ``purse-root/NN`` (``tunion_layout.PurseKey``), or ``blank-root/NN`` (``issuer_domain``), from which
a blank's keys descend by its serial number. It makes no keys: see ``gm.ceremony``.
"""

from collections.abc import Sequence

from yikatong.gm.keystore import KeyStore
from yikatong.smartcard import issuer_domain
from yikatong.smartcard.ssse_layout import Key
from yikatong.smartcard.ssse_sam import CRYPTOGRAM_KEYS
from yikatong.smartcard.tunion_layout import PurseKey

PREFIX, PURSE_PREFIX, BLANK_PREFIX = "card-root/", "purse-root/", "blank-root/"
TITLES = {
    Key.PUK: "解锁 PIN",
    Key.INTERNAL: "内部认证",
    Key.PIN_SERVICE: "重装 PIN",
    Key.READ: "读持卡人信息",
    Key.BLOCK: "锁定应用",
    Key.UPDATE: "更新文件",
    Key.PURCHASE: "消费",
    Key.LOAD: "圈存",
    Key.TAC: "交易验证码",
}
"""What each root's keys do on a card."""
PURSE_TITLES = {
    PurseKey.PURCHASE: "交通钱包消费",
    PurseKey.LOAD: "交通钱包圈存",
    PurseKey.TAC: "交通钱包交易验证码",
}
BLANK_TITLES = {
    issuer_domain.ENCRYPTION: "空白卡写卡加密",
    issuer_domain.MAC: "空白卡写卡校验",
}
"""The keys that blanks for counters are delivered with, so that only the city can write them."""
READING_KEYS = tuple(sorted(CRYPTOGRAM_KEYS))
"""The roots in every PSAM; a till's also has ``Key.PURCHASE``."""


def root_name(number: int) -> str:
    """The name under which the key store has the root of this number."""
    return f"{PREFIX}{number:02X}"


def purse_root_name(number: int) -> str:
    """The name under which the key store has the purses' root of this number."""
    return f"{PURSE_PREFIX}{number:02X}"


def blank_root_name(number: int) -> str:
    """The name under which the key store has the blanks' root of this number (``issuer_domain``)."""
    return f"{BLANK_PREFIX}{number:02X}"


_TITLES_BY_NAME = {root_name(number): title for number, title in TITLES.items()} | {
    purse_root_name(number): title for number, title in PURSE_TITLES.items()
}
_TITLES_BY_NAME |= {blank_root_name(number): title for number, title in BLANK_TITLES.items()}
ROOT_NAMES = tuple(_TITLES_BY_NAME)


def root_title(name: str) -> str:
    """What a root is for, in Chinese; empty for a key that is none."""
    return _TITLES_BY_NAME.get(name, "")


def card_roots(store: KeyStore, numbers: Sequence[int] = tuple(TITLES), version: int | None = None) -> dict[int, bytes]:
    """The roots by number, of one version or each its current one. Raises ``KeyUnknown``."""
    return {number: _root(store, root_name(number), version) for number in numbers}


def purse_roots(
    store: KeyStore, numbers: Sequence[int] = tuple(PURSE_TITLES), version: int | None = None
) -> dict[int, bytes]:
    """The purses' roots by number, as ``card_roots``."""
    return {number: _root(store, purse_root_name(number), version) for number in numbers}


def blank_roots(
    store: KeyStore, numbers: Sequence[int] = tuple(BLANK_TITLES), version: int | None = None
) -> dict[int, bytes]:
    """The blanks' roots by number, as ``card_roots``."""
    return {number: _root(store, blank_root_name(number), version) for number in numbers}


def _root(store: KeyStore, name: str, version: int | None) -> bytes:
    return store.current(name)[1] if version is None else store.get(name, version)
