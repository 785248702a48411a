"""How the second factor of staff is kept: the secret of the authenticator is sealed like personal data."""

import base64

from allauth.mfa.adapter import DefaultMFAAdapter

from yikatong.registry.sealing import field_cipher

_FIELD = "second_factor"


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth carries no types
    """See the module. A rotation of keys leaves these values to the older key, which stays in the store."""

    def encrypt(self, text: str) -> str:
        """Sealed, as text."""
        return base64.b64encode(field_cipher().seal(_FIELD, text)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """In clear. Raises ``IntegrityError`` for what was tampered with."""
        return field_cipher().open(_FIELD, base64.b64decode(encrypted_text))
