"""Django's handle on this folder."""

from django.apps import AppConfig


class AcceptanceConfig(AppConfig):
    """Registers the models of ``yikatong.acceptance``."""

    name = "yikatong.acceptance"
    label = "acceptance"
    default_auto_field = "django.db.models.BigAutoField"
