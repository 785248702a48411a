"""A sample card, its terminal's security module, and the authority that certified it: to try readers and gates without a city.

Everything on it is nobody's. Its root keys are made anew for each sample, so that a sample card and a sample module fit together
and neither fits any other: a sample is worth nothing anywhere.
"""

import os
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from yikatong.foundation.clock import beijing_day
from yikatong.gm.sm2 import PrivateKey
from yikatong.gm.x509 import Profile, issue_ca, issue_root
from yikatong.gm.x509_bulk import BulkIssuer
from yikatong.smartcard.dgi import decode_groupings
from yikatong.smartcard.making import IDENTIFICATION_DIGITS, CardMaker
from yikatong.smartcard.memory import FileMedium, Memory
from yikatong.smartcard.payment import BankReference
from yikatong.smartcard.ssse_layout import Key, historical_bytes, initialising_institution
from yikatong.smartcard.ssse_sam import SamContents, write_sam
from yikatong.smartcard.third_generation import PurseContents, SocialContents, write_groupings
from yikatong.smartcard.tunion_layout import ISSUER_BEIJING, IssuerFile, PurseKey
from yikatong.smartcard.tunion_security import Algorithm

PIN = "123456"
BALANCE_FEN = 5_000
TERMINAL = bytes.fromhex("110000000042")
_YEARS = 10
_SOCIAL_KEYS = (
    *(Key.PUK, Key.INTERNAL, Key.PIN_SERVICE, Key.READ, Key.BLOCK, Key.UPDATE, Key.PURCHASE, Key.LOAD, Key.TAC),
)


@dataclass(frozen=True, slots=True)
class SampleFiles:
    """Where a sample lies: card images, and the certificate of the authority (DER)."""

    card: Path
    sam: Path
    authority: Path


def write_sample(folder: Path, at: datetime) -> SampleFiles:
    """Make a sample in a folder. Raises ``FileExistsError`` when there is one already."""
    files = SampleFiles(folder / "card.image", folder / "psam.image", folder / "authority.der")
    folder.mkdir(parents=True, exist_ok=True)
    for path in (files.card, files.sam, files.authority):
        if path.exists():
            raise FileExistsError(path)
    until = at + timedelta(days=365 * _YEARS)
    root = issue_root(PrivateKey.generate(), name="Sample Root", not_before=at, not_after=until)
    authority = issue_ca(
        root, PrivateKey.generate(), profile=Profile.CARD_CA, name="Sample Card CA", not_before=at, not_after=until
    )
    issuer = BulkIssuer(
        authority, profile=Profile.CARD, name_length=IDENTIFICATION_DIGITS, not_before=at, not_after=until
    )
    social = {number: os.urandom(16) for number in _SOCIAL_KEYS}
    purse = {number: os.urandom(16) for number in (PurseKey.PURCHASE, PurseKey.LOAD, PurseKey.TAC)}
    _write_card(files.card, CardMaker(issuer, social, "110000", purse), beijing_day(at))
    reading = {number: social[number] for number in (Key.INTERNAL, Key.READ, Key.PURCHASE)}
    contents = SamContents(0x11, bytes(10), 0x01, TERMINAL, reading, {Algorithm.SM4: purse[PurseKey.PURCHASE]})
    write_sam(Memory(FileMedium(files.sam)), contents)
    files.authority.write_bytes(authority.certificate.dump())
    return files


def _write_card(path: Path, maker: CardMaker, made_on: date) -> None:
    ends_on = made_on.replace(year=made_on.year + _YEARS, day=min(made_on.day, 28))
    serial = int.from_bytes(os.urandom(4))
    contents = SocialContents(
        identification_code=f"110000D156000005{serial:08X}{os.urandom(4).hex().upper()}",
        institution=initialising_institution("110000", "110100", 2),
        issued_on=made_on,
        expires_on=ends_on,
        card_number="J0000001X",
        identity_number="119901199003078515",
        name="测试员",
        sex="1",
        ethnicity_code="01",
        birthplace_code="119901",
        birth_date=date(1990, 3, 7),
        pin=PIN,
    )
    historical = historical_bytes(
        chip_maker=b"\x00\x81", chip=b"JDF", card_maker=b"\x86\x60", region_code="110000", serial=serial
    )
    purse = PurseContents(IssuerFile(ISSUER_BEIJING, f"0100100075{serial:010d}", made_on, ends_on))
    prepared = maker.prepare(contents, historical, purse=purse, bank=BankReference("621234", "0000", "SAMPLE BANK"))
    memory = Memory(FileMedium(path))
    write_groupings(memory, decode_groupings(prepared.groupings))
    with memory.transaction():
        memory["TU/balance"] = BALANCE_FEN.to_bytes(4)
