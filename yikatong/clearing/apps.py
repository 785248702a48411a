"""Django's handle on this folder."""

from django.apps import AppConfig


class ClearingConfig(AppConfig):
    """Registers the models of ``yikatong.clearing``."""

    name = "yikatong.clearing"
    label = "clearing"
    default_auto_field = "django.db.models.BigAutoField"
