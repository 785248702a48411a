"""What a till remembers of payments from medical accounts, so that none is lost and none is taken twice.

A payment is kept before the card is told to pay, and is *open* until the card has answered. With a file it
outlives the process; the file names cards and amounts, so it has mode 0600. It does not decide whether an open
payment was made: only the card can tell (``medical``). Source: assumption.
"""

import os
from collections import OrderedDict
from pathlib import Path
from typing import Annotated

import msgspec

from yikatong.foundation.errors import YikatongError

ANSWERED_MAX = 500
"""Older answered payments are forgotten; open ones never."""


class KeptPaymentsDamaged(YikatongError):
    """The file cannot be read or written; the text says what to do."""


class KeptPayment(msgspec.Struct, frozen=True):
    """One payment.

    ``before``: what the card said of its sums; ``answer``: the function's text, empty while it is open.
    """

    identification: str
    pay_info: str
    counter: int
    terminal: str
    terminal_number: Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-F]{8}\Z")]
    before: bytes
    answer: str = ""


_PAYMENTS = msgspec.json.Decoder(list[KeptPayment])


class KeptPayments:
    """A till's payments, in ``path`` or, without it, in memory. Not safe between threads."""

    def __init__(self, path: Path | None = None) -> None:
        """Raises ``KeptPaymentsDamaged``."""
        self._path = path
        self._kept: OrderedDict[tuple[str, str], KeptPayment] = OrderedDict()
        for payment in _read(path) if path is not None else []:
            self._kept[payment.identification, payment.pay_info] = payment

    def find(self, identification: str, pay_info: str) -> KeptPayment | None:
        """The same payment of the same card, if it was begun before."""
        return self._kept.get((identification, pay_info))

    def open_of(self, identification: str) -> KeptPayment | None:
        """The card's payment that the card has not answered."""
        cards = (payment for payment in self._kept.values() if payment.identification == identification)
        return next((payment for payment in cards if not payment.answer), None)

    def keep(self, payment: KeptPayment) -> None:
        """Keep a payment, or its answer; on disk when this returns. Raises ``KeptPaymentsDamaged``."""
        self._kept[payment.identification, payment.pay_info] = payment
        answered = [key for key, each in self._kept.items() if each.answer]
        for key in answered[: max(len(answered) - ANSWERED_MAX, 0)]:
            del self._kept[key]
        self._write()

    def forget(self, payment: KeptPayment) -> None:
        """Drop a payment that the card did not make. Raises ``KeptPaymentsDamaged``."""
        del self._kept[payment.identification, payment.pay_info]
        self._write()

    def _write(self) -> None:
        if self._path is None:
            return
        beside = self._path.with_name(self._path.name + ".new")
        try:
            with os.fdopen(os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
                file.write(msgspec.json.encode(list(self._kept.values())))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise KeptPaymentsDamaged(f"{self._path} 不能写入：{error.strerror}；修好之前不要收款") from error


def _read(path: Path) -> list[KeptPayment]:
    try:
        return _PAYMENTS.decode(path.read_bytes())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise KeptPaymentsDamaged(f"{path} 不能读取：{error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise KeptPaymentsDamaged(f"{path} 已损坏；请先核对未完成的扣款，再移走它") from error
