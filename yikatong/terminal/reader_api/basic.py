"""Reading what identifies a card and its holder: ``iReadCardBas``, with the terminal's security module or with an HSM.

Source: the reader specification (order of fields); a published trace of a 3.00 card (docs/card.md).
"""

from yikatong.smartcard.ssse_layout import Key
from yikatong.terminal.reader_api.codes import Code, ReaderError
from yikatong.terminal.reader_api.social_card import SocialCard
from yikatong.terminal.reader_api.station import NO_TERMINAL, Station, Steps, answer_in, joined, require_genuine


def read(station: Station, kind: int) -> str:
    """With the security module. Raises ``ReaderError``."""
    with station.card(kind) as social, station.module(social) as module:
        if social.free.needs_external:
            challenge = social.challenge()
            social.external(module.cryptogram(challenge, key=Key.READ), challenge.original)
        return _basic(social, module.terminal, station.device)


def read_steps(station: Station, kind: int) -> Steps:
    """With an HSM: two steps."""
    with station.card(kind) as social:
        free, internal = social.free, social.challenge()
        external = social.challenge() if free.needs_external else None
        fields = [free.region_code, free.historical.hex().upper(), f"{free.algorithm:02X}", free.identification]
        for challenge in (internal, external):
            fields += challenge.fields if challenge else ["", ""]
        (answer,) = yield joined(fields)
        answers = answer.split("|")
        require_genuine(social, internal, answer_in(answers[0], internal))
        if external is not None:
            if len(answers) < 2:
                raise ReaderError(Code.BAD_INPUT)
            social.external(answer_in(answers[1], external), external.original)
        return _basic(social, NO_TERMINAL, station.device)


def _basic(social: SocialCard, terminal: str, device: str) -> str:
    free = social.free
    identity_number, name = social.holder()
    card = [free.region_code, identity_number, free.number, free.identification, name, free.historical.hex().upper()]
    return joined([*card, free.version, free.issued, free.expires, terminal, device])
