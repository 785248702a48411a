"""Django's handle on this folder."""

from django.apps import AppConfig


class CredentialsConfig(AppConfig):
    """Registers the models of ``yikatong.credentials``."""

    name = "yikatong.credentials"
    label = "credentials"
    default_auto_field = "django.db.models.BigAutoField"
