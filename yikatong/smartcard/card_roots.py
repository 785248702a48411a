"""The city's root keys of cards in the key store: their names, and which of them a card or a PSAM gets.

Every other key of the social security environment descends from a root by ``ssse_security.diversify``: province, region, card.
A name is ``card-root/NN``, NN being the key's number (``ssse_layout.Key``) in hex. It makes no keys: see ``gm.ceremony``.
"""

from collections.abc import Sequence

from yikatong.gm.keystore import KeyStore
from yikatong.smartcard.ssse_layout import Key
from yikatong.smartcard.ssse_sam import CRYPTOGRAM_KEYS

PREFIX = "card-root/"
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
READING_KEYS = tuple(sorted(CRYPTOGRAM_KEYS))
"""The roots in every PSAM; a till's also has ``Key.PURCHASE``."""


def root_name(number: int) -> str:
    """The name under which the key store has the root of this number."""
    return f"{PREFIX}{number:02X}"


ROOT_NAMES = tuple(root_name(number) for number in TITLES)


def root_title(name: str) -> str:
    """What a root is for, in Chinese; empty for a key that is none."""
    return {root_name(number): title for number, title in TITLES.items()}.get(name, "")


def card_roots(store: KeyStore, numbers: Sequence[int] = tuple(TITLES), version: int | None = None) -> dict[int, bytes]:
    """The roots by number, of one version or each its current one. Raises ``KeyUnknown``."""
    names = {number: root_name(number) for number in numbers}
    if version is None:
        return {number: store.current(name)[1] for number, name in names.items()}
    return {number: store.get(name, version) for number, name in names.items()}
