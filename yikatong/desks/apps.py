"""Django's handle on this folder."""

from django.apps import AppConfig


class DesksConfig(AppConfig):
    """Registers the models of ``yikatong.desks``."""

    name = "yikatong.desks"
    label = "desks"
    default_auto_field = "django.db.models.BigAutoField"
