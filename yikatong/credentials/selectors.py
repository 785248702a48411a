"""Reading which credentials of a card are in wallets."""

from datetime import datetime

from yikatong.credentials.models import Credential


def credentials_of(card_id: int, *, at: datetime) -> list[Credential]:
    """Those that have neither ended nor been revoked, newest first."""
    living = Credential.objects.filter(card_id=card_id, revoked_at=None, expires_at__gt=at)
    return list(living.order_by("-issued_at"))
