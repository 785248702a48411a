"""The bank's side of the card, as far as it is ours: the directories that list the card's applications, and who the bank is.

A bank's own applet pays; ours only stands in its place, under its AID, with the bank's name, its issuer number and the account's
last four digits, which are no account number. It answers no payment command.
Source: EMV 4.3 Book 1, 12.2 (PSE), Entry Point Specification (PPSE), EMV 4.3 Book 3 annex A (tags 42 and 9F25); the order of the
applications: assumption.
"""

from dataclasses import dataclass

from yikatong.smartcard import tunion_layout
from yikatong.smartcard.card import Application
from yikatong.smartcard.files import Contents, Directory, ElementaryFile, Structure
from yikatong.smartcard.memory import Memory

UNIONPAY_DEBIT_AID = bytes.fromhex("A000000333010101")
PSE_NAME, PPSE_NAME = b"1PAY.SYS.DDF01", b"2PAY.SYS.DDF01"
REFERENCE_CELL = "BANK/reference"
_DIRECTORY_SFI, _ACCOUNT_SFI = 0x01, 0x02
_ENTRY_MAX = 0x60


@dataclass(frozen=True, slots=True)
class BankReference:
    """Whose account the card pays from, masked. ``issuer_number``: six digits; ``tail``: the account's last four."""

    issuer_number: str
    tail: str
    label: str

    def encode(self) -> bytes:
        """For a data grouping. Raises ``ValueError``."""
        digits = self.issuer_number + self.tail
        label = self.label.encode("gb18030")
        if len(self.issuer_number) != 6 or len(self.tail) != 4 or not digits.isdecimal() or not 1 <= len(label) <= 16:
            raise ValueError(
                "a bank has an issuer number of six digits, four last digits, and a label of at most 16 bytes"
            )
        return bytes.fromhex(digits) + label

    @classmethod
    def decode(cls, octets: bytes) -> "BankReference":
        """What ``encode`` made."""
        return cls(octets[:3].hex(), octets[3:5].hex(), octets[5:].decode("gb18030"))


def tlv(tag: int, value: bytes) -> bytes:
    """A short BER-TLV object. ``value``: at most 127 bytes."""
    return tag.to_bytes(2 if tag > 0xFF else 1) + bytes((len(value),)) + value


class BankAccount(Application):
    """Stands where the bank's applet is. Cells: ``BANK/reference``, and the record that says the account's last digits."""

    directory = Directory(
        "BANK",
        0xDF10,
        (UNIONPAY_DEBIT_AID,),
        (ElementaryFile(0xEF02, _ACCOUNT_SFI, Structure.LINEAR_VARIABLE, _ENTRY_MAX, 1),),
    )

    def fci(self, directory: Directory) -> bytes:
        """``6F`` with the AID, the bank's label and its priority."""
        label = tlv(0x50, BankReference.decode(self.memory[REFERENCE_CELL]).label.encode("gb18030"))
        return tlv(0x6F, tlv(0x84, directory.names[0]) + tlv(0xA5, label + tlv(0x87, b"\1") + tlv(0x5F2D, b"zh")))


class PaymentDirectory(Application):
    """PSE: the list of payment applications a contact reader walks record by record."""

    directory = Directory(
        "PSE",
        0xDF11,
        (PSE_NAME,),
        (ElementaryFile(0xEF01, _DIRECTORY_SFI, Structure.LINEAR_VARIABLE, _ENTRY_MAX, 4),),
    )

    def fci(self, directory: Directory) -> bytes:
        """``6F`` with the name and where the list lies."""
        proprietary = tlv(0x88, bytes((_DIRECTORY_SFI,))) + tlv(0x5F2D, b"zh")
        return tlv(0x6F, tlv(0x84, directory.names[0]) + tlv(0xA5, proprietary))


class ProximityDirectory(Application):
    """PPSE: the same list in one answer, for readers without contact."""

    directory = Directory("PPSE", 0xDF12, (PPSE_NAME,))

    def fci(self, directory: Directory) -> bytes:
        """``6F`` with the name and one entry for each application."""
        records = Contents(self.memory, PaymentDirectory.directory, PaymentDirectory.directory.files[0]).records()
        listed = tlv(0xBF0C, b"".join(record[2:] for record in records))
        return tlv(0x6F, tlv(0x84, directory.names[0]) + tlv(0xA5, listed))


def write_lists(memory: Memory, *, has_purse: bool) -> None:
    """List the applications a card pays with, in the running transaction of its personalisation."""
    entries: list[bytes] = []
    if REFERENCE_CELL in memory:
        bank = BankReference.decode(memory[REFERENCE_CELL])
        account = tlv(0x42, bytes.fromhex(bank.issuer_number)) + tlv(0x9F25, bytes.fromhex(bank.tail))
        memory["BANK/EF02/1"] = tlv(0x70, account)
        entries.append(_entry(UNIONPAY_DEBIT_AID, bank.label, 1))
    if has_purse:
        entries.append(_entry(tunion_layout.AID, "T-Union", 2))
    for number, entry in enumerate(entries, start=1):
        memory[f"PSE/EF01/{number}"] = tlv(0x70, entry)


def _entry(aid: bytes, label: str, priority: int) -> bytes:
    return tlv(0x61, tlv(0x4F, aid) + tlv(0x50, label.encode("gb18030")) + tlv(0x87, bytes((priority,))))
