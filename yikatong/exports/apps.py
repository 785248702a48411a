"""Django's handle on this folder."""

from django.apps import AppConfig


class ExportsConfig(AppConfig):
    """Registers the models of ``yikatong.exports``."""

    name = "yikatong.exports"
    label = "exports"
    default_auto_field = "django.db.models.BigAutoField"
