"""The functions by their established names. Each returns a code (0 for success) and the text that goes into ``pOutInfo``.

The text's fields end with ``|``, the last one too. Between the steps of an HSM dialogue the card stays
powered, and any other call ends the dialogue. It keeps no PIN and logs nothing of a card.
Source: the reader specification (names, order of arguments and fields, codes), docs/terminal.md.
"""

from collections.abc import Callable

from yikatong.smartcard.ssse_hsm import RESET_HEADER, UNBLOCK_HEADER, CardPath
from yikatong.terminal.reader_api import basic, card_files, fallback, pins
from yikatong.terminal.reader_api.codes import Code, ReaderError
from yikatong.terminal.reader_api.devices import Keypad, Readers
from yikatong.terminal.reader_api.hsm import Hsm
from yikatong.terminal.reader_api.kept_payments import KeptPayments
from yikatong.terminal.reader_api.medical import Till
from yikatong.terminal.reader_api.station import NO_TERMINAL, Station, Steps

type Result = tuple[int, str]


class ReaderApi:
    """One terminal; not safe between threads. ``device``: 终端设备号, told at the end of each reading.

    ``hsm``: for ``with_fallback``. ``terminal``: 终端机编号 of payments with an HSM. ``payments``: where payments are kept; by
    default in memory only.
    """

    def __init__(
        self,
        readers: Readers,
        *,
        device: str = "",
        terminal: str = NO_TERMINAL,
        keypad: Keypad | None = None,
        hsm: Hsm | None = None,
        payments: KeptPayments | None = None,
    ) -> None:
        self._station = Station(readers, device=device, terminal=terminal, keypad=keypad)
        self._till = Till(self._station, payments or KeptPayments())
        self._hsm = hsm
        self._steps: Steps | None = None
        self._next = ""

    # ruff: noqa: N802, N803  # the names are the interface

    def iReadCardBas(self, iType: int) -> Result:
        """Read the card's and its holder's basic data with the terminal's security module."""
        return self._called(lambda: basic.read(self._station, iType))

    def iReadCardBas_HSM_Step1(self, iType: int) -> Result:
        """Begin reading with an HSM: what it needs to know."""
        return self._begun("iReadCardBas_HSM_Step2", basic.read_steps(self._station, iType))

    def iReadCardBas_HSM_Step2(self, pKey: str) -> Result:
        """Finish reading with the HSM's answer."""
        return self._continued("iReadCardBas_HSM_Step2", pKey)

    def iReadCard(self, iType: int, iAuthType: int, pCardInfo: str, pFileAddr: str) -> Result:
        """Read files with the holder's PIN (1) or the read key (2).

        ``pFileAddr``: ``DF01EF06|23|28|$``; the text mirrors it.
        """
        return self._called(lambda: card_files.read(self._station, iType, iAuthType, pCardInfo, pFileAddr))

    def iReadCard_HSM_Step1(self, iType: int, pCardInfo: str, pFileAddr: str) -> Result:
        """Begin reading files of one directory with an HSM."""
        return self._begun("iReadCard_HSM_Step2", card_files.read_steps(self._station, iType, pCardInfo, pFileAddr))

    def iReadCard_HSM_Step2(self, pKey: str) -> Result:
        """Finish reading files with the HSM's 32 digits."""
        return self._continued("iReadCard_HSM_Step2", pKey)

    def iWriteCard(self, iType: int, pCardInfo: str, pFileAddr: str, pWriteData: str) -> Result:
        """Write files with the update key of the security module.

        ``pWriteData`` mirrors ``pFileAddr``, values in place of tags.
        """
        return self._called(lambda: card_files.write(self._station, iType, pCardInfo, pFileAddr, pWriteData))

    def iWriteCard_HSM_Step1(self, iType: int, pCardInfo: str, pFileAddr: str) -> Result:
        """Begin writing files of one directory with an HSM."""
        return self._begun("iWriteCard_HSM_Step2", card_files.write_steps(self._station, iType, pCardInfo, pFileAddr))

    def iWriteCard_HSM_Step2(self, pKey: str, pWriteData: str) -> Result:
        """Finish writing files with the HSM's 32 digits."""
        return self._continued("iWriteCard_HSM_Step2", pKey, pWriteData)

    def iVerifyPIN(self, iType: int) -> Result:
        """Let the holder type the PIN, and the card check it."""
        return self._called(lambda: pins.verify(self._station, iType))

    def iChangePIN(self, iType: int) -> Result:
        """Let the holder type the PIN and a new one, twice."""
        return self._called(lambda: pins.change(self._station, iType))

    def iReloadPIN(self, iType: int, pCardInfo: str) -> Result:
        """Set the PIN anew with the security module: those of ours have no key for it (−27272)."""
        return self._called(lambda: pins.service(self._station, iType, pCardInfo))

    def iReloadPIN_HSM_Step1(self, iType: int, pCardInfo: str) -> Result:
        """Begin setting the PIN anew with an HSM."""
        return self._begun("iReloadPIN_HSM_Step2", pins.service_steps(self._station, iType, pCardInfo, RESET_HEADER))

    def iReloadPIN_HSM_Step2(self, pKey: str) -> Result:
        """Prove the PUK with the HSM's 32 digits, after the holder typed the new PIN twice; the text holds it
        for the HSM."""
        return self._continued("iReloadPIN_HSM_Step2", pKey, then="iReloadPIN_HSM_Step3")

    def iReloadPIN_HSM_Step3(self, pKey: str) -> Result:
        """Set the PIN with the HSM's secured command, 50 digits."""
        return self._continued("iReloadPIN_HSM_Step3", pKey)

    def iUnblockPIN(self, iType: int, pCardInfo: str) -> Result:
        """Unblock the PIN with the security module: those of ours have no key for it (−27272)."""
        return self._called(lambda: pins.service(self._station, iType, pCardInfo))

    def iUnblockPIN_HSM_Step1(self, iType: int, pCardInfo: str) -> Result:
        """Begin unblocking the PIN with an HSM."""
        return self._begun("iUnblockPIN_HSM_Step2", pins.service_steps(self._station, iType, pCardInfo, UNBLOCK_HEADER))

    def iUnblockPIN_HSM_Step2(self, pKey: str) -> Result:
        """Prove the PUK with the HSM's 32 digits."""
        return self._continued("iUnblockPIN_HSM_Step2", pKey, then="iUnblockPIN_HSM_Step3")

    def iUnblockPIN_HSM_Step3(self, pKey: str) -> Result:
        """Unblock the PIN with the HSM's secured command, 18 digits."""
        return self._continued("iUnblockPIN_HSM_Step3", pKey)

    def iDoDebit(self, iType: int, pCardInfo: str, pPayInfo: str) -> Result:
        """Pay from the medical account. ``pCardInfo``: ``识别码|卡号|``; ``pPayInfo``: ``总额|账户+统筹|时间|``, in yuan.

        The same payment asked for again is told again, and not taken again.
        """
        return self._called(lambda: self._till.debit(iType, pCardInfo, pPayInfo))

    def iDoDebit_HSM_Step1(self, iType: int, pCardInfo: str, pPayInfo: str) -> Result:
        """Begin paying with an HSM."""
        return self._begun("iDoDebit_HSM_Step2", self._till.debit_steps(iType, pCardInfo, pPayInfo))

    def iDoDebit_HSM_Step2(self, pKey: str) -> Result:
        """Pay with the HSM's ``终端交易序号|时间|MAC1|``; the text begins with the card's MAC2."""
        return self._continued("iDoDebit_HSM_Step2", pKey)

    def iReadDebitRecord(self, iType: int) -> Result:
        """The medical account's last payments, after the holder's PIN."""
        return self._called(lambda: self._till.records(iType))

    def with_fallback(self, name: str, *arguments: int | str) -> Result:
        """A function by its name; where the security module cannot, its HSM steps with the terminal's HSM."""
        return fallback.call(self, self._hsm, name, *arguments)

    def read_with_fallback(self, kind: int) -> Result:
        """``iReadCardBas``; where the security module cannot, the HSM pair."""
        return self.with_fallback("iReadCardBas", kind)

    @property
    def path(self) -> CardPath | None:
        """The card that was last used, as an HSM must know it."""
        return self._station.path

    @property
    def is_waiting(self) -> bool:
        """Whether a card is held for a next step."""
        return self._steps is not None

    def close(self) -> None:
        """Let go of a card that waits for the next step."""
        if self._steps is not None:
            self._steps.close()
        self._steps, self._next = None, ""

    def _called(self, work: Callable[[], str]) -> Result:
        self.close()
        try:
            return Code.OK, work()
        except ReaderError as error:
            return error.code, ""

    def _begun(self, then: str, steps: Steps) -> Result:
        self.close()
        try:
            text = next(steps)
        except ReaderError as error:
            return error.code, ""
        self._steps, self._next = steps, then
        return Code.OK, text

    def _continued(self, step: str, *arguments: str, then: str = "") -> Result:
        steps = self._steps
        if steps is None or self._next != step:
            self.close()
            return Code.BAD_INPUT, ""
        try:
            text = steps.send(arguments)
        except StopIteration as end:
            self.close()
            return Code.OK, end.value
        except ReaderError as error:
            self.close()
            return error.code, ""
        self._next = then
        return Code.OK, text
