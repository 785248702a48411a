"""Building and signing the lists terminals live by. Django-free: the gateway serves them too.

Validity: assumption. A trust list lasts a month; a deny list is fresh for a day, after which a terminal decides by its purpose.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from yikatong.ecard.issuer import issuer_key
from yikatong.gm.sm2 import PrivateKey
from yikatong.registry.sealing import key_store
from yikatong.wire.codes import key_id_of
from yikatong.wire.lists import DenyList, IssuerKey, TrustList, sign_list

LIST_KEY = "list-signing"
TRUST_LIST_LIFE = timedelta(days=30)
DENY_LIST_LIFE = timedelta(days=1)
ISSUER_TRUSTED_FROM_S = 1704067200  # 2024-01-01
ISSUER_TRUSTED_UNTIL_S = 2019686400  # 2034-01-01

DENY_ENTRIES_SQL = (
    "select key, reason from acceptance_deny_entry where lifted_at is null "
    "and (relevant_until is null or relevant_until > %(at)s) order by entry_id"
)
DENY_VERSION_SQL = "select coalesce(max(listed_version), 0) from acceptance_deny_entry"


def list_key() -> PrivateKey:
    """The key that signs lists, made at first use."""
    store = key_store()
    store.ensure(sm2=(LIST_KEY,))
    return store.sm2_key(LIST_KEY)


def signed_trust_list(at: datetime) -> bytes:
    """The trust list as terminals fetch it."""
    issuer = issuer_key().public
    content = TrustList(
        version=int(at.timestamp()),
        issued_at_s=int(at.timestamp()),
        valid_until_s=int((at + TRUST_LIST_LIFE).timestamp()),
        issuer_keys={
            key_id_of(issuer).hex(): IssuerKey(issuer.compressed.hex(), ISSUER_TRUSTED_FROM_S, ISSUER_TRUSTED_UNTIL_S)
        },
    )
    return sign_list(content, list_key())


def signed_deny_list(entries: Iterable[tuple[str, str]], *, version: int, at: datetime) -> bytes:
    """The deny list as terminals fetch it, from rows of key and reason."""
    content = DenyList(
        version=version,
        issued_at_s=int(at.timestamp()),
        valid_until_s=int((at + DENY_LIST_LIFE).timestamp()),
        entries=dict(entries),
    )
    return sign_list(content, list_key())
