"""Operators, venues, terminals; the deny list kept in step with cards and devices; taps stored without the gateway.

The gateway is the usual door for taps; ``store_tap`` is the same decision for those that arrive as files or by hand.
"""

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

from django.db import connection, transaction

from yikatong.acceptance import queries
from yikatong.acceptance.decisions import Named, check_tap, read_card, tap_row
from yikatong.acceptance.lists import DENY_ENTRIES_SQL, DENY_VERSION_SQL, list_key, signed_deny_list
from yikatong.acceptance.models import DenyEntry, Operator, Terminal, Venue
from yikatong.acceptance.rules import Standing, decide_card
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.ecard.models import Device, ElectronicCard
from yikatong.foundation.errors import Refused, YikatongError
from yikatong.gm import x509
from yikatong.gm.sm2 import PrivateKey
from yikatong.issuance.authorities import terminal_authority
from yikatong.issuance.lifecycle import snapshot
from yikatong.issuance.models import Card, CardState, SocialState
from yikatong.issuance.rules import THIRD_GENERATION, is_reported_lost
from yikatong.wire.taps import Tap, TapResult

TERMINAL_YEARS = 5


class RegistrationError(YikatongError):
    """A terminal cannot be registered as asked; the text says why."""


def register_terminal(
    terminal_id: str, *, venue_id: str, purpose: str, gateway_url: str, out: Path, by: Actor, at: datetime
) -> Terminal:
    """Certify a new terminal and write its profile, with its private key, to ``out`` (mode 0600).

    Raises ``RegistrationError`` when the number is taken, the venue unknown, or the file exists.
    """
    if len(terminal_id) != 12 or not terminal_id.isdecimal():
        raise RegistrationError(f"a terminal number has 12 digits, not {terminal_id!r}")
    key = PrivateKey.generate()
    with transaction.atomic():
        venue = Venue.objects.filter(venue_id=venue_id).first()
        if venue is None:
            raise RegistrationError(f"there is no venue {venue_id}; see yikatong acceptance venues")
        if Terminal.objects.filter(terminal_id=terminal_id).exists():
            raise RegistrationError(f"terminal {terminal_id} is registered already; revoke it and take a new number")
        certificate = x509.issue_end_entity(
            terminal_authority(),
            key.public,
            profile=x509.Profile.TERMINAL,
            name=terminal_id,
            not_before=at - timedelta(minutes=1),
            not_after=at + timedelta(days=365 * TERMINAL_YEARS),
        )
        terminal = Terminal.objects.create(
            terminal_id=terminal_id,
            venue=venue,
            purpose=purpose,
            public_key=key.public.compressed,
            certificate_der=certificate.dump(),
            registered_at=at,
        )
        record("terminal.registered", subject=f"terminal:{terminal_id}", by=by, at=at, venue=venue_id, purpose=purpose)
        _write_profile(out, terminal, key, gateway_url)
    return terminal


def revoke_terminal(terminal_id: str, *, by: Actor, at: datetime) -> None:
    """Stop believing a terminal. What it uploaded before stays. Repeating it changes nothing."""
    with transaction.atomic():
        if Terminal.objects.filter(terminal_id=terminal_id, revoked_at=None).update(revoked_at=at):
            record("terminal.revoked", subject=f"terminal:{terminal_id}", by=by, at=at)


def ensure_venue(venue_id: str, *, operator: Operator, name: str, place_id: str = "") -> Venue:
    """A venue of an operator, made if it is not there."""
    venue, _ = Venue.objects.get_or_create(
        venue_id=venue_id, defaults={"operator": operator, "name": name, "place_id": place_id}
    )
    return venue


