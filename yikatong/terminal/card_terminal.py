"""Chip cards in plain words: who is it, is it real, pay, in, out, load. For a venue's own program with a reader and a PSAM.

Each call is one card in the reader; a card of ``PcscCard`` or an emulated one with its power on. Money is in fen. A payment is
kept on disk before its call returns, so that what ``debit``, ``gate_entry`` and ``gate_exit`` tell has happened for good. The
names of the established interface are in ``reader_api``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hmac import compare_digest

from asn1crypto import x509

from yikatong.foundation.errors import YikatongError
from yikatong.smartcard.channel import Channel
from yikatong.smartcard.ssse_layout import Key
from yikatong.terminal.card_check import CardVerifier, GenuineCard
from yikatong.terminal.purse import Payment, Pending, PurseTerminal
from yikatong.terminal.purse_load import Authorise, Loaded, load_purse
from yikatong.terminal.purse_outbox import PurseOutbox, payment_to_keep
from yikatong.terminal.rail_gate import Answer, Passed, RailGate
from yikatong.terminal.reader_api.codes import Code, ReaderError
from yikatong.terminal.reader_api.devices import Card
from yikatong.terminal.reader_api.social_card import SecurityModule, SocialCard
from yikatong.wire.purses import PursePayment


class NoGate(YikatongError):
    """This terminal is no gate: it was made without one."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose card it is. ``identification_code``: 卡识别码, 32 hex digits; ``card_number``: what is printed."""

    name: str = field(repr=False)
    identity_number: str = field(repr=False)
    card_number: str
    identification_code: str
    expires_on: date


class CardTerminal:
    """``sam``: the security module, with its power on. ``authorities``: who may have issued cards. ``gate``: for a gate only."""

    def __init__(
        self,
        sam: Channel,
        outbox: PurseOutbox,
        *,
        authorities: Sequence[x509.Certificate] = (),
        place: str = "",
        gate: RailGate | None = None,
    ) -> None:
        self._sam, self._outbox, self._place, self._gate = sam, outbox, place, gate
        self._verifier = CardVerifier(authorities)
        self._purses = PurseTerminal(sam)

    def read_holder(self, card: Card) -> Holder:
        """Whose card it is, after card and security module have proved themselves. Raises ``ReaderError``."""
        social = SocialCard(card)
        module = SecurityModule(self._sam, social.free)
        challenge = social.challenge()
        if not compare_digest(social.internal(challenge), module.cryptogram(challenge, key=Key.INTERNAL)):
            raise ReaderError(Code.INTERNAL_AUTHENTICATION)
        if social.free.needs_external:
            challenge = social.challenge()
            social.external(module.cryptogram(challenge, key=Key.READ), challenge.original)
        identity_number, name = social.holder()
        free = social.free
        expires_on = date.fromisoformat(free.expires)
        return Holder(name, identity_number, free.number, free.identification, expires_on)

    def verify_card(self, card: Channel, at: datetime) -> GenuineCard:
        """Let the card prove by certificate and signature that it is genuine, offline. Raises ``CardNotGenuine``."""
        return self._verifier.verify(card, at)

    def debit(self, card: Channel, amount_fen: int, at: datetime, *, use: str) -> Payment:
        """Take money from the transit purse; ``use`` says what for, in at most 40 characters.

        Raises ``NoPurse``, ``PaymentRefused``: nothing was paid; ``PaymentTorn``: ask for the same card, then ``recover``.
        """
        return self._kept(self._purses.pay(card, amount_fen, at), use)

    def recover(self, card: Channel, pending: Pending, *, use: str) -> Payment | None:
        """After ``PaymentTorn``, with the same card: the payment if it was made, ``None`` if not. Raises ``PaymentRefused``."""
        payment = self._purses.recover(card, pending)
        return None if payment is None else self._kept(payment, use)

    def gate_entry(self, card: Channel, at: datetime) -> Answer:
        """Let a card in: ``Passed`` or ``Stopped``. Raises ``NoGate``, ``NoPurse``, ``PaymentRefused``, ``PaymentTorn``."""
        return self._through(self._required_gate().enter(card, at), "entry")

    def gate_exit(self, card: Channel, at: datetime) -> Answer:
        """Let a card out and take the fare, as ``gate_entry``."""
        return self._through(self._required_gate().leave(card, at), "exit")

    def load_purse(self, card: Channel, amount_fen: int, *, authorise: Authorise, at: datetime) -> Loaded:
        """Put money onto the purse; ``authorise`` reaches the issuer. Raises as ``purse_load.load_purse`` does."""
        return load_purse(card, amount_fen, terminal=self._purses.terminal, authorise=authorise, at=at)

    @property
    def outbox(self) -> list[PursePayment]:
        """The payments kept here, oldest first."""
        return [kept.payment for kept in self._outbox.kept()]

    def _through(self, answer: Answer, use: str) -> Answer:
        if isinstance(answer, Passed):
            self._kept(answer.payment, use)
        return answer

    def _kept(self, payment: Payment, use: str) -> Payment:
        self._outbox.add(payment_to_keep(payment, self._purses.terminal, place=self._place, use=use))
        return payment

    def _required_gate(self) -> RailGate:
        if self._gate is None:
            raise NoGate("这台终端不是闸机")
        return self._gate
