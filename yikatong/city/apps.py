"""Django's handle on this folder."""

from django.apps import AppConfig


class CityConfig(AppConfig):
    """Registers the models of ``yikatong.city``."""

    name = "yikatong.city"
    label = "city"
    default_auto_field = "django.db.models.BigAutoField"