def refresh_denials(card: Card, at: datetime) -> None:
    """Bring the deny list in step with one card and its devices: add what must be refused, lift what need not.

    Older generations carry no certificate and are accepted online only, so lists leave them out.
    """
    if card.generation != THIRD_GENERATION:
        return
    wanted = _wanted_denials(card, at)
    standing = {entry.key: entry for entry in DenyEntry.objects.filter(card_id=card.card_id, lifted_at=None)}
    for key, entry in standing.items():
        if wanted.get(key, ("",))[0] != entry.reason:
            with connection.cursor() as cursor:
                cursor.execute(
                    "update acceptance_deny_entry set lifted_at = %s, "
                    "lifted_version = nextval(pg_get_serial_sequence('acceptance_deny_entry', 'version')) "
                    "where version = %s",
                    [at, entry.version],
                )
    for key, (reason, relevant_until) in wanted.items():
        if key not in standing or standing[key].reason != reason:
            DenyEntry.objects.create(
                key=key, card_id=card.card_id, reason=reason, since=at, relevant_until=relevant_until
            )


def _wanted_denials(card: Card, at: datetime) -> dict[str, tuple[str, datetime | None]]:
    reason = ""
    if is_reported_lost(snapshot(card), at):
        reason = "card_reported_lost"
    elif card.state == CardState.CANCELLED:
        reason = "card_cancelled"
    elif card.social_state == SocialState.ENDED:
        reason = "card_superseded"
    wanted: dict[str, tuple[str, datetime | None]] = {}
    if reason:
        wanted[f"number:{card.card_number}"] = (reason, None)
        wanted[f"code:{card.identification_code}"] = (reason, None)
        for twin in ElectronicCard.objects.filter(card_id=card.card_id):
            last = Device.objects.filter(card_id=card.card_id).order_by("-expires_at").first()
            wanted[f"token:{bytes(twin.token).hex()}"] = (reason, last.expires_at if last else None)
    for device in Device.objects.filter(card_id=card.card_id, revoked_at__isnull=False, expires_at__gt=at):
        wanted[f"device:{bytes(device.serial).hex()}"] = ("device_revoked", device.expires_at)
    return wanted


def deny_list(at: datetime) -> bytes:
    """The signed deny list as terminals fetch it."""
    with connection.cursor() as cursor:
        cursor.execute(DENY_VERSION_SQL)
        version = cursor.fetchone()[0]
        cursor.execute(DENY_ENTRIES_SQL, {"at": at})
        return signed_deny_list(cursor.fetchall(), version=version, at=at)


def store_tap(tap: Tap, *, terminal_id: str, received_at: datetime) -> TapResult:
    """Decide and store one tap, as the gateway does."""
    try:
        at = check_tap(tap, terminal_id=terminal_id, received_at=received_at)
    except Refused as refused:
        return TapResult(tap.sequence, "refused", str(refused.reason))
    named, standing, reason = Named(""), None, tap.reason
    if tap.decision == "accepted":
        try:
            named = read_card(tap, at=at)
            standing = decide_card(_load_standing(named), at=at)
        except Refused as refused:
            reason = str(refused.reason)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            queries.STORE_TAP,
            tap_row(tap, named=named, standing=standing, reason=reason, at=at, received_at=received_at),
        )
        status, _, reason = cursor.fetchone()
    return TapResult(tap.sequence, status, reason)


def _load_standing(named: Named) -> Standing | None:
    with connection.cursor() as cursor:
        cursor.execute(queries.FIND_CARD, {"key": named.directory_key})
        found = cursor.fetchone()
        if found is None:
            return None
        cursor.execute(queries.LOAD_STANDING, {"card_id": found[0], "serial": named.device_serial})
        return queries.standing_of(cursor.fetchone())


def _write_profile(out: Path, terminal: Terminal, key: PrivateKey, gateway_url: str) -> None:
    profile = {
        "terminal_id": terminal.terminal_id,
        "operator": terminal.venue.operator_id,
        "venue": terminal.venue.name,
        "purpose": terminal.purpose,
        "gateway_url": gateway_url,
        "private_key_hex": key.scalar.hex(),
        "list_signing_key_hex": list_key().public.compressed.hex(),
        "certificate_hex": bytes(terminal.certificate_der).hex(),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise RegistrationError(
            f"{out} exists already; a profile holds a private key and is never overwritten"
        ) from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(profile, file, ensure_ascii=False, indent=2)
