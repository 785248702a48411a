"""The virtual reader's protocol: a card in software goes into a reader that ordinary PC/SC programs see.

Frames are two bytes of length and that many bytes; one byte alone is the reader's own command. The card is the client and the
reader (vpcd, a driver of pcscd) the server; closing the connection takes the card out. vpcd listens on every interface, so
it belongs into a network namespace of its own (``yikatong.terminal.virtual_reader`` makes one).
Source: Virtual Smart Card Architecture, vpcd's protocol.
"""

import contextlib
import socket
import struct

from yikatong.smartcard.card import EmulatedCard

PORT = 35963
_LENGTH = struct.Struct(">H")
_POWER_OFF, _POWER_ON, _RESET, _GET_ATR = 0, 1, 2, 4


def serve(card: EmulatedCard, connection: socket.socket) -> None:
    """Answer the reader until it goes away. Power is off afterwards. Raises nothing for a connection that breaks."""
    with contextlib.suppress(OSError):
        while (frame := _receive(connection)) is not None:
            answer = _answer(card, frame)
            if answer is not None:
                connection.sendall(_LENGTH.pack(len(answer)) + answer)
    card.power_off()


def _answer(card: EmulatedCard, frame: bytes) -> bytes | None:
    if len(frame) != 1:
        return card.transmit(frame)
    control = frame[0]
    if control == _GET_ATR:
        return card.atr
    if control == _POWER_OFF:
        card.power_off()
    elif control in {_POWER_ON, _RESET}:
        card.power_on()
    return None


def _receive(connection: socket.socket) -> bytes | None:
    """One frame; ``None`` at the end."""
    head = _exactly(connection, _LENGTH.size)
    return None if head is None else _exactly(connection, _LENGTH.unpack(head)[0])


def _exactly(connection: socket.socket, count: int) -> bytes | None:
    octets = b""
    while len(octets) < count:
        piece = connection.recv(count - len(octets))
        if not piece:
            return None
        octets += piece
        # The driver writes a frame in two pieces and waits for the first to be acknowledged: do so at once, not after 40 ms.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    return octets
