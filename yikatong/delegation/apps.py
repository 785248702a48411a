"""Django's handle on this folder."""

from django.apps import AppConfig


class DelegationConfig(AppConfig):
    """Registers the models of ``yikatong.delegation``."""

    name = "yikatong.delegation"
    label = "delegation"
    default_auto_field = "django.db.models.BigAutoField"
