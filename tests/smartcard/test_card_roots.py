"""The roots in the key store: named by number, and the ones a card's keys descend from."""

from pathlib import Path

import pytest

from yikatong.gm.keystore import FileKeyStore, KeyUnknown
from yikatong.smartcard.card_roots import READING_KEYS, ROOT_NAMES, card_roots, root_name, root_title
from yikatong.smartcard.ssse_layout import Key
from yikatong.smartcard.ssse_sam import CRYPTOGRAM_KEYS

NUMBERS = sorted(value for name, value in vars(Key).items() if name.isupper())


def test_every_key_of_a_card_has_a_root_with_a_title() -> None:
    assert sorted(ROOT_NAMES) == [f"card-root/{number:02X}" for number in NUMBERS]
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
    with pytest.raises(KeyUnknown):
        card_roots(store, READING_KEYS, 2)
