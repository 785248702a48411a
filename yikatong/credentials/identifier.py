"""The issuer's identifier, by which wallets and verifiers know us."""

from django.conf import settings
from django.http import HttpRequest


def issuer_of(request: HttpRequest) -> str:
    """As configured (``YIKATONG_ISSUER``), or the address that was asked, which ``ALLOWED_HOSTS`` bounds."""
    return settings.CREDENTIAL_ISSUER or f"{request.scheme}://{request.get_host()}"
