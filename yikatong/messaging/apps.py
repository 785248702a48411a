"""Django's handle on this folder."""

from django.apps import AppConfig


class MessagingConfig(AppConfig):
    """Registers the models of ``yikatong.messaging``."""

    name = "yikatong.messaging"
    label = "messaging"
    default_auto_field = "django.db.models.BigAutoField"
