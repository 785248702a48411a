"""The functions by their established names. Each returns a code (0 for success) and the text that goes into ``pOutInfo``.

The text's fields end with ``|``, the last one too. Between the two steps of an HSM pair the card stays powered, and another call
ends the pair. It keeps no PIN and logs nothing of a card.
Source: the reader specification (names, order of fields, codes), docs/terminal.md.
"""

from collections.abc import Callable
from contextlib import ExitStack
from hmac import compare_digest

from yikatong.smartcard.apdu import Command
from yikatong.smartcard.ssse_layout import Key
from yikatong.smartcard.ssse_pin import PinWrong, encode_pin
from yikatong.smartcard.status import Refusal, Status, tries_left_in
from yikatong.terminal.reader_api import medical
from yikatong.terminal.reader_api.codes import FALLS_BACK, Code, ReaderError
from yikatong.terminal.reader_api.devices import Keypad, Readers
from yikatong.terminal.reader_api.hsm import Hsm
from yikatong.terminal.reader_api.social_card import SM4, Challenge, SecurityModule, SocialCard

type Result = tuple[int, str]
NO_TERMINAL = "0" * 12
"""终端机编号 where there is no PSAM."""


class ReaderApi:
    """One terminal. ``device``: 终端设备号, told at the end of each reading. ``hsm``: for ``read_with_fallback``."""

    def __init__(
        self, readers: Readers, *, device: str = "", keypad: Keypad | None = None, hsm: Hsm | None = None
    ) -> None:
        self._readers, self._device, self._keypad, self._hsm = readers, device, keypad, hsm
        self._pair: _Pair | None = None

    def iReadCardBas(self, iType: int) -> Result:  # noqa: N802, N803  # the names are the interface
        """Read the card's and its holder's basic data with the terminal's security module."""
        return self._called(lambda: self._read_with_sam(iType))

    def iReadCardBas_HSM_Step1(self, iType: int) -> Result:  # noqa: N802, N803
        """Begin reading with an HSM: what it needs to know."""
        return self._called(lambda: self._begin_pair(iType), keeps_pair=True)

    def iReadCardBas_HSM_Step2(self, pKey: str) -> Result:  # noqa: N802, N803
        """Finish reading with the HSM's answer."""
        return self._called(lambda: self._finish_pair(pKey), keeps_pair=True)

    def iVerifyPIN(self, iType: int) -> Result:  # noqa: N802, N803
        """Let the holder type the PIN, and the card check it."""
        return self._called(lambda: self._verify_pin(iType))

    def iChangePIN(self, iType: int) -> Result:  # noqa: N802, N803
        """Let the holder type the PIN and a new one, twice."""
        return self._called(lambda: self._change_pin(iType))

    def iDoDebit(self, iType: int, pCardInfo: str, pPayInfo: str) -> Result:  # noqa: N802, N803
        """Pay from the medical account. ``pCardInfo``: ``识别码|卡号|``; ``pPayInfo``: ``总额|账户+统筹|时间|``, in yuan."""
        return self._called(lambda: self._debit(iType, pCardInfo, pPayInfo))

    def iReadDebitRecord(self, iType: int) -> Result:  # noqa: N802, N803
        """The medical account's last payments, after the holder's PIN."""
        return self._called(lambda: self._debit_records(iType))

    def read_with_fallback(self, kind: int) -> Result:
        """``iReadCardBas``; where the security module cannot, the HSM pair."""
        code, text = self.iReadCardBas(kind)
        if code not in FALLS_BACK or self._hsm is None:
            return code, text
        code, text = self.iReadCardBas_HSM_Step1(kind)
        if code:
            return code, text
        try:
            answer = self._hsm.authenticate(text)
        except ReaderError as error:
            self.close()
            return error.code, ""
        return self.iReadCardBas_HSM_Step2(answer)

    def close(self) -> None:
        """Let go of a card that waits for the second step."""
        if self._pair is not None:
            self._pair.close()
            self._pair = None

    def _called(self, work: Callable[[], str], *, keeps_pair: bool = False) -> Result:
        if not keeps_pair:
            self.close()
        try:
            return Code.OK, work()
        except ReaderError as error:
            self.close()
            return error.code, ""

    def _read_with_sam(self, kind: int) -> str:
        with self._readers.card(kind) as card:
            social = SocialCard(card)
            with self._readers.sam() as channel:
                if channel is None:
                    raise ReaderError(Code.NO_SAM)
                module = SecurityModule(channel, social.free)
                challenge = social.challenge()
                expected = module.cryptogram(challenge, key=Key.INTERNAL)
                _require_genuine(social, challenge, expected)
                if social.free.needs_external:
                    challenge = social.challenge()
                    social.external(module.cryptogram(challenge, key=Key.READ), challenge.original)
                return self._basic(social, module.terminal)

    def _begin_pair(self, kind: int) -> str:
        self.close()
        self._pair = pair = _Pair(self._readers, kind)
        free, internal, external = pair.social.free, pair.internal, pair.external
        fields = [free.region_code, free.historical.hex().upper(), f"{SM4:02X}", free.identification]
        if free.algorithm != SM4:
            fields[2] = f"{free.algorithm:02X}"
        fields += [internal.factor.hex().upper(), internal.original.hex().upper()]
        fields += [external.factor.hex().upper(), external.original.hex().upper()] if external else ["", ""]
        return _joined(fields)

    def _finish_pair(self, answer: str) -> str:
        pair = self._pair
        if pair is None:
            raise ReaderError(Code.BAD_INPUT)
        fields = answer.split("|")
        internal = _answer_in(fields[0], pair.internal)
        _require_genuine(pair.social, pair.internal, internal)
        if pair.external is not None:
            external = _answer_in(fields[1] if len(fields) > 1 else "", pair.external)
            pair.social.external(external, pair.external.original)
        text = self._basic(pair.social, NO_TERMINAL)
        self.close()
        return text

    def _basic(self, social: SocialCard, terminal: str) -> str:
        free = social.free
        identity_number, name = social.holder()
        return _joined(
            [
                free.region_code,
                identity_number,
                free.number,
                free.identification,
                name,
                free.historical.hex().upper(),
                free.version,
                free.issued,
                free.expires,
                terminal,
                self._device,
            ]
        )

    def _debit(self, kind: int, card_info: str, pay_info: str) -> str:
        payment = medical.Payment.parse(pay_info)
        with self._readers.card(kind) as card, self._readers.sam() as channel:
            social = SocialCard(card)
            if card_info != f"{social.free.identification}|{social.free.number}|":
                raise ReaderError(Code.OTHER_CARD)
            if channel is None:
                raise ReaderError(Code.NO_SAM)
            module = SecurityModule(channel, social.free)
            challenge = social.challenge()
            _require_genuine(social, challenge, module.cryptogram(challenge, key=Key.INTERNAL))
            return _joined(medical.debit(social, module, payment))

    def _debit_records(self, kind: int) -> str:
        with self._readers.card(kind) as card:
            social = SocialCard(card)
            _check_pin(social, self._typed("请输入密码"))
            return _joined(medical.records(social))

    def _verify_pin(self, kind: int) -> str:
        with self._readers.card(kind) as card:
            _check_pin(SocialCard(card), self._typed("请输入密码"))
        return ""

    def _change_pin(self, kind: int) -> str:
        with self._readers.card(kind) as card:
            social = SocialCard(card)
            old, new, again = (self._typed(prompt) for prompt in ("请输入原密码", "请输入新密码", "请再输入一次新密码"))
            if new != again:
                raise ReaderError(Code.PINS_DIFFER)
            _pin_command(social, Command(0x80, 0x5E, 0x01, 0x00, old + b"\xff" + new))
        return ""

    def _typed(self, prompt: str) -> bytes:
        if self._keypad is None:
            raise ReaderError(Code.READER)
        try:
            return encode_pin(self._keypad.pin(prompt))
        except PinWrong as error:
            raise ReaderError(Code.PIN_LENGTH) from error


