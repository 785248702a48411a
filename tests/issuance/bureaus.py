"""Jobs with cards in them, and receipts about them."""

import csv
import io
from datetime import datetime
from pathlib import Path
from uuid import UUID

from tests.cast import CLERK, HOUR, NOON, made_card, make_bank, make_person
from yikatong.issuance.emulated_bureau import EmulatedBureau
from yikatong.issuance.models import Card, JobCard, PersonalisationJob
from yikatong.issuance.personalisation import WrittenPart, bureau_key_name, open_job, write_part
from yikatong.issuance.receipt_rows import COLUMNS
from yikatong.issuance.receipts import ReceiptReport, take_receipt
from yikatong.registry.sealing import key_store
from yikatong.smartcard.bureau_file import CardRecord, Header, read_bureau_file

WRITTEN, LATER = NOON + HOUR, NOON + 2 * HOUR
BANK = "ICBC"


def made_cards(count: int, *, first: int = 1, bank: str = BANK) -> list[Card]:
    """Cards that wait for their chips."""
    outlet = make_bank(bank)
    return [made_card(make_person(serial), outlet) for serial in range(first, first + count)]


def opened(bank: str = BANK, limit: int = 1000) -> PersonalisationJob:
    """A job of everything there is."""
    job = open_job(bank, limit=limit, by=CLERK, at=NOON)
    assert job is not None
    return job


def write_all(job_id: UUID, folder: Path, *, cards: int = 1000) -> list[WrittenPart]:
    """Every part that is not written."""
    parts = []
    while part := write_part(job_id, folder, by=CLERK, at=WRITTEN, cards=cards):
        parts.append(part)
    return parts


def written(count: int, folder: Path, *, bank: str = BANK, first: int = 1) -> PersonalisationJob:
    """A job of so many cards whose file the bureau has."""
    made_cards(count, first=first, bank=bank)
    job = opened(bank)
    write_all(job.job_id, folder)
    return job


def contents(part: WrittenPart, bank: str = BANK) -> tuple[Header, list[CardRecord]]:
    """What the bureau reads in a part."""
    assert part.path is not None
    return read_bureau_file(part.path.read_bytes(), lambda key_id: key_store().get(bureau_key_name(bank), key_id))


def bureau(folder: Path, bank: str = BANK) -> EmulatedBureau:
    """The emulated bureau of a bank."""
    return EmulatedBureau(bank, key_store(), folder)


def row(job: PersonalisationJob, sequence: int, state: str, **changes: str) -> list[str]:
    """A receipt's row about a blank, and what is to differ from a right one by column."""
    code = JobCard.objects.get(job=job, sequence=sequence).identification_code
    reason = "写卡失败" if state == "spoiled" else ""
    right = dict(zip(COLUMNS, (str(job.job_id), str(sequence), code, state, WRITTEN.isoformat(), reason), strict=True))
    return list((right | changes).values())


def receipt(*rows: list[str], encoding: str = "utf-8") -> bytes:
    """A receipt file."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows((COLUMNS, *rows))
    return text.getvalue().encode(encoding)


def take(octets: bytes, *, bank: str = BANK, at: datetime = LATER) -> ReceiptReport:
    """Take a receipt of a bank's bureau."""
    return take_receipt(octets, bank_code=bank, by=CLERK, at=at)
