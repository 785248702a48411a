"""From cards made in the register to files for a bank's card bureau: jobs, parts, and asking for a card again.

A job takes cards that are made in the register and whose chips are not personalised; ``write_part`` delivers it file by file,
each sealed under the key ``bureau/<bank code>`` of the key store. Every command may be killed anywhere and given again: a
part is planned, with its cards and the version of the key, before it is written, and an unwritten one is finished first. A
record carries the key and certificate that the register has of the card; another pair is made by ``rerequest`` alone, which says
so in the audit trail and revokes the old certificate.

Locks are taken in this order: person, card, job, part. What the bureau answers is in ``receipts``. How the shared key gets to
the bureau, and the rotation of the city's card keys (version 1 is used), are not decided here.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import Max

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Bank
from yikatong.foundation.errors import Refused
from yikatong.issuance.chip_records import CardHeld, ChipRecords
from yikatong.issuance.lifecycle import lock_card
from yikatong.issuance.models import (
    Card,
    CardState,
    ChipKey,
    JobCard,
    JobCardState,
    JobPart,
    JobState,
    PersonalisationJob,
    RevokedCertificate,
)
from yikatong.issuance.production import certify_chip, next_serial
from yikatong.issuance.rules import JobReason, Reason, serial_of
from yikatong.registry.models import Person
from yikatong.registry.sealing import key_store
from yikatong.smartcard.bureau_file import CardRecord, write_bureau_file

PART_CARDS = 5000
"""How many cards a file holds unless asked otherwise: a few megabytes. Source: assumption."""

_TO_PERSONALISE = """
select c.card_id, c.identification_code
from issuance_production_order o
join issuance_card c on c.card_id = o.card_id
where o.state = 'made' and o.bank_code = %(bank)s and c.state = 'made'
    and exists (select from issuance_chip_key k where k.card_id = c.card_id)
    and not exists (select from issuance_job_card j where j.card_id = c.card_id)
