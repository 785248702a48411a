"""Videos on our own host: kept in the database, small, never without captions and a transcript.

What a file is, is read from its first bytes and not from its name. Films are stored uncompressed, so that a part can be sent
without reading the whole.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import connection, transaction

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.foundation.errors import Refused
from yikatong.guide.captions import parse_captions
from yikatong.guide.models import Video

MEDIA_BYTES_MAX = 12 * 1024 * 1024
"""Source: assumption. A few minutes for a phone; longer films belong on a host made for them."""


class VideoReason(StrEnum):
    """Why a video is refused."""

    NOT_A_FILM = "not_a_film"
    TOO_LARGE = "too_large"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class NewVideo:
    """A video as staff give it. Captions are WebVTT texts."""

    title_zh: str
    title_en: str
    transcript_zh: str
    transcript_en: str
    media: bytes
    captions_zh: str
    captions_en: str = ""


def media_type_of(content: bytes) -> str | None:
    """``video/mp4`` or ``video/webm`` by the first bytes, or nothing.

    Source: ISO/IEC 14496-12 (an ``ftyp`` box stands first); WebM container guidelines (EBML header with DocType webm).
    """
    if content[4:8] == b"ftyp" and 8 <= int.from_bytes(content[:4]) <= 1024:
        return "video/mp4"
    if content[:4] == b"\x1a\x45\xdf\xa3" and b"\x42\x82\x84webm" in content[:64]:
        return "video/webm"
    return None


def add_video(new: NewVideo, *, by: Actor, at: datetime) -> Video:
    """Keep a video, not published yet. Raises ``Refused`` or ``BadCaptions``."""
    if not all(text.strip() for text in (new.title_zh, new.title_en, new.transcript_zh)):
        raise Refused(VideoReason.MISSING)
    if len(new.media) > MEDIA_BYTES_MAX:
        raise Refused(VideoReason.TOO_LARGE)
    media_type = media_type_of(new.media)
    if media_type is None:
        raise Refused(VideoReason.NOT_A_FILM)
    parse_captions(new.captions_zh)
    if new.captions_en:
        parse_captions(new.captions_en)
    with transaction.atomic():
        video = Video.objects.create(
            title_zh=new.title_zh.strip()[:120],
            title_en=new.title_en.strip()[:200],
            transcript_zh=new.transcript_zh.strip(),
            transcript_en=new.transcript_en.strip(),
            media_type=media_type,
            media=new.media,
            media_bytes=len(new.media),
            media_sha256_hex=hashlib.sha256(new.media).hexdigest(),
            captions_zh=new.captions_zh,
            captions_en=new.captions_en,
            made_by=str(by),
            made_at=at,
        )
        record("video.added", subject=f"video:{video.pk}", by=by, at=at, sha256=video.media_sha256_hex)
    return video


def show_video(video_id: int, *, is_published: bool, by: Actor, at: datetime) -> None:
    """Publish a video or take it off. Repeating it changes nothing. Raises ``Refused``."""
    with transaction.atomic():
        video = Video.objects.select_for_update().defer("media").filter(pk=video_id).first()
        if video is None:
            raise Refused(VideoReason.UNKNOWN)
        if video.is_published != is_published:
            video.is_published = is_published
            video.save(update_fields=["is_published"])
            action = "video.published" if is_published else "video.unpublished"
            record(action, subject=f"video:{video_id}", by=by, at=at)


def published_videos() -> list[Video]:
    """What residents see, without the films themselves; the newest first."""
    return list(Video.objects.defer("media").filter(is_published=True).order_by("-video_id"))


def all_videos() -> list[Video]:
    """What staff see, without the films themselves; the newest first."""
    return list(Video.objects.defer("media").order_by("-video_id"))


def published_video(video_id: int) -> Video | None:
    """One published video without its film."""
    return Video.objects.defer("media").filter(pk=video_id, is_published=True).first()


def film_part(video_id: int, first: int, count: int) -> bytes:
    """``count`` bytes of a film from byte ``first`` (from 0)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select substring(media from %s for %s) from guide_video where video_id = %s", [first + 1, count, video_id]
        )
        found = cursor.fetchone()
    return bytes(found[0]) if found else b""
