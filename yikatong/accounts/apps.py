"""Django's handle on this folder."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers the models of ``yikatong.accounts``."""

    name = "yikatong.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to signing in and out."""
        from yikatong.accounts import sign_ins  # noqa: F401  # its receivers connect when it is imported
