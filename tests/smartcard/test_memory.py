"""The journal: all or nothing wherever power is cut, damage told, and images that do not grow for ever."""

from pathlib import Path

import pytest

from tests.smartcard.power import PowerCut, TornMedium
from yikatong.smartcard.memory import COMPACT_BYTES, FileMedium, Memory, MemoryDamaged, VolatileMedium


def written(medium: VolatileMedium) -> None:
    memory = Memory(medium)
    with memory.transaction():
        memory["a"], memory["b"] = b"one", b"two"


def change(memory: Memory) -> None:
    with memory.transaction():
        memory["a"], memory["c"] = b"changed", bytes(100)
        del memory["b"]


def test_a_transaction_is_there_after_power_returns() -> None:
    medium = VolatileMedium()
    written(medium)
    change(Memory(medium))
    assert Memory(medium).cells() == {"a": b"changed", "c": bytes(100)}


def test_power_cut_at_any_byte_leaves_before_or_after() -> None:
    medium = VolatileMedium()
    written(medium)
    before, journal = Memory(medium).cells(), medium.read()
    whole = VolatileMedium(journal)
    change(Memory(whole))
    after, length = Memory(whole).cells(), len(whole.read()) - len(journal)
    for cut in range(length):
        torn = TornMedium(journal, bytes_left=cut)
        with pytest.raises(PowerCut):
            change(Memory(torn))
        again = VolatileMedium(torn.read())
        assert Memory(again).cells() == before, f"after {cut} bytes"
        change(Memory(again))
        assert Memory(VolatileMedium(again.read())).cells() == after


def test_what_fails_inside_a_transaction_changes_nothing() -> None:
    medium = VolatileMedium()
    written(medium)
    memory, journal = Memory(medium), medium.read()
    with pytest.raises(ZeroDivisionError), memory.transaction():
        memory["a"] = b"half"
        assert memory["a"] == b"half"
        raise ZeroDivisionError
    assert memory["a"] == b"one"
    assert medium.read() == journal


def test_a_write_on_its_own_stays_when_the_transaction_around_it_fails() -> None:
    memory = Memory(VolatileMedium())
    with pytest.raises(ZeroDivisionError), memory.transaction():
        memory["work"] = b"1"
        memory.commit_now(lambda: memory.__setitem__("tries", b"2"))
        assert memory["work"] == b"1"
        raise ZeroDivisionError
    assert memory.cells() == {"tries": b"2"}


def test_writing_the_same_again_writes_nothing() -> None:
    medium = VolatileMedium()
    written(medium)
    journal = medium.read()
    memory = Memory(medium)
    with memory.transaction():
        memory["a"] = b"one"
    assert medium.read() == journal


def test_memory_is_written_in_one_transaction_at_a_time() -> None:
    memory = Memory(VolatileMedium())
    with pytest.raises(RuntimeError, match="in a transaction only"):
        memory["a"] = b"1"
    with pytest.raises(RuntimeError, match="open already"), memory.transaction(), memory.transaction():
        pass
    with pytest.raises(KeyError):
        memory["nothing"]


@pytest.mark.parametrize("journal", [b"YKTCAxx", b"something else altogether", b"PNG"])
def test_other_files_are_no_cards(journal: bytes) -> None:
    with pytest.raises(MemoryDamaged, match="no card image"):
        Memory(VolatileMedium(journal))


def test_a_changed_byte_is_told_wherever_it_is() -> None:
    medium = VolatileMedium()
    written(medium)
    journal = medium.read()
    for place in range(len(journal)):
        damaged = bytearray(journal)
        damaged[place] ^= 0x01
        with pytest.raises(MemoryDamaged):
            Memory(VolatileMedium(bytes(damaged)))


def test_a_long_journal_is_written_anew_and_loses_nothing() -> None:
    medium = VolatileMedium()
    memory = Memory(medium)
    for count in range(COMPACT_BYTES // 64):
        with memory.transaction():
            memory["counter"] = count.to_bytes(64)
    length = len(medium.read())
    assert length > COMPACT_BYTES
    assert Memory(medium).cells() == memory.cells()
    assert len(medium.read()) < 200


def test_an_image_on_disk_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "card.bin"
    memory = Memory(FileMedium(path))
    with memory.transaction():
        memory["key"] = b"secret"
    assert path.stat().st_mode & 0o777 == 0o600
    assert Memory(FileMedium(path)).cells() == {"key": b"secret"}
    whole = path.read_bytes()
    path.write_bytes(whole + b"\0\0\0\x09")
    assert Memory(FileMedium(path)).cells() == {"key": b"secret"}
    assert path.read_bytes() == whole
