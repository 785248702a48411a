"""Sealed fields: what comes back, what does not open, what rotation leaves readable, and how values are found."""

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.gm import sm3
from yikatong.gm.fields import FIELD_KEY, INDEX_KEY, OVERHEAD, FieldCipher, key_id_of
from yikatong.gm.keystore import FileKeyStore, KeyUnknown
from yikatong.gm.sm2 import PrivateKey
from yikatong.gm.sm4 import IntegrityError

NUMBER = "119901199001010015"


class MemoryKeyStore:
    """A key store without a file."""

    def __init__(self) -> None:
        self.keys = {(FIELD_KEY, 1): bytes(range(16)), (INDEX_KEY, 1): b"index key, 16 b."}

    def current(self, name: str) -> tuple[int, bytes]:
        key_id = max(number for known, number in self.keys if known == name)
        return key_id, self.keys[name, key_id]

    def get(self, name: str, key_id: int) -> bytes:
        try:
            return self.keys[name, key_id]
        except KeyError:
            raise KeyUnknown(f"no key {name}/{key_id}") from None

    def sm2_key(self, name: str) -> PrivateKey:
        raise KeyUnknown(name)


@pytest.fixture
def store() -> MemoryKeyStore:
    return MemoryKeyStore()


@pytest.fixture
def cipher(store: MemoryKeyStore) -> FieldCipher:
    return FieldCipher(store)


CIPHER = FieldCipher(MemoryKeyStore())


@given(st.text(max_size=60), st.text(max_size=30))
def test_a_value_comes_back_from_its_field_only(field: str, text: str) -> None:
    sealed = CIPHER.seal(field, text)
    assert len(sealed) == len(text.encode()) + OVERHEAD
    assert CIPHER.open(field, sealed) == text
    with pytest.raises(IntegrityError):
        CIPHER.open(field + "x", sealed)


@given(st.lists(st.text(max_size=8), max_size=80))
def test_many_values_come_back_in_their_order(texts: list[str]) -> None:
    sealed = CIPHER.seal_many("name", iter(texts))
    assert [CIPHER.open("name", value) for value in sealed] == texts
    assert len({value[2:14] for value in sealed}) == len(texts), "no nonce twice"


def test_equal_values_do_not_look_equal(cipher: FieldCipher) -> None:
    assert cipher.seal("name", "张三") != cipher.seal("name", "张三")
    assert len(set(cipher.seal_many("name", ["张三"] * 50))) == 50
    assert "张三".encode() not in cipher.seal("name", "张三")


SEALED = CIPHER.seal("identity_number", NUMBER)


@given(st.integers(0, len(SEALED) * 8 - 1))
def test_a_sealed_value_with_one_bit_flipped_does_not_open(bit: int) -> None:
    flipped = (int.from_bytes(SEALED) ^ 1 << bit).to_bytes(len(SEALED))
    with pytest.raises((IntegrityError, KeyUnknown)):
        CIPHER.open("identity_number", flipped)


@given(st.binary(max_size=60))
def test_noise_does_not_open(noise: bytes) -> None:
    with pytest.raises((IntegrityError, KeyUnknown)):
        CIPHER.open("name", noise)


@pytest.mark.parametrize("length", [0, 1, OVERHEAD - 1])
def test_a_value_shorter_than_its_frame_names_its_field(cipher: FieldCipher, length: int) -> None:
    with pytest.raises(IntegrityError, match=f"field name is too short: {length} bytes"):
        cipher.open("name", bytes(length))


def test_rotation_leaves_old_values_readable(store: MemoryKeyStore, cipher: FieldCipher) -> None:
    old = cipher.seal("name", "李四")
    store.keys[FIELD_KEY, 300] = bytes(16)
    assert cipher.current_key_id == 1, "until it is told"
    cipher.refresh()
    new, many = cipher.seal("name", "李四"), cipher.seal_many("name", ["李四"] * 20)
    assert (key_id_of(old), key_id_of(new)) == (1, 300)
    assert (cipher.needs_reseal(old), cipher.needs_reseal(new)) == (True, False)
    assert {key_id_of(value) for value in many} == {300}
    assert {cipher.open("name", value) for value in (old, new, *many)} == {"李四"}
    del store.keys[FIELD_KEY, 1]
    with pytest.raises(KeyUnknown):
        cipher.open("name", old)


