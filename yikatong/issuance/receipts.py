"""What a bank's card bureau says became of the blanks, taken row by row, and how a job stands by it.

Each good row is taken in its own transaction, and taking it again changes nothing: a receipt that was interrupted is simply
given again. A row that cannot be taken is handed back with its reason, and nothing of it is done. A chip's private key is
forgotten here once the chip has it.
"""

import csv
import logging
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import transaction

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.foundation.errors import Refused
from yikatong.issuance.lifecycle import lock_card
from yikatong.issuance.models import Card, ChipKey, JobCard, JobCardState, JobPart, JobState, PersonalisationJob
from yikatong.issuance.personalisation import is_written, lock_job, replace_blank
from yikatong.issuance.receipt_rows import ReceiptRow, RejectedRow, RowWrong, cells_of, check_row, read_rows
from yikatong.issuance.rules import JobReason
from yikatong.issuance.stock import Stock, stock_of
from yikatong.registry.rejected import harmless

log = logging.getLogger(__name__)

LINE_COLUMN, WHY_COLUMN = "行号", "不受理原因"


@dataclass(frozen=True, slots=True)
class ReceiptReport:
    """Rows taken now, rows that told what was known, rows handed back, and the blanks that are left."""

    header: str
    taken: int
    repeated: int
    rejected: tuple[RejectedRow, ...]
    stock: Stock


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Every card of a job, each in one place. ``missing``: sequences that the bureau has and has said nothing of.

    ``written_off``: cards that were cancelled while their blank was spoiled; they are not made any more.
    """

    job_id: UUID
    bank_code: str
    is_closed: bool
    cards: int
    unwritten: int
    held: tuple[tuple[int, str], ...]
    missing: tuple[int, ...]
    made: int
    shipped: int
    written_off: int
    spoiled_blanks: int

    @property
    def adds_up(self) -> bool:
        """Whether no card is forgotten and none counted twice."""
        places = (self.unwritten, len(self.held), len(self.missing), self.made, self.shipped, self.written_off)
        return self.cards == sum(places)


def take_receipt(octets: bytes, *, bank_code: str, by: Actor, at: datetime, name: str = "receipt") -> ReceiptReport:
    """Take a receipt that came from the bureau of a bank. Raises ``Refused`` when the file cannot be read at all."""
    header, rows, rejected = read_rows(octets, name=name)
    taken = repeated = 0
    for row in rows:
        try:
            is_new = _take(row, bank_code, by=by, at=at)
        except RowWrong as wrong:
            rejected.append(RejectedRow(row.line, row.text, str(wrong)))
        else:
            taken, repeated = taken + is_new, repeated + (not is_new)
    stock = stock_of(bank_code)
    if stock.warning:
        log.warning(stock.warning)
    return ReceiptReport(header, taken, repeated, tuple(sorted(rejected, key=lambda row: row.line)), stock)


def take_receipt_file(path: Path, *, bank_code: str, by: Actor, at: datetime) -> tuple[ReceiptReport, Path | None]:
    """Take a receipt file; rows that were not taken go to ``NAME.rejected.csv`` beside it, which is returned."""
    report = take_receipt(path.read_bytes(), bank_code=bank_code, by=by, at=at, name=path.name)
    beside = path.with_name(f"{path.stem}.rejected.csv")
    if not report.rejected:
        beside.unlink(missing_ok=True)
        return report, None
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow((LINE_COLUMN, WHY_COLUMN, *(cells_of(report.header) or [])))
        for row in report.rejected:
            writer.writerow((row.line, row.reason, *map(harmless, cells_of(row.text) or [row.text])))
    return report, beside


def reconcile(job_id: UUID) -> Reconciliation:
    """How a job stands: every card taken into it, and where it is. Raises ``Refused`` (``JOB_UNKNOWN``)."""
    job = PersonalisationJob.objects.filter(job_id=job_id).first()
    if job is None:
        raise Refused(JobReason.JOB_UNKNOWN, f"没有个人化任务 {job_id}")
    written = set(JobPart.objects.filter(job=job, written_at__isnull=False).values_list("part", flat=True))
    cards: set[int] = set()
    placed: set[int] = set()
    by_state: dict[str, list[tuple[int, str]]] = {state: [] for state in JobCardState.values}
    missing: list[int] = []
    blanks = JobCard.objects.filter(job=job).order_by("sequence")
    for sequence, card_id, part, state, reason in blanks.values_list("sequence", "card_id", "part", "state", "reason"):
        cards.add(card_id)
        if state != JobCardState.SPOILED:
            placed.add(card_id)
        by_state[state].append((sequence, reason))
        if state == JobCardState.WAITING and part in written:
            missing.append(sequence)
    return Reconciliation(
        job_id=job_id,
        bank_code=job.bank_code,
        is_closed=job.state == JobState.CLOSED,
        cards=len(cards),
        unwritten=len(by_state[JobCardState.WAITING]) - len(missing),
        held=tuple(by_state[JobCardState.HELD]),
        missing=tuple(missing),
        made=len(by_state[JobCardState.MADE]),
        shipped=len(by_state[JobCardState.SHIPPED]),
        written_off=len(cards - placed),
        spoiled_blanks=len(by_state[JobCardState.SPOILED]),
    )


def _take(row: ReceiptRow, bank_code: str, *, by: Actor, at: datetime) -> bool:
    """Take one row; whether it told something new. Raises ``RowWrong``."""
    job = PersonalisationJob.objects.filter(job_id=row.job_id).first()
    if job is None:
        raise RowWrong("没有这个任务")
    if job.bank_code != bank_code:
        raise RowWrong("这个任务不是本行的")
    if job.outlet_id:
        raise RowWrong("这个任务是柜台即时制卡，制卡方没有它的回执")
    place = JobCard.objects.filter(job_id=row.job_id, sequence=row.sequence)
    card_id = place.values_list("card_id", flat=True).first()
    if card_id is None:
        raise RowWrong("任务中没有这个序号")
    with transaction.atomic():
        _, card = lock_card(card_id)
        job = lock_job(row.job_id)
        blank = place.get()
        is_new = check_row(
            row,
            code=blank.identification_code,
            state=blank.state,
            job_made_at=job.made_at,
            is_written=is_written(blank),
            received_at=at,
        )
        if not is_new:
            return False
        if row.state is JobCardState.SPOILED:
            replace_blank(job, blank, card, row.reason, by=by, at=at)
        else:
            _made(blank, card, row, by=by, at=at)
        close_when_done(job)
        return True


def _made(blank: JobCard, card: Card, row: ReceiptRow, *, by: Actor, at: datetime) -> None:
    blank.state, blank.state_at, blank.reason = row.state, row.at, row.reason[:200]
    blank.save(update_fields=["state", "state_at", "reason"])
    ChipKey.objects.filter(card_id=card.card_id).delete()
    action = "card.shipped_by_bureau" if row.state is JobCardState.SHIPPED else "card.personalised"
    record(action, subject=f"card:{card.card_id}", by=by, at=at, person_id=card.person_id, job=str(row.job_id))


def close_when_done(job: PersonalisationJob) -> None:
    """Close a job whose every card is shipped or written off."""
    done = (JobCardState.SHIPPED, JobCardState.SPOILED)
    if not JobCard.objects.filter(job=job).exclude(state__in=done).exists():
        PersonalisationJob.objects.filter(job_id=job.job_id).update(state=JobState.CLOSED)
