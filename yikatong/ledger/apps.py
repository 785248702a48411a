"""Django's handle on this folder."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """Registers the models of ``yikatong.ledger``."""

    name = "yikatong.ledger"
    label = "ledger"
    default_auto_field = "django.db.models.BigAutoField"
