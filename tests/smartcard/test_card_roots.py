"""The roots in the key store: named by number, and the ones a card's keys descend from."""

from pathlib import Path

import pytest

from yikatong.gm.keystore import FileKeyStore, KeyUnknown
from yikatong.smartcard.card_roots import (
    READING_KEYS,
    ROOT_NAMES,
    blank_roots,
    card_roots,
    purse_roots,
    root_name,
    root_title,
)
from yikatong.smartcard.ssse_layout import Key
from yikatong.smartcard.ssse_sam import CRYPTOGRAM_KEYS
from yikatong.smartcard.tunion_layout import PurseKey

NUMBERS = sorted(value for name, value in vars(Key).items() if name.isupper())


def test_every_key_of_a_card_has_a_root_with_a_title() -> None:
    assert list(ROOT_NAMES) == [
        *(root_name(number) for number in NUMBERS),
        *("purse-root/01", "purse-root/02", "purse-root/03"),
        *("blank-root/01", "blank-root/02"),
    ]
    assert all(root_title(name) for name in ROOT_NAMES)
    assert root_title("field") == ""
    assert set(READING_KEYS) == CRYPTOGRAM_KEYS


def test_roots_come_by_number_the_current_ones_or_one_version(tmp_path: Path) -> None:
    store = FileKeyStore.create(tmp_path / "keys.json")
    first = {number: bytes((number,)) * 16 for number in NUMBERS}
    store.put({root_name(number): value for number, value in first.items()})
    assert card_roots(store) == first
    store.put({root_name(Key.READ): b"\xee" * 16}, rotating=True)
    assert card_roots(store, READING_KEYS) == {Key.INTERNAL: first[Key.INTERNAL], Key.READ: b"\xee" * 16}
    assert card_roots(store, READING_KEYS, 1) == {number: first[number] for number in READING_KEYS}
    store.put({f"purse-root/0{number}": bytes((number,)) * 16 for number in (1, 2, 3)})
    assert purse_roots(store) == {number: bytes((number,)) * 16 for number in (1, 2, 3)}
    assert purse_roots(store, [PurseKey.PURCHASE], 1) == {1: b"\1" * 16}
    store.put({f"blank-root/0{number}": bytes((number,)) * 16 for number in (1, 2)})
    assert blank_roots(store) == {number: bytes((number,)) * 16 for number in (1, 2)}
    with pytest.raises(KeyUnknown):
        card_roots(store, READING_KEYS, 2)
