"""Django's handle on this folder."""

from django.apps import AppConfig


class OutreachConfig(AppConfig):
    """Registers the models of ``yikatong.outreach``."""

    name = "yikatong.outreach"
    label = "outreach"
    default_auto_field = "django.db.models.BigAutoField"
