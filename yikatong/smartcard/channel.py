"""The reader's side of an exchange: a command goes to a card, its data come back, whatever the card and its reader are.

An ``EmulatedCard`` is a channel as it stands; a card in a PC/SC reader is one too. T=0 answers in pieces: 61xx is fetched with
GET RESPONSE, 6Cxx sent again with the length the card named. Source: ISO/IEC 7816-3:2006, 12.2; ISO/IEC 7816-4:2013, 5.6.
"""

from dataclasses import replace
from typing import Protocol

from yikatong.smartcard.apdu import Command, MalformedApdu, Response
from yikatong.smartcard.status import Refusal, Status

_MORE, _OTHER_LENGTH = 0x61, 0x6C
_GET_RESPONSE = 0xC0
_PIECES_MAX = 260
"""A card that goes on beyond them is broken."""


class Channel(Protocol):
    """A way to one card with its power on."""

    def transmit(self, octets: bytes, /) -> bytes:
        """Send a command APDU; the response APDU, whose last two bytes are the status word."""


def exchange(channel: Channel, command: Command) -> bytes:
    """The data of a command's answer, all pieces of it. Raises ``Refusal`` for a status word other than 9000."""
    data = b""
    for _ in range(_PIECES_MAX):
        answer = _answer(channel, command)
        data += answer.data
        kind, count = answer.status >> 8, answer.status & 0xFF
        if kind == _MORE:
            command = Command(command.cla & 0x03, _GET_RESPONSE, 0, 0, expected=count or 256)
        elif kind == _OTHER_LENGTH and not data:
            command = replace(command, expected=count or 256)
        elif answer.is_ok:
            return data
        else:
            raise Refusal(answer.status)
    raise Refusal(Status.NO_DIAGNOSIS)


def _answer(channel: Channel, command: Command) -> Response:
    try:
        return Response.decode(channel.transmit(command.encode()))
    except MalformedApdu as error:
        raise Refusal(Status.NO_DIAGNOSIS) from error
