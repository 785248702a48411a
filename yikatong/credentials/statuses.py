"""What has become of credentials: places in status lists, taken at random, changed with the card or at the holder's wish."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.credentials import addresses, keys, status_list
from yikatong.credentials.models import Credential, StatusList, StatusPlace
from yikatong.credentials.status_list import SIZE, Status
from yikatong.ecard import services as ecard
from yikatong.issuance.lifecycle import lock_card, snapshot
from yikatong.issuance.models import Card, CardState, SocialState
from yikatong.issuance.rules import is_reported_lost

FULL_AT = SIZE // 2
"""Half full is full: then a random place is free at the second try on average."""
_LOCK_SQL = "select pg_advisory_xact_lock(hashtextextended('credentials_status_list', 0))"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a credential's status stands."""

    list_id: int
    index: int


def take_place(at: datetime) -> Place:
    """A free place at random; within the caller's transaction. Its number tells neither order nor time of issue."""
    open_list = _open_list(at)
    while True:
        index = secrets.randbelow(SIZE)
        fresh = StatusPlace(list_id=open_list.list_id, index=index)
        if StatusPlace.objects.filter(list_id=fresh.list_id, index=index).exists():
            continue
        StatusPlace.objects.create(list_id=fresh.list_id, index=index)
        taken = open_list.taken + 1
        StatusList.objects.filter(list_id=fresh.list_id).update(taken=F("taken") + 1, is_open=taken < FULL_AT)
        return Place(fresh.list_id, index)


def follow_card(card: Card, at: datetime) -> None:
    """The card changed: what was issued of it is suspended, ended, or good again."""
    for credential in Credential.objects.filter(card_id=card.card_id, expires_at__gt=at):
        _set(credential, _status_of(card, credential, at), at)


def revoke(card_id: int, credential_id: UUID, *, by: Actor, at: datetime) -> None:
    """End one credential, at its holder's wish. Repeating it, or naming none of this card, changes nothing."""
    with transaction.atomic():
        _, card = lock_card(card_id)
        for credential in Credential.objects.filter(card_id=card_id, credential_id=credential_id, revoked_at=None):
            _end(card, credential, by=by, at=at)


def stop_all(card_id: int, *, by: Actor, at: datetime) -> int:
    """End every code of a card and every credential in wallets, together; how many phones and wallets that were."""
    with transaction.atomic():
        devices = ecard.revoke_all_devices(card_id, by=by, at=at)
        _, card = lock_card(card_id)
        living = list(Credential.objects.filter(card_id=card_id, revoked_at=None, expires_at__gt=at))
        for credential in living:
            _end(card, credential, by=by, at=at)
        return devices + len(living)


def signed_list(list_id: int, *, issuer: str, at: datetime) -> str | None:
    """The status list token; ``None`` when there is no such list. Signed anew every minute, and when something changed."""
    changed_at = StatusList.objects.filter(list_id=list_id).values_list("changed_at", flat=True).first()
    if changed_at is None:
        return None
    return _signed(list_id, changed_at, issuer, int(at.timestamp()) // 60 * 60)


@lru_cache(maxsize=16)
def _signed(list_id: int, changed_at: datetime, issuer: str, minute_s: int) -> str:
    """Remembered: everybody asks for the same few lists, and packing one takes longer than answering."""
    at = datetime.fromtimestamp(minute_s, tz=changed_at.tzinfo)
    array = bytes(StatusList.objects.values_list("statuses", flat=True).get(list_id=list_id))
    uri = addresses.status_uri(issuer, list_id)
    return status_list.signed(array, uri=uri, issuer=issuer, at=at, key=keys.signing_key(at))


def _end(card: Card, credential: Credential, *, by: Actor, at: datetime) -> None:
    credential.revoked_at = at
    credential.save(update_fields=["revoked_at"])
    _set(credential, Status.INVALID, at)
    subject, named = f"card:{card.card_id}", str(credential.credential_id)
    record("credential.revoked", subject=subject, by=by, at=at, person_id=card.person_id, credential=named)


def _status_of(card: Card, credential: Credential, at: datetime) -> Status:
    if credential.revoked_at is not None or card.social_state == SocialState.ENDED or card.state == CardState.CANCELLED:
        return Status.INVALID
    return Status.SUSPENDED if is_reported_lost(snapshot(card), at) else Status.VALID


def _set(credential: Credential, status: Status, at: datetime) -> None:
    if credential.status == status:
        return
    credential.status = status
    credential.save(update_fields=["status"])
    with connection.cursor() as cursor:  # PostgreSQL numbers a byte's bits from the least significant, as the lists do
        cursor.execute(
            "update credentials_status_list set changed_at = %s, "
            "statuses = set_bit(set_bit(statuses, %s, %s), %s, %s) where list_id = %s",
            [at, 2 * credential.index, status & 1, 2 * credential.index + 1, status >> 1, credential.list_id],
        )


def _open_list(at: datetime) -> StatusList:
    found = StatusList.objects.select_for_update().filter(is_open=True).first()
    if found is None:
        with connection.cursor() as cursor:
            cursor.execute(_LOCK_SQL)
        found = StatusList.objects.select_for_update().filter(is_open=True).first()
    return found or StatusList.objects.create(statuses=status_list.empty(), changed_at=at)
