"""Reading and writing a card's files: ``iReadCard`` and ``iWriteCard``, with PIN, security module or HSM.

What a file asks for is known from the card's layout: nothing, the PIN, the directory's read or update key, or
PIN and key together (DF04's EF06). All values are encoded before the first is written; a card that leaves
between two items has the first: write again. An HSM answers for one key, so its steps take files of one
directory. A security module of ours holds no update key (−27272). Source: 人社信息函〔2012〕37号 (rights), LD/T 32
part 5 (commands), the reader specification (texts). How a transparent file (hex digits) and a payment's record
(序号^类型^终端^时间^账户^自付^统筹^) are written in the text: assumption.
"""

from collections.abc import Iterable
from contextlib import ExitStack

from yikatong.smartcard.apdu import Command
from yikatong.smartcard.files import FREE, Condition, Structure
from yikatong.smartcard.ssse_account import Amounts
from yikatong.smartcard.ssse_hsm import ADDRESSES, ALGORITHM
from yikatong.smartcard.ssse_layout import NAME, PIN_RIGHT, Key
from yikatong.smartcard.status import Status
from yikatong.terminal.reader_api import pins
from yikatong.terminal.reader_api.codes import Code, ReaderError
from yikatong.terminal.reader_api.file_address import ENVIRONMENT, Part, Place, mirrored, parse, values
from yikatong.terminal.reader_api.money import yuan
from yikatong.terminal.reader_api.social_card import Challenge, SecurityModule, SocialCard
from yikatong.terminal.reader_api.station import Station, Steps, answer_in, joined

PIN, READ_KEY = 1, 2
"""iAuthType."""
_PIECE = 0xF0
_RECORDS_MAX = 254
_PAYMENT_LENGTH = 0x1C
_KEYS = {"RK": Key.READ, "UK": Key.UPDATE}


def read(station: Station, kind: int, auth: int, card_info: str, address: str) -> str:
    """With the PIN or the security module. Raises ``ReaderError``."""
    if auth not in {PIN, READ_KEY}:
        raise ReaderError(Code.BAD_INPUT)
    with station.card(kind, card_info) as social, ExitStack() as held:
        parts = parse(address, social.free.version)
        wanted = [_rights(part, "RK", with_pin=auth == PIN) for part in parts]
        visit = _Visit(social, *_means(station, social, held, wanted))
        told = []
        for part, rights in zip(parts, wanted, strict=True):
            visit.enter(part, rights)
            told.append(_read(social, part))
        return mirrored(parts, told)


def read_steps(station: Station, kind: int, card_info: str, address: str) -> Steps:
    """With an HSM: two steps. Files that are free for all need none (−2204)."""
    with station.card(kind, card_info) as social:
        parts = parse(address, social.free.version)
        wanted = _of_one_directory(parts, "RK")
        challenge = _enter_and_ask(social, parts[0])
        (answer,) = yield joined([ALGORITHM, ADDRESSES[Key.READ], *challenge.fields])
        cryptogram = answer_in(answer.removesuffix("|"), challenge)
        pin = station.typed("请输入密码") if PIN_RIGHT in wanted else ""
        social.external(cryptogram, challenge.original, key=Key.READ)
        if pin:
            pins.check(social, pin)
        return mirrored(parts, [_read(social, part) for part in parts])


def write(station: Station, kind: int, card_info: str, address: str, data: str) -> str:
    """With the security module. Raises ``ReaderError``."""
    with station.card(kind, card_info) as social, ExitStack() as held:
        parts = parse(address, social.free.version)
        records = _encoded(parts, data)
        wanted = [_rights(part, "UK") for part in parts]
        visit = _Visit(social, *_means(station, social, held, wanted))
        for part, rights, octets in zip(parts, wanted, records, strict=True):
            visit.enter(part, rights)
            _write(social, part, octets)
    return ""


def write_steps(station: Station, kind: int, card_info: str, address: str) -> Steps:
    """With an HSM: two steps; the second takes the data too."""
    with station.card(kind, card_info) as social:
        parts = parse(address, social.free.version)
        _of_one_directory(parts, "UK")
        challenge = _enter_and_ask(social, parts[0])
        answer, data = yield joined([ALGORITHM, ADDRESSES[Key.UPDATE], *challenge.fields])
        records = _encoded(parts, data)
        social.external(answer_in(answer.removesuffix("|"), challenge), challenge.original, key=Key.UPDATE)
        for part, octets in zip(parts, records, strict=True):
            _write(social, part, octets)
    return ""


class _Visit:
    """Going from file to file on one card, winning what each asks for. Going down keeps what was won above."""

    def __init__(self, social: SocialCard, module: SecurityModule | None, pin: str) -> None:
        self._social, self._module, self._pin = social, module, pin
        self._directory, self._won = ENVIRONMENT, set[str]()

    def enter(self, part: Part, rights: frozenset[str]) -> None:
        """Select a file's directory and win these rights there."""
        if part.directory != self._directory:
            _enter(self._social, part)
            self._directory = part.directory
            self._won.clear()
        for right in sorted(rights - self._won):
            if right == PIN_RIGHT:
                pins.check(self._social, self._pin)
            elif self._module is not None:
                challenge, key = self._social.challenge(), _KEYS[right.split(":")[1]]
                self._social.external(self._module.cryptogram(challenge, key=key), challenge.original, key=key)
            self._won.add(right)


