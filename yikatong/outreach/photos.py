"""The one door through which a picture taken at home enters.

It is decoded and measured and becomes the person's portrait on the card. The helper looked at it; a check for a face, as
residents' own pictures pass, belongs here and nowhere else.
"""

from datetime import datetime

from yikatong.audit.actors import Actor
from yikatong.issuance.portraits import PortraitWrong, keep_portrait

PHOTO_BYTES_MAX = 1_500_000
"""The device sends 716 by 882 points, which is a tenth of this. Source: assumption."""
PROBLEM_LENGTH_MAX = 120


def take_photo(person_id: int, octets: bytes, *, by: Actor, at: datetime) -> str:
    """Keep the picture; empty text, or in Chinese why it was not taken. It never stops an application."""
    if len(octets) > PHOTO_BYTES_MAX:
        return f"照片超过 {PHOTO_BYTES_MAX // 1000} KB"
    try:
        keep_portrait(person_id, octets, by=by, at=at)
    except PortraitWrong as wrong:
        return str(wrong)[:PROBLEM_LENGTH_MAX]
    return ""
