"""Settling what purses paid: each kept payment's TAC is checked, the proved ones enter the sub-ledger, the others say why.

The TAC is the card's word to its issuer: nobody but the card and the settlement has its key. A payment of an issuer elsewhere is
left for the exchange with that city. It does not judge whether the card should have been let through: the purse has paid.
Source: JR/T 0025 (TAC of a purchase). That every version of the root is tried, newest first, because our cards tell no version of
their own: assumption.
"""

import csv
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hmac import compare_digest
from pathlib import Path
from typing import Self

from django.db import connection, transaction
from django.db.models import QuerySet

from yikatong.acceptance.models import PursePayment, PurseState
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.clearing.locking import lock_clearing
from yikatong.gm.keystore import KeyStoreError
from yikatong.registry.sealing import key_store
from yikatong.smartcard.card_roots import purse_root_name
from yikatong.smartcard.tunion_layout import ISSUER_BEIJING, PurseKey, bcd_time
from yikatong.smartcard.tunion_security import CIPHERS, issuer_factor, purchase_receipt

log = logging.getLogger(__name__)

PAYMENTS_PER_TRANSACTION = 2_000
OWN_ISSUERS = frozenset({ISSUER_BEIJING})
BY = Actor.system("clearing")
COLUMNS = (
    "purse_number",
    "card_counter",
    "terminal_id",
    "terminal_number",
    "place",
    "use",
    "at",
    "amount_fen",
    "state",
    "reason",
)
TAC_WRONG, REPORTED_TWICE, COUNTER_REUSED = "tac_wrong", "reported_twice", "counter_reused"


@dataclass(frozen=True, slots=True)
class Proof:
    """What one round did, in payments."""

    proved: int = 0
    refused: int = 0
    elsewhere: int = 0

    def __add__(self, other: "Proof") -> "Proof":
        return Proof(self.proved + other.proved, self.refused + other.refused, self.elsewhere + other.elsewhere)


class TacKeys:
    """Checks TACs with the city's TAC roots. For one thread."""

    def __init__(self, roots: Iterable[bytes]) -> None:
        """``roots``: 16 bytes each, the likeliest first."""
        self._roots = tuple(roots)
        self._of_issuer = cache(self._issuer_keys)

    @classmethod
    def of_city(cls) -> Self:
        """With every version of the root. Raises ``KeyUnknown`` before the ceremony, ``KeyStoreError``."""
        store, name = key_store(), purse_root_name(PurseKey.TAC)
        return cls(store.get(name, version) for version in reversed(store.key_ids(name)))

    def proves(self, payment: PursePayment) -> bool:
        """Whether the payment's TAC is its card's."""
        cipher = CIPHERS.get(payment.algorithm)
        if cipher is None:
            return False
        data = _covered(payment)
        serial = bytes.fromhex(payment.purse_number)[2:]
        return any(
            compare_digest(cipher.tac(cipher.diversify(key, serial), data), bytes(payment.tac))
            for key in self._of_issuer(payment.algorithm, payment.issuer_hex)
        )

    def _issuer_keys(self, algorithm: int, issuer_hex: str) -> tuple[bytes, ...]:
        factor = issuer_factor(bytes.fromhex(issuer_hex))
        return tuple(CIPHERS[algorithm].diversify(root, factor) for root in self._roots)


def prove_payments(*, at: datetime) -> Proof:
    """Decide every kept payment; safe to repeat and to run twice at once.

    Without the city's root, or with a key store that cannot be opened, all are left as they are and the fault is logged: cards'
    rides are cleared nevertheless, and the payments with the next batch.
    """
    if not PursePayment.objects.filter(state=PurseState.KEPT).exists():
        return Proof()
    try:
        keys = TacKeys.of_city()
    except KeyStoreError as error:
        log.error("purse payments wait: %s (yikatong keys ceremony makes the roots)", error)
        return Proof()
    total = Proof()
    while True:
        with transaction.atomic():
            lock_clearing()
            kept = list(
                PursePayment.objects.filter(state=PurseState.KEPT).order_by("purse_number", "card_counter", "digest")[
                    :PAYMENTS_PER_TRANSACTION
                ]
            )
            if not kept:
                return total
            total += _decide(kept, keys, at=at)


