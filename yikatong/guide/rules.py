"""What a wording must be, and how two of them differ. Pure."""

import difflib
import re
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from yikatong.guide.markup import unsafe_links

TITLE_ZH_MAX, TITLE_EN_MAX, ANSWER_MAX, KEYWORDS_MAX, SOURCE_MAX = 120, 200, 6000, 300, 200
LIMITS = {
    "title_zh": TITLE_ZH_MAX,
    "title_en": TITLE_EN_MAX,
    "answer_zh": ANSWER_MAX,
    "answer_en": ANSWER_MAX,
    "keywords": KEYWORDS_MAX,
    "source": SOURCE_MAX,
}
REQUIRED = ("title_zh", "title_en", "answer_zh", "answer_en", "source")
CODE = re.compile(r"^[a-z][a-z0-9_]{2,39}$")


class Reason(StrEnum):
    """Why an edit is refused."""

    MISSING = "missing"
    TOO_LONG = "too_long"
    UNSAFE_LINK = "unsafe_link"
    CODE_INVALID = "code_invalid"
    CODE_TAKEN = "code_taken"
    UNKNOWN = "unknown"
    CONFLICT = "conflict"
    NOTHING_CHANGED = "nothing_changed"


@dataclass(frozen=True, slots=True)
class Wording:
    """All that one version says. ``source`` holding ``assumption`` marks the answer as unverified."""

    title_zh: str
    title_en: str
    answer_zh: str
    answer_en: str
    keywords: str
    source: str

    @classmethod
    def of(cls, version: Any) -> "Wording":
        """The wording of anything with these attributes, such as a stored version."""
        return cls(*(getattr(version, field.name) for field in fields(cls)))

    @property
    def is_unverified(self) -> bool:
        """Whether any part of it was not seen in a source."""
        return "assumption" in self.source


def faults_of(wording: Wording) -> dict[str, Reason]:
    """What is wrong, by field; empty when nothing is."""
    found: dict[str, Reason] = {}
    for name, most in LIMITS.items():
        text = getattr(wording, name)
        if name in REQUIRED and not text.strip():
            found[name] = Reason.MISSING
        elif len(text) > most:
            found[name] = Reason.TOO_LONG
        elif name.startswith("answer") and unsafe_links(text):
            found[name] = Reason.UNSAFE_LINK
    return found


def tidy(text: str) -> str:
    """Line ends made one kind, blanks at line ends and around the whole taken off."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip()


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of text in a comparison: ``kept``, ``added`` or ``removed``."""

    kind: str
    text: str


_PIECES = re.compile(r"[A-Za-z0-9_/]+|\s+|.", re.DOTALL)


def difference(before: str, after: str) -> list[Change]:
    """What was kept, removed and added from one text to the next, character by character, English word by word."""
    old, new = _PIECES.findall(before), _PIECES.findall(after)
    changes = []
    for kind, old_from, old_to, new_from, new_to in difflib.SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if kind == "equal":
            changes.append(Change("kept", "".join(old[old_from:old_to])))
            continue
        if old_from < old_to:
            changes.append(Change("removed", "".join(old[old_from:old_to])))
        if new_from < new_to:
            changes.append(Change("added", "".join(new[new_from:new_to])))
    return changes
