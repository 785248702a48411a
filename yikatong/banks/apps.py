"""Django's handle on this folder."""

from django.apps import AppConfig


class BanksConfig(AppConfig):
    """Registers the models of ``yikatong.banks``."""

    name = "yikatong.banks"
    label = "banks"
    default_auto_field = "django.db.models.BigAutoField"
