"""Operators, venues, terminals; the deny list kept in step with cards and devices; taps stored without the gateway.

The gateway is the usual door for taps; ``store_tap`` is the same decision for those that arrive as files or by hand.
"""

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

from django.db import connection, transaction

from yikatong.acceptance import queries
from yikatong.acceptance.decisions import Named, judge, read_tap
from yikatong.acceptance.lists import DENY_ENTRIES_SQL, DENY_VERSION_SQL, list_key, signed_deny_list
from yikatong.acceptance.models import DenyEntry, Terminal, Venue
from yikatong.acceptance.queries import Standings
from yikatong.acceptance.rules import Standing, TerminalStanding, check_terminal
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
VENUE_LENGTH_MAX = 40
"""Of a profile; a few hospitals' names are longer, stations' are not."""


class RegistrationError(YikatongError):
    """A terminal cannot be registered as asked; the text says why."""


def register_terminal(
    terminal_id: str, *, venue_id: str, purpose: str, gateway_url: str, out: Path, by: Actor, at: datetime
) -> Terminal:
    """Certify a new terminal and write its profile, with its private key, to ``out`` (mode 0600).

    Raises ``RegistrationError`` when the number is taken, the venue unknown or no place for such a terminal, or the file
    exists or cannot be written.
    """
    if len(terminal_id) != 12 or not (terminal_id.isascii() and terminal_id.isdecimal()):
        raise RegistrationError(f"a terminal number has 12 digits, not {terminal_id!r}")
    key = PrivateKey.generate()
    with transaction.atomic():
        venue = Venue.objects.select_related("operator").filter(venue_id=venue_id).first()
        if venue is None:
            raise RegistrationError(f"there is no venue {venue_id}; see yikatong acceptance venues")
        if purpose == "gate" and venue.operator.scenario != "transit":
            raise RegistrationError(f"a gate stands at a station; register {venue.name} as identity or till")
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


def refresh_denials(card: Card, at: datetime) -> None:
    """Bring the deny list in step with one card and its devices: add what must be refused, lift what need not.

    Older generations carry no certificate and are accepted online only, so lists leave them out.
    """
    if card.generation != THIRD_GENERATION:
        return
    wanted = _wanted_denials(card, at)
    for entry in DenyEntry.objects.filter(card_id=card.card_id, lifted_at=None):
        if wanted.get(entry.key) == (entry.reason, entry.relevant_until):
            del wanted[entry.key]
        else:
            entry.lifted_at = at
            entry.save(update_fields=["lifted_at"])
    for key, (reason, relevant_until) in wanted.items():
        DenyEntry.objects.create(key=key, card_id=card.card_id, reason=reason, since=at, relevant_until=relevant_until)


def _wanted_denials(card: Card, at: datetime) -> dict[str, tuple[str, datetime | None]]:
    """Reason and until when it matters, by key. A pre-report lapses on its date, whenever the task that notes it runs."""
    reason, until = "", None
    if is_reported_lost(snapshot(card), at):
        reason = "card_reported_lost"
        until = card.pre_report_lapses_at if card.reported_lost_at is None else None
    elif card.state == CardState.CANCELLED:
        reason = "card_cancelled"
    elif card.social_state == SocialState.ENDED:
        reason = "card_superseded"
    certified = Device.objects.filter(card_id=card.card_id, expires_at__gt=at)
    wanted: dict[str, tuple[str, datetime | None]] = {}
    if reason:
        wanted[f"number:{card.card_number}"] = (reason, until)
        wanted[f"code:{card.identification_code}"] = (reason, until)
        last = certified.order_by("-expires_at").first()
        twin = ElectronicCard.objects.filter(card_id=card.card_id).first()
        if last is not None and twin is not None:  # else nobody holds a certificate that could be shown
            wanted[f"token:{bytes(twin.token).hex()}"] = (reason, min(filter(None, (until, last.expires_at))))
    for device in certified.filter(revoked_at__isnull=False):
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
    """Decide and store one tap that ``terminal_id`` sent, as the gateway does."""
    try:
        read = read_tap(tap, check_terminal(_load_terminal(terminal_id), at=received_at), received_at=received_at)
    except Refused as refused:
        return TapResult(tap.sequence, "refused", str(refused.reason))
    standing = _load_standing(read.named) if read.named else None
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(queries.STORE_TAP, judge(read, standing))
        status, _, reason = cursor.fetchone()
    return TapResult(tap.sequence, status, reason)


def _load_terminal(terminal_id: str) -> TerminalStanding | None:
    with connection.cursor() as cursor:
        cursor.execute(queries.FIND_TERMINAL, {"terminal_id": terminal_id})
        return queries.terminal_of(cursor.fetchone())


def _load_standing(named: Named) -> Standing | None:
    serials = [named.device_serial] if named.device_serial is not None else []
    with connection.cursor() as cursor:
        cursor.execute(queries.FIND_CARDS, {"keys": [named.directory_key]})
        cards = cursor.fetchall()
        cursor.execute(queries.LOAD_STANDINGS, {"card_ids": [card_id for _, card_id in cards], "serials": serials})
        return Standings(cards, cursor.fetchall()).of(named.directory_key, named.device_serial)


def _write_profile(out: Path, terminal: Terminal, key: PrivateKey, gateway_url: str) -> None:
    profile = {
        "terminal_id": terminal.terminal_id,
        "operator": terminal.venue.operator_id,
        "venue": terminal.venue.name[:VENUE_LENGTH_MAX],
        "purpose": terminal.purpose,
        "gateway_url": gateway_url,
        "private_key_hex": key.scalar.hex(),
        "list_signing_key_hex": list_key().public.compressed.hex(),
        "certificate_hex": bytes(terminal.certificate_der).hex(),
    }
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise RegistrationError(
            f"{out} exists already; a profile holds a private key and is never overwritten"
        ) from error
    except OSError as error:
        raise RegistrationError(f"{out} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(profile, file, ensure_ascii=False, indent=2)
    except OSError as error:  # a full disk: nobody is registered, and half a profile must not stand in the way
        out.unlink()
        raise RegistrationError(f"{out} cannot be written: {error.strerror}") from error
