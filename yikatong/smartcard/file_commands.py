"""Reading and writing files: the commands that every application answers alike.

Source: ISO/IEC 7816-4:2013, 11.3 (data units) and 11.4 (records).
"""

from typing import Protocol

from yikatong.smartcard.apdu import Command
from yikatong.smartcard.files import Condition, Contents, Directory, ElementaryFile, Structure, is_met
from yikatong.smartcard.status import Refusal, Status


class Place(Protocol):
    """Where a card stands: what is selected, and which rights were won."""

    directory: Directory | None
    file: ElementaryFile | None
    rights: set[str]

    def contents(self, file: ElementaryFile) -> Contents:
        """The contents of a file of the current directory."""


_BY_IDENTIFIER, _BY_NUMBER, _FROM_NUMBER = 0, 4, 5


def read_binary(card: Place, command: Command) -> bytes:
    """READ BINARY: from an offset of the current file, or of the file whose short identifier P1 gives."""
    file, offset = _transparent(card, command)
    _check(card, file.read)
    octets = card.contents(file).octets()
    if command.data or command.expected is None:
        raise Refusal(Status.WRONG_LENGTH)
    if offset >= len(octets):
        raise Refusal(Status.OFFSET_OUTSIDE)
    rest = octets[offset:]
    is_all = (
        command.expected in {256, 65536} and len(rest) > 256
    )  # a file larger than one answer is read piece by piece
    return rest[:256] if is_all and not command.is_extended else rest[: command.expected]


def update_binary(card: Place, command: Command) -> bytes:
    """UPDATE BINARY: replace bytes from an offset on."""
    file, offset = _transparent(card, command)
    _check(card, file.update)
    if not command.data:
        raise Refusal(Status.WRONG_LENGTH)
    card.contents(file).write_octets(offset, command.data)
    return b""


def read_record(card: Place, command: Command) -> bytes:
    """READ RECORD: by number, by identifier (the record's first byte), or all from a number on."""
    file, mode = _with_records(card, command)
    _check(card, file.read)
    if command.data or command.expected is None:
        raise Refusal(Status.WRONG_LENGTH)
    contents = card.contents(file)
    if mode == _BY_NUMBER:
        return contents.record(command.p1)
    if mode == _FROM_NUMBER:
        contents.record(command.p1)
        return b"".join(contents.records()[command.p1 - 1 :])
    found = [record for record in contents.records() if record[:1] == bytes((command.p1,))]
    if mode != _BY_IDENTIFIER or not found:
        raise Refusal(Status.RECORD_NOT_FOUND if mode == _BY_IDENTIFIER else Status.WRONG_PARAMETERS)
    return found[0]


def update_record(card: Place, command: Command) -> bytes:
    """UPDATE RECORD: replace a record by number or identifier; a cyclic file takes it as its newest."""
    file, mode = _with_records(card, command)
    _check(card, file.update)
    if not command.data:
        raise Refusal(Status.WRONG_LENGTH)
    contents = card.contents(file)
    if file.structure is Structure.CYCLIC:
        contents.append(command.data)
        return b""
    number = command.p1
    if mode == _BY_IDENTIFIER:
        identifiers = [record[:1] for record in contents.records()]
        if bytes((command.p1,)) not in identifiers:
            raise Refusal(Status.RECORD_NOT_FOUND)
        number = identifiers.index(bytes((command.p1,))) + 1
    elif mode != _BY_NUMBER:
        raise Refusal(Status.WRONG_PARAMETERS)
    contents.write_record(number, command.data)
    return b""


def _transparent(card: Place, command: Command) -> tuple[ElementaryFile, int]:
    if command.p1 & 0x80:
        if command.p1 & 0x60:
            raise Refusal(Status.WRONG_PARAMETERS)
        file, offset = _by_sfi(card, command.p1 & 0x1F), command.p2
    else:
        file, offset = _current(card), command.p1 << 8 | command.p2
    if file.structure is not Structure.TRANSPARENT:
        raise Refusal(Status.INCOMPATIBLE_WITH_FILE)
    return file, offset


def _with_records(card: Place, command: Command) -> tuple[ElementaryFile, int]:
    sfi = command.p2 >> 3
    file = _by_sfi(card, sfi) if sfi else _current(card)
    if not file.structure.has_records:
        raise Refusal(Status.INCOMPATIBLE_WITH_FILE)
    return file, command.p2 & 0x07


def _by_sfi(card: Place, sfi: int) -> ElementaryFile:
    """The file with this short identifier, which becomes the current one."""
    file = card.directory.file_by_sfi(sfi) if card.directory else None
    if file is None:
        raise Refusal(Status.FILE_NOT_FOUND)
    card.file = file
    return file


def _current(card: Place) -> ElementaryFile:
    if card.file is None:
        raise Refusal(Status.NO_CURRENT_FILE)
    return card.file


def _check(card: Place, condition: Condition) -> None:
    if not is_met(condition, frozenset(card.rights)):
        raise Refusal(Status.SECURITY_NOT_SATISFIED)
