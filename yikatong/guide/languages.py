"""Texts that are stored in Chinese and English, in the language of the page.

Traditional Chinese is made from the simplified text by OpenCC, with those terms of this field put right that its dictionary gets
wrong. Conversion is by character and phrase, not by any region's vocabulary; it is kept for texts seen again.
"""

from functools import cache, lru_cache
from typing import Any

_TERMS = {"发卡": "發卡", "制卡": "製卡", "制成": "製成", "即时制卡": "即時製卡", "划扣": "劃扣", "后三位": "後三位"}
"""Simplified terms that must not be converted character by character."""
_KEPT_TEXTS = 2000


def in_language(text_zh: str, text_en: str, language: str | None) -> str:
    """The English text for English pages, traditional characters for ``zh-hant``, else the text as stored.

    Where no English text exists the Chinese one is shown: better than nothing.
    """
    asked = (language or "").lower()
    if asked.startswith("en"):
        return text_en or text_zh
    if asked.startswith(("zh-hant", "zh-tw", "zh-hk", "zh-mo")):
        return to_traditional(text_zh)
    return text_zh


@lru_cache(maxsize=_KEPT_TEXTS)
def to_traditional(text: str) -> str:
    """A text in traditional characters."""
    parts = [text]
    for simplified, traditional in _TERMS.items():
        parts = [piece for part in parts for piece in _split_around(part, simplified, traditional)]
    done = set(_TERMS.values())
    return "".join(part if part in done else str(_converter("s2t").convert(part)) for part in parts)


@lru_cache(maxsize=_KEPT_TEXTS)
def to_simplified(text: str) -> str:
    """A text in simplified characters: what people type in traditional ones is looked up so."""
    return str(_converter("t2s").convert(text))


def _split_around(text: str, wanted: str, instead: str) -> list[str]:
    if text in _TERMS.values():
        return [text]
    pieces: list[str] = []
    for number, piece in enumerate(text.split(wanted)):
        if number:
            pieces.append(instead)
        if piece:
            pieces.append(piece)
    return pieces


@cache
def _converter(direction: str) -> Any:
    from opencc import OpenCC

    return OpenCC(direction)