class _Pair:
    """A card between the two steps, and the random numbers it gave."""

    def __init__(self, readers: Readers, kind: int) -> None:
        self._held = ExitStack()
        try:
            self.social = SocialCard(self._held.enter_context(readers.card(kind)))
            self.internal = self.social.challenge()
            self.external = self.social.challenge() if self.social.free.needs_external else None
        except BaseException:
            self._held.close()
            raise

    def close(self) -> None:
        """Let go of the card."""
        self._held.close()


def _require_genuine(social: SocialCard, challenge: Challenge, expected: bytes) -> None:
    if not compare_digest(social.internal(challenge), expected):
        raise ReaderError(Code.INTERNAL_AUTHENTICATION)


def _answer_in(field: str, challenge: Challenge) -> bytes:
    """The cryptogram in one field of pKey: 16 digits of it, and the 16 of the original information it is of."""
    try:
        octets = bytes.fromhex(field)
    except ValueError as error:
        raise ReaderError(Code.BAD_INPUT) from error
    if len(octets) != 16 or octets[8:] != challenge.original:
        raise ReaderError(Code.BAD_INPUT)
    return octets[:8]


def _check_pin(social: SocialCard, pin: bytes) -> None:
    _pin_command(social, Command(0x00, 0x20, 0x00, 0x00, pin))


def _pin_command(social: SocialCard, command: Command) -> None:
    try:
        social.send(command)
    except ReaderError as error:
        cause = error.__cause__
        if not isinstance(cause, Refusal):
            raise
        if cause.status == Status.METHOD_BLOCKED:
            raise ReaderError(Code.PIN_LOCKED) from cause
        if tries_left_in(cause.status) is not None:
            raise ReaderError(Code.PIN_WRONG) from cause
        raise


def _joined(fields: list[str]) -> str:
    return "".join(f"{field}|" for field in fields)
