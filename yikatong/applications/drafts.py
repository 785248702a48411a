"""An application that is not submitted yet: answers kept sealed for thirty days, by person and who acts for them."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import QuerySet

from yikatong.applications.models import Draft
from yikatong.queries.prepared import prepared
from yikatong.registry.sealing import field_cipher

KEPT_DAYS = 30
"""Source: assumption; as long as a card takes to be made."""
_FIELD = "draft"


@dataclass(frozen=True, slots=True)
class Answers:
    """Empty is not answered. ``slot``: ``2026-12-01/am``, or ``later``."""

    bank_code: str = ""
    collection: str = ""
    outlet_id: str = ""
    slot: str = ""
    address: str = ""
    organisation_code: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A draft as it stands. ``digest``: keyed, tells whether the answers are still those that somebody checked."""

    application_id: UUID
    answers: Answers
    updated_at: datetime
    digest: str


def draft_of(person_id: int, acting_person_id: int, *, at: datetime) -> Kept | None:
    """What was answered so far, unless it is too old."""
    since = at - timedelta(days=KEPT_DAYS)
    row = next(iter(_drafts(person_id, acting_person_id, since)), None)
    return _opened(row) if row is not None else None


@prepared
def _drafts(person_id: int, acting_person_id: int, since: datetime) -> QuerySet[Draft]:
    return Draft.objects.filter(person_id=person_id, acting_person_id=acting_person_id, updated_at__gte=since)


def keep(person_id: int, acting_person_id: int, *, at: datetime, **answers: str) -> Kept:
    """Keep answers over what was kept before. Another tab's answers to other questions stay."""
    with transaction.atomic():
        Draft.objects.bulk_create(
            [
                Draft(
                    person_id=person_id,
                    acting_person_id=acting_person_id,
                    application_id=uuid4(),
                    answers_sealed=_sealed(Answers()),
                    updated_at=at,
                )
            ],
            ignore_conflicts=True,
        )
        row = Draft.objects.select_for_update().get(person_id=person_id, acting_person_id=acting_person_id)
        is_old = row.updated_at < at - timedelta(days=KEPT_DAYS)
        before = Answers() if is_old else _opened(row).answers
        row.answers_sealed, row.updated_at = _sealed(replace(before, **answers)), at
        row.save(update_fields=["answers_sealed", "updated_at"])
        return _opened(row)


def forget(person_id: int, acting_person_id: int) -> None:
    """Begin anew. Repeating it changes nothing."""
    Draft.objects.filter(person_id=person_id, acting_person_id=acting_person_id).delete()


def forget_old(*, at: datetime) -> int:
    """Delete what nobody came back to; how many."""
    gone, _ = Draft.objects.filter(updated_at__lt=at - timedelta(days=KEPT_DAYS)).delete()
    return gone


def _sealed(answers: Answers) -> bytes:
    return field_cipher().seal(_FIELD, json.dumps(asdict(answers), ensure_ascii=False))


def _opened(row: Draft) -> Kept:
    text = field_cipher().open(_FIELD, bytes(row.answers_sealed))
    answers = Answers(**json.loads(text))
    digest = field_cipher().blind_index(_FIELD, f"{row.application_id}:{json.dumps(asdict(answers), sort_keys=True)}")
    return Kept(row.application_id, answers, row.updated_at, digest.hex())
