"""Django's handle on this folder."""

from django.apps import AppConfig


class IssuanceConfig(AppConfig):
    """Registers the models of ``yikatong.issuance``."""

    name = "yikatong.issuance"
    label = "issuance"
    default_auto_field = "django.db.models.BigAutoField"
