"""Cards in different standing with their phones, and three gates: what the tables of taps speak about.

Everything happened around two moments: cards were activated and phones certified three hours ago, losses and the like
one hour ago.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.acceptance.makers import DAY, HOUR, OTHER_STATION, Gate, Phone, registered, revoke
from tests.cast import CLERK, active_card, collected_card, make_bank, make_person
from yikatong.ecard import services as ecard
from yikatong.ecard.issuer import issuer_key
from yikatong.gm.sm2 import PrivateKey
from yikatong.issuance import services as issuance
from yikatong.issuance.adoption import adopt_older_cards
from yikatong.issuance.models import Card
from yikatong.wire.codes import DeviceCertificate, issue_certificate


@dataclass
class World:
    """``now`` is when it was made."""

    now: datetime
    gate: Gate
    exit_gate: Gate
    desk: Gate
    revoked_gate: Gate
    unknown_gate: Gate
    card: Card
    phone: Phone
    lost_card: Card
    lost_phone: Phone
    old_card: Card
    new_card: Card
    inactive_card: Card
    cancelled_card: Card
    stopped_phone: Phone

    def phone_of_stranger(self) -> Phone:
        """Certified by somebody who is not the issuer."""
        return self._certified(PrivateKey.generate(), self.phone.certificate)

    def phone_forged(self) -> Phone:
        """Says that the issuer certified it."""
        key, octets = PrivateKey.generate(), self.phone.certificate
        return Phone(key, octets[:21] + key.public.compressed + octets[54:])

    def phone_of_nobody(self) -> Phone:
        """Certified by the issuer, for a card that does not exist."""
        return self._certified(issuer_key(), self.phone.certificate, token=bytes(8))

    def phone_expired(self) -> Phone:
        """Its certificate ended an hour ago."""
        return self._certified(issuer_key(), self.phone.certificate, not_after=self.now - HOUR)

    def _certified(
        self, issuer: PrivateKey, octets: bytes, *, token: bytes | None = None, not_after: datetime | None = None
    ) -> Phone:
        key = PrivateKey.generate()
        certificate = issue_certificate(
            issuer,
            serial=b"stranger",
            card_token=token or DeviceCertificate.parse(octets).card_token,
            device_key=key.public,
            not_before=self.now - DAY,
            not_after=not_after or self.now + DAY,
        )
        return Phone(key, certificate)


def make_world(folder: Path, now: datetime) -> World:
    """Everything through the services."""
    made, changed = now - 3 * HOUR, now - HOUR
    outlet = make_bank()
    card, lost_card, cancelled_card = (active_card(make_person(s), outlet, at=made) for s in (1, 2, 3))
    phone, stopped_phone = (Phone.enrolled(card, at=made) for _ in range(2))
    lost_phone = Phone.enrolled(lost_card, at=made)
    ecard.revoke_device(card.card_id, stopped_phone.serial, by=CLERK, at=changed)
    issuance.pre_report_loss(lost_card.card_id, by=CLERK, at=changed)
    issuance.report_loss(cancelled_card.card_id, by=CLERK, at=changed)
    switched, waiting = make_person(4), make_person(5)
    adopt_older_cards(at=made)
    new_card, inactive_card = (collected_card(person, outlet, at=made) for person in (switched, waiting))
    issuance.activate_social_function(new_card.card_id, by=CLERK, at=changed)
    revoked_gate = registered(folder, "900100000004", at=made)
    revoke(revoked_gate, at=changed)
    unknown_gate = Gate(registered(folder, "900100000005", at=made).profile)
    forget(unknown_gate)
    return World(
        now=now,
        gate=registered(folder, "900100000001", at=made),
        exit_gate=registered(folder, "900100000002", at=made, station=OTHER_STATION),
        desk=registered(folder, "900100000003", at=made, purpose="identity"),
        revoked_gate=revoked_gate,
        unknown_gate=unknown_gate,
        card=card,
        phone=phone,
        lost_card=lost_card,
        lost_phone=lost_phone,
        old_card=Card.objects.get(person_id=switched.person_id, generation=2),
        new_card=new_card,
        inactive_card=inactive_card,
        cancelled_card=cancelled_card,
        stopped_phone=stopped_phone,
    )


def forget(gate: Gate) -> None:
    """As if the terminal had been registered with another city."""
    from yikatong.acceptance.models import Terminal

    Terminal.objects.filter(terminal_id=gate.terminal_id).delete()
