"""What a template may say, how its places are filled in, and how many messages of a mobile network it takes.

Pure. Source of the lengths: GSM 03.38 and 3GPP TS 23.040 (one message holds 140 bytes: 70 characters in UCS-2, 67 in each part
of several; 160 and 153 where everything is in the 7-bit alphabet). Source of the limits: assumption.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

PARTS_MAX = 4
TITLE_LENGTH_MAX = 60
PLACES = ("salutation", "who", "portal", "hotline")
"""What may stand in braces: how the addressee is greeted, whom it is about, the portal's address, the hotline."""
_PLACE = re.compile(r"\{([^{}]*)\}")
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")  # two characters' room each


@dataclass(frozen=True, slots=True)
class Length:
    """``characters`` as the network counts them, and in how many messages they go."""

    characters: int
    parts: int


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a field of a template: a machine name, and the piece it is about."""

    field: str
    what: str
    piece: str = ""


def length_of(text: str) -> Length:
    """How long a text is on the air. A character beyond the basic plane takes the room of two."""
    if all(character in _BASIC or character in _EXTENDED for character in text):
        characters = len(text) + sum(character in _EXTENDED for character in text)
        return Length(characters, 1 if characters <= 160 else -(-characters // 153))
    characters = len(text.encode("utf-16-be")) // 2
    return Length(characters, 1 if characters <= 70 else -(-characters // 67))


def filled_in(template: str, values: Mapping[str, str]) -> str:
    """A template with its places filled in. Values are not looked through for places again."""
    return _PLACE.sub(lambda match: values[match[1]], template)


def problems_of(title: str, chinese: str, english: str, *, sample: Mapping[str, str], signature: str) -> list[Problem]:
    """What is wrong with a template; nothing when it may be used. ``sample``: typical values of all places."""
    found = []
    if not title.strip() or len(title) > TITLE_LENGTH_MAX:
        found.append(Problem("title", "title_wrong"))
    for name, text in (("chinese", chinese), ("english", english)):
        if not text.strip():
            found.append(Problem(name, "missing"))
            continue
        unknown = [place for place in _PLACE.findall(text) if place not in PLACES]
        found += [Problem(name, "place_unknown", place) for place in unknown]
        if re.search(r"[{}]", _PLACE.sub("", text)):
            found.append(Problem(name, "brace_alone"))
        elif not unknown and length_of(signature + filled_in(text, sample)).parts > PARTS_MAX:
            found.append(Problem(name, "too_long", str(PARTS_MAX)))
    if "【" in chinese or "】" in chinese:
        found.append(Problem("chinese", "signature_twice"))
    return found
