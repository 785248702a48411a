"""The photograph on a card: taken in from a file, kept sealed, and made small enough for the chip.

Whatever comes is decoded and encoded anew, so that nothing but the picture is kept: no place, no camera, no hidden file. What a
clerk takes at a counter is not looked at for a face, the clerk did; what residents send is checked first (``portrait_check``).
"""

import base64
import warnings
from datetime import datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import QuerySet
from PIL import Image, ImageOps, UnidentifiedImageError

from yikatong.applications.models import Application
from yikatong.applications.rules import OPEN_STATES
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.foundation.errors import YikatongError
from yikatong.issuance.models import Portrait
from yikatong.queries.prepared import prepared
from yikatong.registry.sealing import field_cipher
from yikatong.smartcard.third_generation import PORTRAIT_MAX

if TYPE_CHECKING:
    from yikatong.issuance.portrait_check import CheckedPhoto  # it loads OpenCV, which most processes do not need

WIDTH, HEIGHT = 358, 441
"""Source: LD/T 32, the photograph of the card's face."""
UPLOAD_MAX = 10 * 2**20
PIXELS_MAX = 50_000_000
_FORMATS = ("JPEG", "PNG")
_PROPORTION_MIN, _PROPORTION_MAX = 0.6, 1.05
"""Width to height of what may be cropped to 358:441: a square is just too wide to be a portrait. Source: assumption."""
_QUALITY, _CHIP_WIDTHS, _CHIP_QUALITIES = 90, (179, 143, 119, 90), (80, 65, 50, 35)


PORTRAITS = Actor.system("portraits")
KEPT_DAYS = 30
"""How long a resident's own photograph stays after the card is in their hands, or after they left off applying.

Long enough to print a card again that turns out to be faulty. Source: assumption.
"""
_USED = """
select p.person_id from issuance_portrait p
where p.consented_at < %(before)s
    and not exists (select from applications_application a where a.person_id = p.person_id and a.state = any(%(open)s))
    and not exists (select from issuance_card c where c.person_id = p.person_id and c.collected_at >= %(before)s)
order by p.person_id limit %(limit)s
"""


class PortraitWrong(YikatongError):
    """A picture that cannot be the portrait on a card. The text says why, in Chinese."""


def keep_portrait(person_id: int, octets: bytes, *, by: Actor, at: datetime) -> None:
    """Keep a person's photograph, in place of any earlier one. Raises ``PortraitWrong``."""
    jpeg = portrait_jpeg(octets)
    kept: dict[str, object] = {
        "jpeg_sealed": _sealed(jpeg),
        "chip_jpeg_sealed": _sealed(chip_portrait(jpeg)),
        "taken_at": at,
        "consented_at": None,
        "consented_by_person_id": None,
    }
    with transaction.atomic():
        Portrait.objects.update_or_create(person_id=person_id, defaults=kept)
        record("person.portrait_kept", subject=f"person:{person_id}", by=by, at=at, person_id=person_id)


def keep_own_portrait(person_id: int, photo: "CheckedPhoto", *, acting_person_id: int, by: Actor, at: datetime) -> None:
    """Keep what a resident gave for their card, or for the person they act for, together with their consent to it.

    ``photo.faults``: what they insisted on. Raises ``PortraitWrong`` when the chip cannot take it.
    """
    kept: dict[str, object] = {
        "jpeg_sealed": _sealed(photo.jpeg),
        "chip_jpeg_sealed": _sealed(chip_portrait(photo.jpeg)),
        "taken_at": at,
        "consented_at": at,
        "consented_by_person_id": acting_person_id,
    }
    with transaction.atomic():
        Portrait.objects.update_or_create(person_id=person_id, defaults=kept)
        details = {"consented": True, "insisted_on": [str(fault) for fault in photo.faults]}
        record("person.portrait_kept", subject=f"person:{person_id}", by=by, at=at, person_id=person_id, **details)


def has_portrait(person_id: int) -> bool:
    """Whether there is a photograph for a person's card."""
    return bool(_portraits(person_id))


@prepared
def _portraits(person_id: int) -> QuerySet[Portrait, int]:
    return Portrait.objects.filter(person_id=person_id).values_list("person_id", flat=True)


def is_own_portrait(person_id: int) -> bool:
    """Whether the resident gave it, and may give another in its place."""
    return Portrait.objects.filter(person_id=person_id, consented_at__isnull=False).exists()


def drop_own_portrait(application: Application, at: datetime) -> None:
    """An application was withdrawn: the photograph that was given for it goes in the same transaction."""
    _drop([application.person_id], "application_cancelled", at=at)


