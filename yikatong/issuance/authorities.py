"""The city's certificate authorities: a root, one for cards, one for terminals.

Keys come from the key store, certificates from the database, both made at first use. Validity: assumption.
"""

from datetime import UTC, datetime, timedelta
from functools import cache

from django.db import connection, transaction

from yikatong.gm import x509
from yikatong.gm.x509 import Authority, Profile
from yikatong.issuance.models import AuthorityCertificate
from yikatong.registry.sealing import key_store

ROOT, CARD_CA, TERMINAL_CA = "root-ca", "card-ca", "terminal-ca"
_VALID_FROM = datetime(2024, 1, 1, tzinfo=UTC)
_ROOT_YEARS, _AUTHORITY_YEARS = 30, 20
_LOCK = 0x594B_4341  # one process makes the certificates


@cache
def root() -> Authority:
    """The city's root."""
    return _authority(ROOT, Profile.ROOT, "Yikatong Root CA", years=_ROOT_YEARS, issuer=None)


@cache
def card_authority() -> Authority:
    """Certifies chips."""
    return _authority(CARD_CA, Profile.CARD_CA, "Yikatong Card CA", years=_AUTHORITY_YEARS, issuer=root())


@cache
def terminal_authority() -> Authority:
    """Certifies terminals."""
    return _authority(TERMINAL_CA, Profile.TERMINAL_CA, "Yikatong Terminal CA", years=_AUTHORITY_YEARS, issuer=root())


def forget() -> None:
    """Forget what was loaded (another database)."""
    for loaded in (root, card_authority, terminal_authority):
        loaded.cache_clear()


def _authority(name: str, profile: Profile, title: str, *, years: int, issuer: Authority | None) -> Authority:
    store = key_store()
    store.ensure(sm2=(name,))
    key = store.sm2_key(name)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        row = AuthorityCertificate.objects.filter(name=name).first()
        if row is not None:
            certificate = x509.parse(bytes(row.certificate_der))
            if x509.public_key_of(certificate) != key.public:
                raise RuntimeError(
                    f"the key store's {name} is not the key certified in this database; use the right key file"
                )
            return Authority(key, certificate)
        until = _VALID_FROM + timedelta(days=365 * years)
        if issuer is None:
            made = x509.issue_root(key, name=title, not_before=_VALID_FROM, not_after=until)
        else:
            made = x509.issue_ca(issuer, key, profile=profile, name=title, not_before=_VALID_FROM, not_after=until)
        AuthorityCertificate.objects.create(name=name, certificate_der=made.der, issued_at=datetime.now(UTC))
        return made
