"""What a terminal reports and what it is answered: taps, uploads, and single online questions.

JSON through msgspec; times are Unix milliseconds by the terminal's clock. Bounds are checked on reading: what is out of them
cannot be stored, so it is refused as malformed instead of failing later. Layouts: docs/formats/gateway.md.
"""

from typing import Annotated, Literal

import msgspec

from yikatong.gm import sm3

TAPS_PER_UPLOAD_MAX = 500
CODE_LENGTH_MAX = 300
NAME_LENGTH_MAX = 40

TerminalId = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{12}\Z")]
Sequence = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
"""Unix milliseconds, up to the year 9999."""
Reason = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9_]{0,40}\Z")]
Name = Annotated[str, msgspec.Meta(pattern=r"\A[^\x00-\x1f\x7f]{0,40}\Z")]
CodeText = Annotated[str, msgspec.Meta(pattern=r"\A[\x20-\x7e]*\Z", max_length=CODE_LENGTH_MAX)]
CardNumber = Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-Za-z]{1,20}\Z")]
IdentificationCode = Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-Fa-f]{32}\Z")]


class Tap(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One presentation of a card at a terminal, with what the terminal decided.

    ``code`` is the whole text of an electronic card's code; a physical card read by number has ``card_number`` or
    ``identification_code`` (32 hex) instead; a refused tap may name no card, when nothing readable was shown.
    ``sequence`` starts at 1 and never repeats at one terminal.
    """

    terminal_id: TerminalId
    sequence: Sequence
    kind: Literal["entry", "exit", "identify"]
    at_ms: Milliseconds
    decision: Literal["accepted", "refused"]
    reason: Reason = ""
    station: Name = ""
    code: CodeText | None = None
    card_number: CardNumber | None = None
    identification_code: IdentificationCode | None = None
    deny_list_version: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0

    @property
    def key(self) -> int:
        """What tells one tap of a terminal from another."""
        return self.sequence

    def digest(self) -> bytes:
        """SM3 of the tap in one fixed spelling: tells a repeat from a conflict."""
        return sm3.digest(msgspec.json.encode(self, order="deterministic"))


class TapUpload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Up to 500 taps of one terminal, in any order."""

    taps: list[Tap]


class TapResult(msgspec.Struct, frozen=True):
    """What became of one tap. ``stored`` and ``repeated`` need no further thought; the others say why."""

    sequence: int
    status: Literal["stored", "repeated", "conflict", "refused"]
    reason: str = ""

    @property
    def key(self) -> int:
        """The tap's."""
        return self.sequence


class UploadReply(msgspec.Struct, frozen=True):
    """One result per tap, in the order sent."""

    results: list[TapResult]
    server_time_ms: int


class Authorise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An online question: may this card be used now? Exactly one of the three ways to name the card."""

    purpose: Literal["social", "transit"]
    at_ms: Milliseconds
    code: CodeText | None = None
    card_number: CardNumber | None = None
    identification_code: IdentificationCode | None = None


class Decision(msgspec.Struct, frozen=True):
    """The answer to ``Authorise``. The name is masked: a terminal shows it, a person compares."""

    accepted: bool
    reason: str = ""
    card_generation: int = 0
    masked_name: str = ""


class Problem(msgspec.Struct, frozen=True):
    """Any refusal of a whole request: a stable reason and a sentence."""

    reason: str
    message: str
