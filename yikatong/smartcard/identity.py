"""The identity key: an SM2 key pair that never leaves the card, its certificate, and signatures over challenges.

Two proofs with one key: that the card is the one its certificate names (no PIN), and that its holder agrees (the PIN, once
for each signature). A challenge is signed inside a message that names the proof, so neither proof serves as the other, and the
card never signs a document that somebody passes off as a challenge. It checks no certificate: the reader does.
Source: assumption (its name, commands and messages); the signature is GM/T 0003.2 with the default signer id, ``r ‖ s``.
"""

from collections.abc import Mapping

from yikatong.gm.sm2 import PrivateKey
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.card import Application, EmulatedCard, Handler
from yikatong.smartcard.files import Directory, ElementaryFile, Structure
from yikatong.smartcard.ssse_layout import PIN_RIGHT
from yikatong.smartcard.status import Refusal, Status

AID = b"\xf0yikatong\x01"
"""A proprietary name without registration. Source: ISO/IEC 7816-4:2013, 8.2.1.2 (first digit F)."""
KEY_CELL, CERTIFICATE_CELL = "ID/key/01", "ID/EF01"
CARD_PROOF, HOLDER_PROOF = 0x01, 0x02
"""P2 of the signing command: which proof is wanted."""
CHALLENGE_MIN, CHALLENGE_MAX = 16, 64
_DOMAINS = {CARD_PROOF: b"yikatong card authentication v1\0", HOLDER_PROOF: b"yikatong holder signature v1\0"}
_FID, _CERTIFICATE_FID, _CERTIFICATE_MAX = 0xDF20, 0xEF01, 0x0800


def signed_message(proof: int, challenge: bytes) -> bytes:
    """What the card signs for a challenge of 16 to 64 bytes: the proof's name, a zero, the challenge. Raises ``KeyError``."""
    return _DOMAINS[proof] + challenge


class IdentityKey(Application):
    """Cells: ``ID/key/01`` (the scalar, 32 bytes), ``ID/EF01`` (the certificate, DER). ``verify_pin``: the card's VERIFY."""

    directory = Directory(
        "ID",
        _FID,
        (AID,),
        (ElementaryFile(_CERTIFICATE_FID, 0x01, Structure.TRANSPARENT, _CERTIFICATE_MAX),),
    )

    def __init__(self, card: EmulatedCard, verify_pin: Handler) -> None:
        super().__init__(card)
        self._verify_pin = verify_pin

    def commands(self) -> Mapping[tuple[int, int], Handler]:
        """By CLA and INS."""
        return {(0x00, 0x88): self._sign, (0x00, 0x20): self._verify_pin}

    def _sign(self, command: Command) -> bytes:
        """INTERNAL AUTHENTICATE: sign a challenge for the proof in P2. Answers 64 bytes ``r ‖ s``."""
        if command.p1 or command.p2 not in _DOMAINS:
            raise Refusal(Status.WRONG_PARAMETERS)
        if not CHALLENGE_MIN <= len(command.data) <= CHALLENGE_MAX:
            raise Refusal(Status.WRONG_LENGTH)
        if command.p2 == HOLDER_PROOF:
            if PIN_RIGHT not in self.card.rights:
                raise Refusal(Status.SECURITY_NOT_SATISFIED)
            self.card.rights.discard(PIN_RIGHT)  # one agreement, one signature
        if KEY_CELL not in self.memory:
            raise Refusal(Status.REFERENCE_DATA_NOT_FOUND)
        key = PrivateKey.from_scalar(self.memory[KEY_CELL])
        return key.sign(signed_message(command.p2, command.data))
