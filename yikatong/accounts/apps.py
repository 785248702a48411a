"""Django's handle on this folder."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers the models of ``yikatong.accounts``."""

    name = "yikatong.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
