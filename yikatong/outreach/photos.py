"""The one door through which a picture taken at home enters: checked for a face and cut as residents' own pictures are.

What a resident may insist on, such as light and background, the helper decided at home by looking at it.
"""

from datetime import datetime

from django.utils.translation import override

from yikatong.audit.actors import Actor
from yikatong.issuance.portrait_check import PhotoRefused, checked_photo
from yikatong.issuance.portrait_words import FAULT_WORDS
from yikatong.issuance.portraits import PortraitWrong, keep_portrait

PHOTO_BYTES_MAX = 1_500_000
"""The device sends 716 by 882 points, which is a tenth of this. Source: assumption."""
PROBLEM_LENGTH_MAX = 120


def take_photo(person_id: int, octets: bytes, *, by: Actor, at: datetime) -> str:
    """Keep the picture; empty text, or in Chinese why it was not taken. It never stops an application."""
    if len(octets) > PHOTO_BYTES_MAX:
        return f"照片超过 {PHOTO_BYTES_MAX // 1000} KB"
    try:
        keep_portrait(person_id, checked_photo(octets).jpeg, by=by, at=at)
    except PhotoRefused as refused:
        with override("zh-hans"):
            return str(FAULT_WORDS[refused.faults[0]])[:PROBLEM_LENGTH_MAX]
    except PortraitWrong as wrong:
        return str(wrong)[:PROBLEM_LENGTH_MAX]
    return ""