order by c.card_id
limit %(limit)s
"""


@dataclass(frozen=True, slots=True)
class WrittenPart:
    """``path`` is ``None`` when no card of the part could be prepared. ``held``: sequence and reason of those."""

    part: int
    path: Path | None
    records: int
    held: tuple[tuple[int, str], ...]


def bureau_key_name(bank_code: str) -> str:
    """The key that the city shares with the bureau of a bank."""
    return f"bureau/{bank_code}"


def open_job(bank_code: str, *, limit: int, by: Actor, at: datetime) -> PersonalisationJob | None:
    """Take up to ``limit`` cards of the bank into a new job, oldest first; ``None`` when there is none to take.

    Two callers at once never take the same card. Raises ``Refused`` (``BANK_UNKNOWN``).
    """
    with transaction.atomic():
        if Bank.objects.select_for_update(no_key=True).filter(code=bank_code).first() is None:
            raise Refused(JobReason.BANK_UNKNOWN, f"没有代码为 {bank_code} 的银行")
        with connection.cursor() as cursor:
            cursor.execute(_TO_PERSONALISE, {"bank": bank_code, "limit": limit})
            cards = cursor.fetchall()
        if not cards:
            return None
        key_store().ensure(symmetric=(bureau_key_name(bank_code),))
        job = PersonalisationJob.objects.create(job_id=uuid4(), bank_code=bank_code, made_at=at)
        JobCard.objects.bulk_create(
            (
                JobCard(
                    job=job,
                    sequence=sequence,
                    card_id=card_id,
                    identification_code=code,
                    chip_serial=serial_of(code),
                    state_at=at,
                )
                for sequence, (card_id, code) in enumerate(cards, start=1)
            ),
            batch_size=5000,
        )
        record("job.opened", subject=f"job:{job.job_id}", by=by, at=at, bank_code=bank_code, cards=len(cards))
        return job


def write_part(
    job_id: UUID, folder: Path, *, by: Actor, at: datetime, part: int | None = None, cards: int = PART_CARDS
) -> WrittenPart | None:
    """Write the job's next part into ``folder``, or ``part`` once more; ``None`` when every card is in a part.

    A part may be written again, with the same keys, until a receipt tells of one of its cards. Raises ``Refused``
    (``JOB_UNKNOWN``, ``PART_UNKNOWN``, ``PART_ANSWERED``).
    """
    planned = _plan_part(job_id, cards) if part is None else part
    if planned is None:
        return None
    with transaction.atomic():
        job = lock_job(job_id)
        row = JobPart.objects.filter(job=job, part=planned).first()
        if row is None:
            raise Refused(JobReason.PART_UNKNOWN, f"任务 {job_id} 没有第 {planned} 部分")
        if part is None and row.written_at is not None:
            return _written_meanwhile(row, folder)
        inside = JobCard.objects.filter(job=job, part=planned)
        if inside.exclude(state__in=[JobCardState.WAITING, JobCardState.HELD]).exists():
            raise Refused(JobReason.PART_ANSWERED, f"第 {planned} 部分已有回执，不能整份重写；请逐卡补制")
        records = _prepare(list(inside.filter(state=JobCardState.WAITING).order_by("sequence")), at=at)
        if row.written_at is not None and len(records) != row.records:
            raise Refused(JobReason.PART_ANSWERED, f"第 {planned} 部分有卡现在不能再制，不能整份重写；请逐卡补制")
        path = _write(row, job, records, folder) if records else None
        row.records, row.written_at = len(records), at
        row.save(update_fields=["records", "written_at"])
        record("job.part_written", subject=f"job:{job_id}", by=by, at=at, part=planned, records=len(records))
        return WrittenPart(planned, path, len(records), _held_in(row))


def rerequest(card_id: int, reason: str, *, by: Actor, at: datetime) -> JobCard:
    """Ask for a card again: a new record in a later part, with a new key pair and certificate; the old blank counts as spoiled.

    A card that is only held back is tried again as it is. Raises ``Refused`` (``CARD_UNKNOWN``, ``NOT_IN_A_JOB``,
    ``NOT_WRITTEN_YET``, ``CARD_SHIPPED``, ``CARD_CANCELLED``, ``REASON_MISSING``).
    """
    if not reason.strip():
        raise Refused(JobReason.REASON_MISSING, "补制要写明原因")
    with transaction.atomic():
        _, card = lock_card(card_id)
        job_id = JobCard.objects.filter(card_id=card_id).values_list("job_id", flat=True).first()
        if job_id is None:
            raise Refused(JobReason.NOT_IN_A_JOB, "此卡还没有列入个人化任务")
        job = lock_job(job_id)
        blank = JobCard.objects.filter(card_id=card_id).exclude(state=JobCardState.SPOILED).first()
        if blank is None:
            raise Refused(Reason.CARD_CANCELLED, "此卡已注销，空白卡已报废，不再补制")
        return replace_blank(job, blank, card, reason, by=by, at=at)


def replace_blank(
    job: PersonalisationJob, blank: JobCard, card: Card, reason: str, *, by: Actor, at: datetime
) -> JobCard:
    """What ``rerequest`` does once person, card and job are locked. A cancelled card's blank is only written off."""
    if blank.state == JobCardState.HELD:
        blank.state, blank.part, blank.reason = JobCardState.WAITING, None, ""
        blank.save(update_fields=["state", "part", "reason"])
        _record("card.tried_again", card, job, by=by, at=at)
        return blank
    if blank.state == JobCardState.SHIPPED:
        raise Refused(JobReason.CARD_SHIPPED, "此卡已从制卡方发出，请按挂失补卡办理")
    if not is_written(blank):
        raise Refused(JobReason.NOT_WRITTEN_YET, "此卡还没有交给制卡方，无需补制")
    blank.state, blank.state_at, blank.reason = JobCardState.SPOILED, at, reason[:200]
    blank.save(update_fields=["state", "state_at", "reason"])
    RevokedCertificate.objects.get_or_create(
        serial_hex=card.certificate_serial_hex,
        defaults={"card_id": card.card_id, "revoked_at": at, "reason": reason[:200]},
    )
    _record("card.blank_spoiled", card, job, by=by, at=at)
    if card.state == CardState.CANCELLED:
        ChipKey.objects.filter(card_id=card.card_id).delete()
        return blank
    certify_chip(card, at=at)
    highest = JobCard.objects.filter(job=job).aggregate(highest=Max("sequence"))["highest"]
    again = JobCard.objects.create(
        job=job,
        sequence=highest + 1,
        card_id=card.card_id,
        identification_code=card.identification_code,
        chip_serial=next_serial(),
        state_at=at,
    )
    PersonalisationJob.objects.filter(job_id=job.job_id).update(state=JobState.OPEN)
    _record("card.requested_again", card, job, by=by, at=at)
    return again


