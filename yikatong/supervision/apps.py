"""Django's handle on this folder."""

from django.apps import AppConfig


class SupervisionConfig(AppConfig):
    """Registers the models of ``yikatong.supervision``."""

    name = "yikatong.supervision"
    label = "supervision"
    default_auto_field = "django.db.models.BigAutoField"