def withdraw_own_portrait(person_id: int, *, by: Actor, at: datetime) -> bool:
    """The consent is withdrawn: the photograph goes at once; whether there was one."""
    with transaction.atomic():
        return _drop([person_id], "consent_withdrawn", at=at, by=by) > 0


def drop_used_portraits(*, at: datetime, limit: int = 1000) -> int:
    """Delete what residents gave for a card that they have held for ``KEPT_DAYS``, or never applied for; how many.

    A card that is still to be made or handed over keeps its photograph: the bureau or a counter may have to print it again.
    """
    before = at - timedelta(days=KEPT_DAYS)
    with connection.cursor() as cursor:
        cursor.execute(_USED, {"before": before, "open": sorted(OPEN_STATES), "limit": limit})
        used = [person_id for (person_id,) in cursor.fetchall()]
    with transaction.atomic():
        return _drop(used, "no_longer_needed", at=at)


def _drop(person_ids: list[int], reason: str, *, at: datetime, by: Actor = PORTRAITS) -> int:
    own = Portrait.objects.select_for_update().filter(person_id__in=person_ids, consented_at__isnull=False)
    dropped = list(own.values_list("person_id", flat=True))
    Portrait.objects.filter(person_id__in=dropped).delete()
    for person_id in dropped:
        subject = f"person:{person_id}"
        record("person.portrait_deleted", subject=subject, by=by, at=at, person_id=person_id, reason=reason)
    return len(dropped)


def portrait_of(person_id: int) -> bytes | None:
    """A person's photograph as JPEG, 358 by 441."""
    kept = Portrait.objects.filter(person_id=person_id).only("jpeg_sealed").first()
    return None if kept is None else _opened_jpeg(kept.jpeg_sealed)


def chip_portrait_of(person_id: int) -> bytes:
    """A person's photograph for the chip, made when it was taken in; empty without one."""
    kept = Portrait.objects.filter(person_id=person_id).only("chip_jpeg_sealed").first()
    return b"" if kept is None else _opened_jpeg(kept.chip_jpeg_sealed)


def portrait_jpeg(octets: bytes) -> bytes:
    """A picture in a file as the portrait that is kept: upright, 358 by 441, JPEG without metadata. Raises ``PortraitWrong``."""
    picture = _opened(octets)
    if picture.width < WIDTH or picture.height < HEIGHT:
        raise PortraitWrong(f"照片太小（{picture.width}×{picture.height}）：至少要 {WIDTH}×{HEIGHT} 像素")
    if not _PROPORTION_MIN <= picture.width / picture.height <= _PROPORTION_MAX:
        raise PortraitWrong("照片的宽高比例不对：请用竖幅的正面免冠照片")
    return _encoded(ImageOps.fit(picture, (WIDTH, HEIGHT), Image.Resampling.LANCZOS), _QUALITY)


def chip_portrait(jpeg: bytes) -> bytes:
    """The same for the chip: as large and as good as its file takes. Source: LD/T 32 V2.0, EF08."""
    picture = Image.open(BytesIO(jpeg))
    for width in _CHIP_WIDTHS:
        small = picture.resize((width, round(width * HEIGHT / WIDTH)), Image.Resampling.LANCZOS)
        for quality in _CHIP_QUALITIES:
            encoded = _encoded(small, quality)
            if len(encoded) <= PORTRAIT_MAX:
                return encoded
    raise PortraitWrong("照片压缩后仍放不进芯片：请换一张背景干净的照片")


def _sealed(jpeg: bytes) -> bytes:
    return field_cipher().seal("portrait", base64.b64encode(jpeg).decode())


def _opened_jpeg(sealed: "bytes | memoryview[int]") -> bytes:
    return base64.b64decode(field_cipher().open("portrait", bytes(sealed)))


def _opened(octets: bytes) -> Image.Image:
    if len(octets) > UPLOAD_MAX:
        raise PortraitWrong(f"照片超过 {UPLOAD_MAX // 2**20} MB，请换一张小一些的")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(BytesIO(octets), formats=_FORMATS)
            if picture.width * picture.height > PIXELS_MAX:
                raise PortraitWrong("照片的像素太多，请换一张小一些的")
            return ImageOps.exif_transpose(picture).convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError) as error:
        raise PortraitWrong("这不是可用的照片：请用 JPEG 或 PNG 格式") from error


def _encoded(picture: Image.Image, quality: int) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()