def _record(action: str, card: Card, job: PersonalisationJob, *, by: Actor, at: datetime) -> None:
    subject, job_id = f"card:{card.card_id}", str(job.job_id)
    record(action, subject=subject, by=by, at=at, person_id=card.person_id, job=job_id)


def lock_job(job_id: UUID) -> PersonalisationJob:
    """The job, locked until the transaction ends. Raises ``Refused`` (``JOB_UNKNOWN``)."""
    job = PersonalisationJob.objects.select_for_update(no_key=True).filter(job_id=job_id).first()
    if job is None:
        raise Refused(JobReason.JOB_UNKNOWN, f"没有个人化任务 {job_id}")
    return job


def is_written(blank: JobCard) -> bool:
    """Whether the record of this blank is in a file that the bureau may have, or its keys at a counter."""
    if blank.job.outlet_id:
        return True
    if blank.part is None:
        return False
    return JobPart.objects.filter(job_id=blank.job_id, part=blank.part, written_at__isnull=False).exists()


def _plan_part(job_id: UUID, cards: int) -> int | None:
    """The part that is to be written next, with its cards, committed before the first byte; ``None``: all are written."""
    with transaction.atomic():
        job = lock_job(job_id)
        if job.outlet_id:
            raise Refused(JobReason.MADE_AT_COUNTER, f"任务 {job_id} 是柜台即时制卡，不交给制卡方")
        unwritten = JobPart.objects.filter(job=job, written_at=None).values_list("part", flat=True).first()
        if unwritten is not None:
            return unwritten
        waiting = JobCard.objects.filter(job=job, part=None, state=JobCardState.WAITING).order_by("sequence")
        sequences = list(waiting.values_list("sequence", flat=True)[:cards])
        if not sequences:
            return None
        highest = JobPart.objects.filter(job=job).aggregate(highest=Max("part"))["highest"] or 0
        key_id, _ = key_store().current(bureau_key_name(job.bank_code))
        JobPart.objects.create(job=job, part=highest + 1, key_id=key_id)
        JobCard.objects.filter(job=job, sequence__in=sequences).update(part=highest + 1)
        return highest + 1


def _prepare(blanks: list[JobCard], *, at: datetime) -> list[CardRecord]:
    """The records of those cards that can be prepared; the others are held, with their reasons."""
    chips = ChipRecords.of_city()
    cards = Card.objects.in_bulk([blank.card_id for blank in blanks])
    chip_keys = ChipKey.objects.in_bulk(list(cards))
    persons = Person.objects.in_bulk([card.person_id for card in cards.values()])
    records = []
    for blank in blanks:
        card = cards[blank.card_id]
        person, chip_key = persons.get(card.person_id), chip_keys.get(card.card_id)
        try:
            records.append(chips.record(card, person, chip_key, sequence=blank.sequence, chip_serial=blank.chip_serial))
        except CardHeld as held:
            blank.state, blank.state_at, blank.reason = JobCardState.HELD, at, str(held)
            blank.save(update_fields=["state", "state_at", "reason"])
    return records


def _write(part: JobPart, job: PersonalisationJob, records: list[CardRecord], folder: Path) -> Path:
    """The file appears whole under its name, or not at all; only its owner can read it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = part_path(folder, job.job_id, part.part)
    beside = path.with_name(f"{path.name}.new")
    key = key_store().get(bureau_key_name(job.bank_code), part.key_id)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        write_bureau_file(
            out, records, records=len(records), job=job.job_id, part=part.part, key_id=part.key_id, key=key
        )
        out.flush()
        os.fsync(out.fileno())
    beside.replace(path)
    return path


def part_path(folder: Path, job_id: UUID, part: int) -> Path:
    """Where a part is written."""
    return folder / f"{job_id}-{part:04d}.perso"


def _written_meanwhile(part: JobPart, folder: Path) -> WrittenPart:
    """What another caller wrote while this one waited for it."""
    path = part_path(folder, part.job_id, part.part) if part.records else None
    return WrittenPart(part.part, path, part.records or 0, _held_in(part))


def _held_in(part: JobPart) -> tuple[tuple[int, str], ...]:
    held = JobCard.objects.filter(job_id=part.job_id, part=part.part, state=JobCardState.HELD)
    return tuple(held.order_by("sequence").values_list("sequence", "reason"))
