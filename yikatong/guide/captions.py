"""WebVTT captions: read them, and say what is wrong. Pure.

Source: W3C WebVTT, the parts that captions use: header, notes, cues with times and text. Styles and regions are refused, because
they are not needed and could hide the captions.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

TEXT_LENGTH_MAX = 200_000
_TIME = r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
_TIMING = re.compile(rf"{_TIME}[ \t]+-->[ \t]+{_TIME}(?:[ \t]+\S.*)?")


class CaptionFault(StrEnum):
    """What may be wrong with captions."""

    NOT_WEBVTT = "not_webvtt"
    NO_CUE = "no_cue"
    BAD_TIMING = "bad_timing"
    ENDS_BEFORE_START = "ends_before_start"
    OUT_OF_ORDER = "out_of_order"
    EMPTY_CUE = "empty_cue"
    STYLED = "styled"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown from one moment to another, in milliseconds."""

    start_ms: int
    end_ms: int
    text: str


class BadCaptions(Exception):
    """Captions that cannot be used; ``line`` counts from 1."""

    def __init__(self, fault: CaptionFault, line: int) -> None:
        self.fault, self.line = fault, line
        super().__init__(f"line {line}: {fault}")


def parse_captions(text: str) -> list[Cue]:
    """The cues of a WebVTT text in order. Raises ``BadCaptions`` with the first fault."""
    if len(text) > TEXT_LENGTH_MAX:
        raise BadCaptions(CaptionFault.TOO_LONG, 0)
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not re.fullmatch(r"WEBVTT(?:[ \t].*)?", lines[0]):
        raise BadCaptions(CaptionFault.NOT_WEBVTT, 1)
    cues: list[Cue] = []
    at = 1
    while at < len(lines):
        block_at = at
        while at < len(lines) and lines[at].strip():
            at += 1
        block = lines[block_at:at]
        at += 1
        if block and not block[0].startswith("NOTE"):
            if block[0].startswith(("STYLE", "REGION")):
                raise BadCaptions(CaptionFault.STYLED, block_at + 1)
            cues.append(_cue(block, block_at + 1, cues[-1].start_ms if cues else 0))
    if not cues:
        raise BadCaptions(CaptionFault.NO_CUE, len(lines))
    return cues


def _cue(block: list[str], line: int, not_before_ms: int) -> Cue:
    number = 0 if "-->" in block[0] else 1
    timing = _TIMING.fullmatch(block[number].strip()) if number < len(block) else None
    if timing is None:
        raise BadCaptions(CaptionFault.BAD_TIMING, line + number)
    start_ms, end_ms = _milliseconds(timing.groups()[:4]), _milliseconds(timing.groups()[4:8])
    if end_ms <= start_ms:
        raise BadCaptions(CaptionFault.ENDS_BEFORE_START, line + number)
    if start_ms < not_before_ms:
        raise BadCaptions(CaptionFault.OUT_OF_ORDER, line + number)
    text = "\n".join(block[number + 1 :]).strip()
    if not text:
        raise BadCaptions(CaptionFault.EMPTY_CUE, line + number)
    return Cue(start_ms, end_ms, text)


def _milliseconds(parts: tuple[str | None, ...]) -> int:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths
