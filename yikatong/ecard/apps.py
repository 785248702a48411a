"""Django's handle on this folder."""

from django.apps import AppConfig


class EcardConfig(AppConfig):
    """Registers the models of ``yikatong.ecard``."""

    name = "yikatong.ecard"
    label = "ecard"
    default_auto_field = "django.db.models.BigAutoField"
