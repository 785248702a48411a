"""Files that units upload, kept sealed in the database, in pieces, and removed when their time is over.

A piece is small enough that re-sealing thousands of them after a change of keys needs little memory. Content is base64 inside the
seal, because fields are sealed as text.
"""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from uuid import UUID

from django.db import transaction

from yikatong.foundation.identifiers import new_uuid7
from yikatong.gm import sm3
from yikatong.registry.sealing import field_cipher
from yikatong.units.models import StoredFile, StoredPart

PART_BYTES = 1 << 16
FIELD = "file"
_PARTS_AT_ONCE = 64
NAME_LENGTH_MAX = 120


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came in. ``media_type`` is what the content is, not what the browser said."""

    organisation_code: str
    purpose: str
    name: str
    media_type: str
    content: bytes


def store(upload: Upload, *, at: datetime) -> StoredFile:
    """Keep a file, sealed, inside the caller's transaction."""
    name = "".join(c for c in upload.name if c.isprintable())[-NAME_LENGTH_MAX:]
    with transaction.atomic():
        stored = StoredFile.objects.create(
            file_id=new_uuid7(),
            organisation_code=upload.organisation_code,
            purpose=upload.purpose,
            name=name,
            media_type=upload.media_type,
            size_bytes=len(upload.content),
            sm3_hex=sm3.digest(upload.content).hex(),
            stored_at=at,
        )
        for first in range(0, len(upload.content), PART_BYTES * _PARTS_AT_ONCE):
            piece = upload.content[first : first + PART_BYTES * _PARTS_AT_ONCE]
            texts = [base64.b64encode(part).decode() for part in _cut(piece)]
            sealed = field_cipher().seal_many(FIELD, texts)
            number = first // PART_BYTES
            StoredPart.objects.bulk_create(
                StoredPart(file=stored, part=number + place, content_sealed=part) for place, part in enumerate(sealed)
            )
    return stored


def parts_of(file_id: UUID) -> Iterator[bytes]:
    """A stored file's content in clear, piece by piece. Raises ``IntegrityError`` when a piece was tampered with."""
    cipher = field_cipher()
    sealed = StoredPart.objects.filter(file_id=file_id).order_by("part").values_list("content_sealed", flat=True)
    for part in sealed.iterator(chunk_size=_PARTS_AT_ONCE):
        yield base64.b64decode(cipher.open(FIELD, bytes(part)))


def content_of(file_id: UUID) -> BytesIO:
    """A stored file's content in clear, in memory alone: nothing is written to a disk."""
    content = BytesIO()
    for part in parts_of(file_id):
        content.write(part)
    content.seek(0)
    return content


def remove(file_ids: Iterable[UUID], *, at: datetime) -> int:
    """Remove files' contents; what they were (name, size, digest) stays. How many had any."""
    with transaction.atomic():
        known = list(StoredFile.objects.filter(file_id__in=list(file_ids), removed_at=None).select_for_update())
        StoredPart.objects.filter(file__in=known).delete()
        return StoredFile.objects.filter(file_id__in=[stored.file_id for stored in known]).update(removed_at=at)


def _cut(piece: bytes) -> Iterator[bytes]:
    return (piece[start : start + PART_BYTES] for start in range(0, len(piece), PART_BYTES))
