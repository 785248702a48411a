"""Phones, terminals and taps around real cards: keys are real, and so are the services that certify them."""

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from tests.cast import CLERK
from yikatong.acceptance import services
from yikatong.acceptance.models import Operator, Terminal, Venue
from yikatong.acceptance.setup import metro_venue_id
from yikatong.city.tariffs import load_metro_tariff
from yikatong.ecard.services import enrol_device
from yikatong.gm.sm2 import PrivateKey
from yikatong.issuance.models import Card
from yikatong.terminal.profile import Profile, read_profile
from yikatong.wire.codes import DeviceCertificate, make_code
from yikatong.wire.taps import Tap

STATION, OTHER_STATION = "国贸", "西单"
NOBODY = "http://127.0.0.1:9"
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=s) for s in (1, 60, 3600, 86400))


@dataclass
class Phone:
    """A holder's phone with a certified key."""

    key: PrivateKey
    certificate: bytes

    @classmethod
    def enrolled(cls, card: Card, *, at: datetime, label: str = "test phone") -> "Phone":
        """Certified through the service."""
        key = PrivateKey.generate()
        return cls(key, enrol_device(card.card_id, key.public.compressed, label=label, by=CLERK, at=at))

    @property
    def serial(self) -> bytes:
        """Of its certificate."""
        return DeviceCertificate.parse(self.certificate).serial

    def code(self, at: datetime, *, nonce: bytes | None = None, key: PrivateKey | None = None) -> str:
        """A fresh code, signed with another ``key`` if one is given."""
        return make_code(self.certificate, key or self.key, issued_at=at, nonce=nonce or os.urandom(8))


@dataclass
class Gate:
    """A registered terminal of any purpose, and the taps it makes; sequences rise by themselves."""

    profile: Profile
    sequences: Any = field(default_factory=lambda: count(1))

    @property
    def terminal_id(self) -> str:
        """Its number."""
        return self.profile.terminal_id

    def tap(self, at: datetime, **changes: object) -> Tap:
        """An accepted entry at its own station, unless told otherwise. Times are cut to milliseconds, as on the wire."""
        fields: dict[str, object] = {
            "terminal_id": self.terminal_id,
            "kind": "entry" if self.profile.purpose == "gate" else "identify",
            "at_ms": int(at.timestamp() * 1000),
            "decision": "accepted",
            "station": self.profile.venue if self.profile.purpose == "gate" else "",
        }
        fields |= changes
        if "sequence" not in fields:
            fields["sequence"] = next(self.sequences)
        return Tap(**fields)  # type: ignore[arg-type]


def metro_venue(station: str = STATION) -> Venue:
    """A station, made with its operator if need be."""
    operator, _ = Operator.objects.get_or_create(
        code=load_metro_tariff().rule.operator_code,
        defaults={"name_zh": "地铁", "name_en": "metro", "scenario": "transit", "source": "test"},
    )
    return Venue.objects.get_or_create(
        venue_id=metro_venue_id(station), defaults={"operator": operator, "name": station}
    )[0]


def registered(
    folder: Path,
    terminal_id: str = "900100000001",
    *,
    at: datetime,
    station: str = STATION,
    purpose: str = "gate",
    gateway_url: str = NOBODY,
) -> Gate:
    """A terminal registered through the service, read back from its profile."""
    path = folder / f"{terminal_id}.json"
    services.register_terminal(
        terminal_id,
        venue_id=metro_venue(station).venue_id,
        purpose=purpose,
        gateway_url=gateway_url,
        out=path,
        by=CLERK,
        at=at,
    )
    return Gate(read_profile(path.read_bytes()))


def revoke(gate: Gate, *, at: datetime) -> None:
    """Stop believing it."""
    services.revoke_terminal(gate.terminal_id, by=CLERK, at=at)
    assert Terminal.objects.get(terminal_id=gate.terminal_id).revoked_at
