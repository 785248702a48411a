"""Django's handle on this folder."""

from django.apps import AppConfig


class TransitConfig(AppConfig):
    """Registers the models of ``yikatong.scenarios.transit``."""

    name = "yikatong.scenarios.transit"
    label = "transit"
    default_auto_field = "django.db.models.BigAutoField"
