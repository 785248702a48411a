"""The photograph on a card: taken in from a file, kept sealed, and made small enough for the chip.

Whatever comes is decoded and encoded anew, so that nothing but the picture is kept: no place, no camera, no hidden file. Whether
a face is in it is not checked here.
"""

import base64
import warnings
from datetime import datetime
from io import BytesIO

from django.db import transaction
from PIL import Image, ImageOps, UnidentifiedImageError

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.foundation.errors import YikatongError
from yikatong.issuance.models import Portrait
from yikatong.registry.sealing import field_cipher
from yikatong.smartcard.third_generation import PORTRAIT_MAX

WIDTH, HEIGHT = 358, 441
"""Source: LD/T 32, the photograph of the card's face."""
UPLOAD_MAX = 10 * 2**20
PIXELS_MAX = 50_000_000
_FORMATS = ("JPEG", "PNG")
_PROPORTION_MIN, _PROPORTION_MAX = 0.6, 1.05
"""Width to height of what may be cropped to 358:441: a square is just too wide to be a portrait. Source: assumption."""
_QUALITY, _CHIP_WIDTHS, _CHIP_QUALITIES = 90, (179, 143, 119, 90), (80, 65, 50, 35)


class PortraitWrong(YikatongError):
    """A picture that cannot be the portrait on a card. The text says why, in Chinese."""


def keep_portrait(person_id: int, octets: bytes, *, by: Actor, at: datetime) -> None:
    """Keep a person's photograph, in place of any earlier one. Raises ``PortraitWrong``."""
    jpeg = portrait_jpeg(octets)
    kept = {"jpeg_sealed": _sealed(jpeg), "chip_jpeg_sealed": _sealed(chip_portrait(jpeg)), "taken_at": at}
    with transaction.atomic():
        Portrait.objects.update_or_create(person_id=person_id, defaults=kept)
        record("person.portrait_kept", subject=f"person:{person_id}", by=by, at=at, person_id=person_id)


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
