"""Django's handle on this folder."""

from django.apps import AppConfig


class UnitsConfig(AppConfig):
    """Registers the models of ``yikatong.units``."""

    name = "yikatong.units"
    label = "units"
    default_auto_field = "django.db.models.BigAutoField"
