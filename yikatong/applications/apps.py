"""Django's handle on this folder."""

from django.apps import AppConfig


class ApplicationsConfig(AppConfig):
    """Registers the models of ``yikatong.applications``."""

    name = "yikatong.applications"
    label = "applications"
    default_auto_field = "django.db.models.BigAutoField"
