"""The P-256 keys that sign credentials. The key store holds SM2 and SM4 keys only, so these rest in the database, sealed.

Wallets know no SM2, which is why the credential is signed with ES256 beside the code's SM2 (docs/decisions).
"""

import json
from datetime import datetime

from django.db import connection, transaction
from joserfc.jwk import ECKey

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.credentials.jose import new_key, public_jwk
from yikatong.credentials.models import IssuerKey
from yikatong.registry.sealing import field_cipher

_FIELD = "credential_issuer_key"
_LOCK_SQL = "select pg_advisory_xact_lock(hashtextextended('credentials_issuer_key', 0))"


def signing_key(at: datetime) -> ECKey:
    """The newest key, made at first use."""
    newest = IssuerKey.objects.order_by("-made_at", "key_id").first()
    if newest is None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_LOCK_SQL)
            newest = IssuerKey.objects.order_by("-made_at", "key_id").first() or _add_key(at)
    return _opened(newest)


def rotate(*, by: Actor, at: datetime) -> str:
    """Make a fresh key, which signs from now on; its id. Older ones still verify what they signed."""
    with transaction.atomic():
        fresh = _add_key(at)
        record("credential.key_made", subject=f"key:{fresh.key_id}", by=by, at=at)
    return fresh.key_id


def _add_key(at: datetime) -> IssuerKey:
    key = new_key()
    sealed = field_cipher().seal(_FIELD, json.dumps(key.as_dict(private=True)))
    return IssuerKey.objects.create(key_id=key.thumbprint(), private_key_sealed=sealed, made_at=at)


def verifying_key(key_id: str) -> ECKey | None:
    """One of our keys by its id."""
    found = IssuerKey.objects.filter(key_id=key_id).first()
    return _opened(found) if found else None


def public_keys() -> list[dict[str, object]]:
    """All our keys as JWKs, newest first."""
    return [public_jwk(_opened(key)) for key in IssuerKey.objects.order_by("-made_at", "key_id")]


def _opened(row: IssuerKey) -> ECKey:
    return ECKey.import_key(json.loads(field_cipher().open(_FIELD, bytes(row.private_key_sealed))))
