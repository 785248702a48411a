"""The social security environment as a card application: authentication, PIN, blocking.

Source: LD/T 32 part 5 (commands) and part 7 (security). The medical account's commands are ``ssse_account``'s.
"""

import hmac
from collections.abc import Mapping

from yikatong.smartcard import ssse_security as security
from yikatong.smartcard.apdu import Command
from yikatong.smartcard.card import Application, EmulatedCard, Handler
from yikatong.smartcard.files import Directory
from yikatong.smartcard.ssse_account import PATH as ACCOUNT_PATH
from yikatong.smartcard.ssse_account import MedicalAccount
from yikatong.smartcard.ssse_layout import PIN_RIGHT, Key, Version, ssse_directory
from yikatong.smartcard.ssse_pin import PinWrong, decode_pin, encode_pin
from yikatong.smartcard.status import Refusal, Status, tries_left
from yikatong.smartcard.tries import Tries

TRIES_MAX = 3
"""Wrong tries in a row before a PIN or key is locked. Source: assumption."""
_ALGORITHM_SM4 = 0x03
_RIGHT_OF_KEY = {Key.PUK: "PUK", Key.READ: "RK", Key.UPDATE: "UK"}
_UNBLOCK, _RESET = 0x00, 0x01


class SocialSecurity(Application):
    """SSSE. Cells: ``SSSE/key/NN`` (16 bytes), ``SSSE/pin`` (4 bytes to 8), and their tries."""

    def __init__(self, card: EmulatedCard, version: Version) -> None:
        super().__init__(card)
        self.directory = ssse_directory(version)
        self._medical = next(directory for directory in self.directory.walk() if directory.path == ACCOUNT_PATH)
        self._account = MedicalAccount(card, self._medical)

    def leave(self) -> None:
        """Forget a payment in hand."""
        self._account.forget()

    def commands(self) -> Mapping[tuple[int, int], Handler]:
        """By CLA and INS; the medical account's while its directory is selected."""
        account = self._account.commands() if self.card.directory is self._medical else {}
        return {
            **account,
            (0x00, 0x88): self._internal_authenticate,
            (0x00, 0x82): self._external_authenticate,
            (0x00, 0x20): self.verify_pin,
            (0x80, 0x5E): self._change_pin,
            (0x84, 0x24): self._pin_service,
            (0x84, 0x1E): self._block_application,
            (0x84, 0x16): self._block_card,
        }

    def fci(self, directory: Directory) -> bytes:
        """``6F`` with the name and, in 9F0C, the algorithm. Source: a published 3.00 trace."""
        name = directory.names[0]
        proprietary = bytes((0x88, 0x01, 0x1E, 0x9F, 0x0C, 0x03, 0x86, 0x01, _ALGORITHM_SM4))
        template = bytes((0x84, len(name))) + name + bytes((0xA5, len(proprietary))) + proprietary
        return bytes((0x6F, len(template))) + template

    def _key_cell(self, number: int) -> str:
        """The key of the current directory, or the environment's."""
        here = self.card.directory or self.directory
        for directory in (here, self.directory):
            cell = f"{directory.path}/key/{number:02X}"
            if cell in self.memory:
                return cell
        raise Refusal(Status.REFERENCE_DATA_NOT_FOUND)

    def _internal_authenticate(self, command: Command) -> bytes:
        """Prove that the card is real: a cryptogram over the reader's factor and original information."""
        if command.p1 or command.p2:
            raise Refusal(Status.WRONG_PARAMETERS)
        if len(command.data) not in {0x10, 0x11}:  # the 17th byte names a key version; there is one
            raise Refusal(Status.WRONG_LENGTH)
        key = self.memory[self._key_cell(Key.INTERNAL)]
        return security.cryptogram(key, command.data[:8], command.data[8:16])

    def _external_authenticate(self, command: Command) -> bytes:
        """Let the reader prove that it holds a key: over the card's own latest random number, which is used up."""
        if command.p1:
            raise Refusal(Status.WRONG_PARAMETERS)
        if len(command.data) != 0x10:
            raise Refusal(Status.WRONG_LENGTH)
        cell = self._key_cell(command.p2)
        factor = self._live_factor()
        left = self._tries(cell).spend()
        expected = security.cryptogram(self.memory[cell], factor, command.data[8:])
        if not hmac.compare_digest(expected, command.data[:8]):
            self._revoke(cell)
            raise Refusal(tries_left(left))
        self._tries(cell).give_back()
        right = _RIGHT_OF_KEY.get(command.p2)
        if right:
            self.card.rights.add(f"{_owner(cell)}:{right}")
        return b""

    def verify_pin(self, command: Command) -> bytes:
        """VERIFY: check the card's PIN; without data, tell whether one is set and how many tries are left."""
        if command.p1 or command.p2:
            raise Refusal(Status.WRONG_PARAMETERS)
        if "SSSE/pin" not in self.memory:
            if command.data:
                raise Refusal(Status.REFERENCE_DATA_NOT_FOUND)
            return b""
        if not command.data:
            raise Refusal(tries_left(self._tries("SSSE/pin").left))
        self._check_pin(_pin_in(command.data))
        self.card.rights.add(PIN_RIGHT)
        return b""

    def _change_pin(self, command: Command) -> bytes:
        if (command.p1, command.p2) != (0x01, 0x00):
            raise Refusal(Status.WRONG_PARAMETERS)
        if "SSSE/pin" not in self.memory:
            raise Refusal(Status.REFERENCE_DATA_NOT_FOUND)
        # The old PIN is filled up with F, so an FF may belong to it: the separator is an FF before a whole PIN.
        for place in range(1, len(command.data) - 1):
            if command.data[place] == 0xFF and command.data[place + 1] != 0xFF:
                old, new = _pin_in(command.data[:place]), _pin_in(command.data[place + 1 :])
                self._check_pin(old)
                self.memory["SSSE/pin"] = encode_pin(new)
                return b""
        raise Refusal(Status.WRONG_DATA)

    def _check_pin(self, pin: str) -> None:
        left = self._tries("SSSE/pin").spend()
        if not hmac.compare_digest(decode_pin(self.memory["SSSE/pin"]), pin):
            self.card.rights.discard(PIN_RIGHT)
            raise Refusal(tries_left(left))
        self._tries("SSSE/pin").give_back()

    def _pin_service(self, command: Command) -> bytes:
        """PIN CHANGE/UNBLOCK after authentication with the PUK: secured with the PIN service key and the latest random."""
        if command.p1 or command.p2 not in {_UNBLOCK, _RESET}:
            raise Refusal(Status.WRONG_PARAMETERS)
        if "SSSE:PUK" not in self.card.rights:
            raise Refusal(Status.SECURITY_NOT_SATISFIED)
        if len(command.data) != (0x04 if command.p2 == _UNBLOCK else 0x14):
            raise Refusal(Status.WRONG_LENGTH)
        session = self._checked_session(command, Key.PIN_SERVICE)
        if command.p2 == _RESET:
            try:
                pin = _pin_in(security.decrypt(session, command.data[:-4]))
            except security.SecuredDataWrong as error:
                raise Refusal(Status.WRONG_DATA) from error
            self.memory["SSSE/pin"] = encode_pin(pin)
        self._tries("SSSE/pin").give_back()
        self.card.rights.discard("SSSE:PUK")
        return b""

    def _block_application(self, command: Command) -> bytes:
        self._check_block(command, p2=0x01)
        self.block()
        return b""

    def _block_card(self, command: Command) -> bytes:
        self._check_block(command, p2=0x00)
        self.card.block()
        return b""

    def _check_block(self, command: Command, *, p2: int) -> None:
        if (command.p1, command.p2) != (0x00, p2):
            raise Refusal(Status.WRONG_PARAMETERS)
        if len(command.data) != 4:
            raise Refusal(Status.WRONG_LENGTH)
        self._checked_session(command, Key.BLOCK)

    def _checked_session(self, command: Command, number: int) -> bytes:
        """The session key of a secured command whose MAC is right. Every wrong one spends a try of the key."""
        cell = self._key_cell(number)
        factor = self._live_factor()
        left = self._tries(cell).spend()
        session = security.session_key(self.memory[cell], factor)
        secured = command.header + bytes((len(command.data),)) + command.data[:-4]
        if not hmac.compare_digest(security.mac(session, secured), command.data[-4:]):
            raise Refusal(Status.SECURE_MESSAGING_WRONG if left else Status.METHOD_BLOCKED)
        self._tries(cell).give_back()
        return session

    def _live_factor(self) -> bytes:
        challenges = self.card.take_challenges()
        if not challenges or len(challenges[-1]) != security.FACTOR_LENGTH:
            raise Refusal(Status.REFERENCE_DATA_INVALIDATED)
        return challenges[-1]

    def _tries(self, cell: str) -> Tries:
        return Tries(self.memory, f"{cell}/tries", TRIES_MAX)

    def _revoke(self, cell: str) -> None:
        self.card.rights.difference_update({f"{_owner(cell)}:{right}" for right in _RIGHT_OF_KEY.values()})


def _owner(cell: str) -> str:
    """Which directory a key belongs to, as rights name it: ``SSSE`` or ``DF04``."""
    return cell.split("/key/", maxsplit=1)[0].rsplit("/", maxsplit=1)[-1]


def _pin_in(octets: bytes) -> str:
    try:
        return decode_pin(octets)
    except PinWrong as error:
        raise Refusal(Status.WRONG_DATA) from error
