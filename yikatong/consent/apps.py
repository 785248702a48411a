"""Django's handle on this folder."""

from django.apps import AppConfig


class ConsentConfig(AppConfig):
    """Registers the models of ``yikatong.consent``."""

    name = "yikatong.consent"
    label = "consent"
    default_auto_field = "django.db.models.BigAutoField"
