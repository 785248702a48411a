"""What a device sends of one visit, read strictly: a field too many, too long or missing is refused, never guessed."""

import base64
import binascii
from datetime import datetime
from io import BytesIO
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from PIL import Image, UnidentifiedImageError

from yikatong.foundation.errors import Refused
from yikatong.outreach.rules import NOTE_LENGTH_MIN, Reason
from yikatong.registry.sealing import field_cipher

PHOTO_TEXT_MAX = 2_000_000
SIGNATURE_TEXT_MAX = 300_000
SIGNATURE_PIXELS_MAX = 4_000_000

type Code = Annotated[str, msgspec.Meta(max_length=24)]
type Line = Annotated[str, msgspec.Meta(max_length=120)]
type Note = Annotated[str, msgspec.Meta(max_length=500)]


class Completed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One application taken at home. Moments are aware, by the device's clock. Pictures are base64: JPEG, signature PNG.

    ``collection``: ``visit`` when the helper brings the card. ``shown_banks``: codes in the order shown.
    """

    application_id: UUID
    visit_id: UUID
    identified_at: datetime
    shown_banks: Annotated[list[Code], msgspec.Meta(max_length=64)]
    shown_at: datetime
    consents_to_application: bool
    consents_to_photo: bool
    bank_code: Code
    collection: Literal["outlet", "post", "visit"]
    outlet_id: Code = ""
    address: Line = ""
    photo: Annotated[str, msgspec.Meta(max_length=PHOTO_TEXT_MAX)] = ""
    signature_way: Literal["drawn", "fingerprint", "oral"]
    signature: Annotated[str, msgspec.Meta(max_length=SIGNATURE_TEXT_MAX)] = ""
    signature_note: Note = ""
    notes: Note = ""
    has_seen_phone: bool = False
    completed_at: datetime

    def digest(self) -> bytes:
        """What tells a repeat from something else under the same id: 16 bytes, keyed."""
        return field_cipher().blind_index("home_application", msgspec.json.encode(self, order="deterministic").decode())


_COMPLETED = msgspec.json.Decoder(Completed)


def read_completed(octets: bytes) -> Completed:
    """One visit's result from JSON. Raises ``Refused`` (``MALFORMED``), in words that name the field."""
    try:
        sent = _COMPLETED.decode(octets)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(Reason.MALFORMED, f"上传的内容不完整或不正确：{error}") from error
    for moment in (sent.identified_at, sent.shown_at, sent.completed_at):
        if moment.tzinfo is None:
            raise Refused(Reason.MALFORMED, "上传的时间没有写明时区")
    if not sent.consents_to_application:
        raise Refused(Reason.MALFORMED, "没有本人同意，不能提交申请")
    if sent.photo and not sent.consents_to_photo:
        raise Refused(Reason.MALFORMED, "本人没有同意拍照，不能上传照片")
    if sent.signature_way == "drawn":
        _check_signature(octets_of(sent.signature))
    elif len(sent.signature_note.strip()) < NOTE_LENGTH_MIN:
        raise Refused(Reason.MALFORMED, "没有手写签名的，请由协办员写明情况")
    return sent


def octets_of(text: str) -> bytes:
    """Base64 as bytes. Raises ``Refused`` (``MALFORMED``)."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Refused(Reason.MALFORMED, "上传的图片不完整") from error


def _check_signature(octets: bytes) -> None:
    """A PNG of a sensible size, really decoded."""
    try:
        picture = Image.open(BytesIO(octets), formats=("PNG",))
        if picture.width * picture.height > SIGNATURE_PIXELS_MAX:
            raise Refused(Reason.MALFORMED, "签名图片太大")
        picture.load()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Refused(Reason.MALFORMED, "签名图片不能打开") from error