def _means(
    station: Station, social: SocialCard, held: ExitStack, wanted: list[frozenset[str]]
) -> tuple[SecurityModule | None, str]:
    """The security module and the PIN, as far as they are needed."""
    rights = frozenset[str]().union(*wanted)
    module = held.enter_context(station.module(social)) if rights - {PIN_RIGHT} else None
    return module, station.typed("请输入密码") if PIN_RIGHT in rights else ""


def _rights(part: Part, key: str, *, with_pin: bool = False) -> frozenset[str]:
    """What to win before a file: one of the ways that the card takes, by the PIN or by this key."""
    own = PIN_RIGHT if with_pin else f"{part.directory}:{key}"
    condition: Condition = (frozenset({own}),)
    if part.file is not None:
        condition = part.file.read if key == "RK" else part.file.update
    if condition == FREE:
        return frozenset()
    return next((way for way in condition if own in way), frozenset({own}))


def _of_one_directory(parts: list[Part], key: str) -> frozenset[str]:
    """What these files ask for, all of one directory: an HSM answers for one key. Raises ``ReaderError`` (−23, −2204)."""
    if len({part.directory for part in parts}) != 1:
        raise ReaderError(Code.BAD_INPUT)
    rights = frozenset[str]().union(*(_rights(part, key) for part in parts))
    if not rights - {PIN_RIGHT}:
        raise ReaderError(Code.NO_HSM_NEEDED)
    return rights


def _enter_and_ask(social: SocialCard, part: Part) -> Challenge:
    if part.directory != ENVIRONMENT:
        _enter(social, part)
    return social.challenge()


def _enter(social: SocialCard, part: Part) -> None:
    social.send(Command(0x00, 0xA4, 0x04, 0x0C, part.aid or NAME))


def _read(social: SocialCard, part: Part) -> list[str]:
    social.send(Command(0x00, 0xA4, 0x02, 0x00, part.fid.to_bytes(2)))
    if part.structure is Structure.TRANSPARENT:
        return [_octets(social, part).hex().upper()]
    if part.structure is Structure.CYCLIC:
        numbers = [place.number for place in part.places] or range(1, _RECORDS_MAX + 1)
        return _cyclic(social, numbers, is_all=not part.places)
    return [part.told(place, _record(social, place)) for place in part.places]


def _octets(social: SocialCard, part: Part) -> bytes:
    assert part.file is not None, "a transparent file is known"
    octets = b""
    while len(octets) < part.file.size:
        length = min(_PIECE, part.file.size - len(octets))
        octets += social.send(Command(0x00, 0xB0, len(octets) >> 8, len(octets) & 0xFF, expected=length))
    return octets


def _record(social: SocialCard, place: Place) -> bytes:
    """An item's record: by its tag, or counted from the first when there are several with this tag."""
    if place.number == 1:
        return social.send(Command(0x00, 0xB2, place.tag, 0x00, expected=256))
    return social.send(Command(0x00, 0xB2, _number_of(social, place), 0x04, expected=256))


def _number_of(social: SocialCard, place: Place) -> int:
    found = 0
    for number in range(1, _RECORDS_MAX + 1):
        record = social.send(Command(0x00, 0xB2, number, 0x04, expected=256))
        found += record[:1] == bytes((place.tag,))
        if found == place.number:
            return number
    raise ReaderError(-Status.RECORD_NOT_FOUND)


def _cyclic(social: SocialCard, numbers: Iterable[int], *, is_all: bool) -> list[str]:
    told = []
    for number in numbers:
        try:
            told.append(_payment(social.send(Command(0x00, 0xB2, number, 0x04, expected=256))))
        except ReaderError as error:
            if is_all and error.code == -Status.RECORD_NOT_FOUND:
                break
            raise
    return told


def _payment(record: bytes) -> str:
    if len(record) != _PAYMENT_LENGTH:
        return record.hex().upper()
    amounts = Amounts.decode(record[16:])
    fields = [str(int.from_bytes(record[:2])), record[2:3].hex(), record[3:9].hex(), record[9:16].hex()]
    fields += [yuan(fen) for fen in (amounts.account_fen, amounts.self_paid_fen, amounts.pooled_fen)]
    return "".join(f"{field}^" for field in fields)


def _encoded(parts: list[Part], data: str) -> list[list[bytes]]:
    """What is to be written, for each part its records or its bytes. Raises ``ReaderError`` (−23, −41, −42)."""
    return [
        [_encoded_one(part, place, value) for place, value in zip(part.places, given, strict=True)]
        for part, given in zip(parts, values(data, parts), strict=True)
    ]


def _encoded_one(part: Part, place: Place, value: str) -> bytes:
    if part.structure is Structure.CYCLIC:
        raise ReaderError(Code.BAD_INPUT)  # the card writes its payments itself
    if part.structure is not Structure.TRANSPARENT:
        return part.record(place, value)
    try:
        octets = bytes.fromhex(value)
    except ValueError as error:
        raise ReaderError(Code.CHARACTERS) from error
    if part.file is None or not 0 < len(octets) <= part.file.size:
        raise ReaderError(Code.LENGTH)
    return octets


def _write(social: SocialCard, part: Part, octets: list[bytes]) -> None:
    social.send(Command(0x00, 0xA4, 0x02, 0x00, part.fid.to_bytes(2)))
    for place, value in zip(part.places, octets, strict=True):
        if part.structure is Structure.TRANSPARENT:
            for start in range(0, len(value), _PIECE):
                piece = value[start : start + _PIECE]
                social.send(Command(0x00, 0xD6, start >> 8, start & 0xFF, piece))
        elif place.number == 1:
            social.send(Command(0x00, 0xDC, place.tag, 0x00, value))
        else:
            social.send(Command(0x00, 0xDC, _number_of(social, place), 0x04, value))
