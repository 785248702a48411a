"""How a Chinese text is typed on a keyboard without Chinese: its syllables, their initials, and plain comparison forms.

Pure. Pinyin comes from pypinyin, which reads words in their context (银行 is yin hang); it is loaded only where texts are stored,
and when a search finds nothing else.
"""

import re
import unicodedata

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_NOT_WORDS = re.compile(r"[^\w\u3400-\u9fff]+")


def plain(text: str) -> str:
    """Lower case, full-width letters and digits made ordinary, without spaces and punctuation: what comparisons use."""
    return _NOT_WORDS.sub("", unicodedata.normalize("NFKC", text).lower())


def has_chinese(text: str) -> bool:
    """Whether any character is a Chinese one."""
    return _CHINESE.search(text) is not None


def syllables(text: str) -> list[str]:
    """The syllables of a text without tones; letters and digits stay as they are, in runs. Punctuation is left out."""
    from pypinyin import lazy_pinyin

    found = lazy_pinyin(_NOT_WORDS.sub(" ", unicodedata.normalize("NFKC", text).lower()), v_to_u=False)
    return [part for run in found for part in run.split()]


def initials_of(parts: list[str]) -> str:
    """The first letter of every syllable; digits whole, so that 国贸10号线 is ``gm10hx``."""
    return "".join(part if part.isdigit() else part[:1] for part in parts)