def test_a_process_that_was_not_told_opens_values_of_a_newer_key(tmp_path: Path) -> None:
    here = FileKeyStore.create(tmp_path / "keys.json")
    here.ensure(symmetric=(FIELD_KEY, INDEX_KEY))
    cipher = FieldCipher(here)
    there = FileKeyStore.open(here.path)
    there.rotate(FIELD_KEY)
    assert cipher.open("name", FieldCipher(there).seal("name", "王五")) == "王五"


def test_no_value_is_sealed_under_one_key_and_named_after_another(store: MemoryKeyStore, cipher: FieldCipher) -> None:
    """Whatever other threads seal between any two lines of a refresh opens again."""
    sealed: list[bytes] = []

    def seal_now(frame: FrameType, _event: str, _argument: object) -> Any:
        if frame.f_code is FieldCipher.refresh.__code__:
            sealed.extend([cipher.seal("name", "赵六"), *cipher.seal_many("name", ["赵六"] * 20)])
        return seal_now

    store.keys[FIELD_KEY, 2] = bytes(16)
    tracing = sys.gettrace()
    sys.settrace(seal_now)
    try:
        cipher.refresh()
    finally:
        sys.settrace(tracing)
    assert {key_id_of(value) for value in sealed} == {1, 2}
    assert {cipher.open("name", value) for value in sealed} == {"赵六"}


def test_the_blind_index_is_keyed_sm3_cut_short(cipher: FieldCipher) -> None:
    """So that a later version, or another program with the key, finds the same rows."""
    expected = sm3.hmac(b"index key, 16 b.", b"phone\x0010200000001")[:16]
    assert cipher.blind_index("phone", "10200000001") == expected


@given(st.lists(st.text(max_size=20), max_size=20), st.sampled_from(["phone", "identity_number"]))
def test_blind_indexes_are_equal_exactly_for_equal_values(values: list[str], field: str) -> None:
    indexes = CIPHER.blind_index_many(field, values)
    assert indexes == [CIPHER.blind_index(field, value) for value in values]
    assert len(set(indexes)) == len(set(values))
    assert all(len(index) == 16 for index in indexes)
    assert not set(indexes) & set(CIPHER.blind_index_many("name", values))


@given(st.lists(st.text(max_size=20), max_size=20), st.sampled_from(["name", "tail_birth"]))
def test_a_blind_number_is_the_first_half_of_the_index(values: list[str], field: str) -> None:
    halves = [CIPHER.blind_index(field, value)[:8] for value in values]
    assert CIPHER.blind_number_many(field, values) == [int.from_bytes(half, signed=True) for half in halves]


def test_blind_numbers_are_pythons_own(cipher: FieldCipher) -> None:
    """They go into SQL as they are, where a negative one is as good as any."""
    numbers = cipher.blind_number_many("name", (f"测试{serial}" for serial in range(20)))
    assert {type(number) for number in numbers} == {int}
    assert min(numbers) < 0 < max(numbers)


def test_the_index_outlives_rotation(store: MemoryKeyStore, cipher: FieldCipher) -> None:
    before = cipher.blind_index("phone", "10200000001")
    store.keys[FIELD_KEY, 2] = bytes(16)
    assert FieldCipher(store).blind_index("phone", "10200000001") == before


def test_a_printed_cipher_shows_no_key(cipher: FieldCipher) -> None:
    assert repr(cipher._sealing) == "_Sealing(key_id=1)"


def test_columns_may_be_views_of_memory(cipher: FieldCipher) -> None:
    sealed = memoryview(cipher.seal("name", "张三"))
    assert cipher.open("name", sealed) == "张三"  # type: ignore[arg-type]
    assert key_id_of(sealed) == 1  # type: ignore[arg-type]
    assert not cipher.needs_reseal(sealed)  # type: ignore[arg-type]
