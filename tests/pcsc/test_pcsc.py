"""Cards in readers, through a real pcscd."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pcsc.cards import Slot
from tests.smartcard.makers import made_card
from tests.smartcard.purses import SELECT, balance_fen, pay, purse_card
from yikatong.smartcard import vpcd
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.channel import exchange
from yikatong.smartcard.ssse_layout import NAME
from yikatong.terminal.pcsc import CardRemoved, NoCard, PcscCard, ReaderFault, find_reader, reader_names, wait_for_card
from yikatong.terminal.virtual_reader import VirtualReader, VirtualReaderFault, connect


def test_a_card_in_a_reader_answers_as_in_the_hand(slot: Slot) -> None:
    card = made_card()
    slot.insert(card)
    with PcscCard(slot.name) as inserted:
        assert inserted.atr == card.atr
        assert exchange(inserted, Command(0x00, 0xA4, 0x04, 0x00, NAME, 256)).startswith(b"\x6f\x1c\x84\x0f" + NAME)


def test_each_use_begins_with_a_reset_card(slot: Slot) -> None:
    slot.insert(purse_card())
    with PcscCard(slot.name) as inserted:
        assert inserted.transmit(bytes.fromhex(SELECT)) == b"\x90\x00"
        assert inserted.transmit(bytes.fromhex("805C030204"))[-2:] == b"\x90\x00"
    with PcscCard(slot.name) as inserted:
        assert inserted.transmit(bytes.fromhex("805C030204")) == b"\x6d\x00"


def test_money_moves_through_the_reader(slot: Slot) -> None:
    card = purse_card(balance_fen=1_000)
    slot.insert(card)
    with PcscCard(slot.name) as inserted:
        inserted.transmit(bytes.fromhex(SELECT))
        begun = inserted.transmit(bytes.fromhex("80500102 0B 01 00000064 110000000042 0F"))
        assert begun[-2:] == b"\x90\x00"
    slot.remove()
    card.power_on()
    card.transmit(bytes.fromhex(SELECT))
    assert balance_fen(card) == 1_000, "an initialised payment is nothing yet"
    assert pay(card, 100).endswith("9000")


def test_an_empty_reader_and_a_card_that_left_are_told_apart(slot: Slot) -> None:
    with pytest.raises(NoCard, match="请放好卡片"):
        PcscCard(slot.name)
    slot.insert(made_card())
    with PcscCard(slot.name) as inserted:
        inserted.transmit(bytes.fromhex("0084000008"))
        slot.remove()
        with pytest.raises(CardRemoved, match="移走"):
            inserted.transmit(bytes.fromhex("0084000008"))


def test_two_programs_do_not_use_one_card_at_once(slot: Slot) -> None:
    slot.insert(made_card())
    with PcscCard(slot.name), pytest.raises(ReaderFault, match="另一个程序"):
        PcscCard(slot.name)


def test_readers_are_found_by_part_of_their_name(slot: Slot, virtual_reader: VirtualReader) -> None:
    assert reader_names() == [virtual_reader.reader(0), virtual_reader.reader(1)]
    assert find_reader("") == find_reader("virtual reader 00 00") == slot.name
    with pytest.raises(ReaderFault, match="没有名称含“ACR”的读卡器"):
        find_reader("ACR")


def test_waiting_for_a_card_ends(slot: Slot) -> None:
    assert not wait_for_card(slot.name, timeout_s=0.1)
    slot.insert(made_card())
    assert not wait_for_card(slot.name, is_present=False, timeout_s=0.1)


def test_nothing_of_the_reader_is_reachable_from_outside(virtual_reader: VirtualReader) -> None:
    listening = {
        int(line.split()[1].rsplit(":", 1)[1], 16)
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    }
    assert vpcd.PORT not in listening
    assert (virtual_reader.folder.stat().st_mode & 0o777) == 0o700


def test_a_slot_that_is_not_there_and_a_reader_that_does_not_run_are_told(
    virtual_reader: VirtualReader, tmp_path: Path
) -> None:
    with pytest.raises(VirtualReaderFault, match="只有 2 个卡槽"):
        connect(virtual_reader.folder, 2)
    with pytest.raises(VirtualReaderFault, match="没有运行中的虚拟读卡器"):
        connect(tmp_path)


def test_a_folder_that_others_may_enter_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("open", "link"):
        with pytest.raises(VirtualReaderFault, match="chmod 700"), VirtualReader(tmp_path / name):
            pass


def test_a_program_without_the_service_is_told_what_to_do() -> None:
    script = "from yikatong.terminal.pcsc import reader_names; reader_names()"
    environment = {**os.environ, "PCSCLITE_CSOCK_NAME": "/nonexistent"}
    told = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert "请启动 pcscd" in told.stderr