def enter_payments(until: datetime) -> None:
    """Take every proved payment before ``until`` into the sub-ledger, once. Payments of nothing, at entries, are none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into clearing_purse_entry "
            "(purse_number, card_counter, issuer_hex, operator_code, amount_fen, charged_at) "
            "select p.purse_number, p.card_counter, p.issuer_hex, v.operator_code, p.amount_fen, p.at "
            "from acceptance_purse_payment p join acceptance_terminal t using (terminal_id) "
            "join acceptance_venue v using (venue_id) "
            "where p.state = 'proved' and p.at < %s and p.amount_fen > 0 and not exists "
            "(select from clearing_purse_entry e where e.purse_number = p.purse_number and e.card_counter = p.card_counter)",
            [until],
        )


def payments_in(state: str) -> QuerySet[PursePayment]:
    """The payments in a state, newest first."""
    return PursePayment.objects.filter(state=state).order_by("-at", "purse_number", "card_counter", "digest")


def write_payments(payments: QuerySet[PursePayment], out: Path) -> int:
    """Write payments as CSV, mode 0600 because it names purses; how many. Raises ``OSError``."""
    written = 0
    out.touch(mode=0o600)
    with out.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in payments.values_list(*COLUMNS).iterator(chunk_size=PAYMENTS_PER_TRANSACTION):
            writer.writerow(map(_harmless, row))
            written += 1
    return written


def _harmless(value: object) -> object:
    """A text that a spreadsheet would take for a formula, as text: a terminal chose it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value


def _decide(kept: list[PursePayment], keys: TacKeys, *, at: datetime) -> Proof:
    numbers = {payment.purse_number for payment in kept}
    proved: dict[tuple[str, int], PursePayment] = {
        (payment.purse_number, payment.card_counter): payment
        for payment in PursePayment.objects.filter(
            state=PurseState.PROVED,
            purse_number__in=numbers,
            card_counter__in={payment.card_counter for payment in kept},
        )
    }
    for payment in kept:
        payment.state, payment.reason = _judge(payment, keys, proved)
        payment.decided_at = at
        if payment.state == PurseState.PROVED:
            proved[payment.purse_number, payment.card_counter] = payment
        if payment.reason == COUNTER_REUSED:
            record(
                "purse.counter_reused",
                subject=f"purse:{payment.purse_number}",
                by=BY,
                at=at,
                card_counter=payment.card_counter,
                terminal=payment.terminal_id,
            )
    PursePayment.objects.bulk_update(kept, ["state", "reason", "decided_at"])
    states = [payment.state for payment in kept]
    return Proof(states.count(PurseState.PROVED), states.count(PurseState.REFUSED), states.count(PurseState.ELSEWHERE))


def _judge(
    payment: PursePayment, keys: TacKeys, proved: Mapping[tuple[str, int], PursePayment]
) -> tuple[PurseState, str]:
    """State and reason. Two payments that are both proved and share a number mean that the purse was copied."""
    if bytes.fromhex(payment.issuer_hex) not in OWN_ISSUERS:
        return PurseState.ELSEWHERE, "issued_elsewhere"
    if not keys.proves(payment):
        return PurseState.REFUSED, TAC_WRONG
    earlier = proved.get((payment.purse_number, payment.card_counter))
    if earlier is None:
        return PurseState.PROVED, ""
    is_same = _covered(earlier) == _covered(payment)
    return PurseState.REFUSED, REPORTED_TWICE if is_same else COUNTER_REUSED


def _covered(payment: PursePayment) -> bytes:
    """What the TAC covers."""
    return purchase_receipt(
        payment.amount_fen.to_bytes(4),
        payment.kind,
        bytes.fromhex(payment.terminal_id),
        payment.terminal_number.to_bytes(4),
        bcd_time(payment.at),
    )
