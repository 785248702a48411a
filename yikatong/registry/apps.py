"""Django's handle on this folder."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Registers the models of ``yikatong.registry``."""

    name = "yikatong.registry"
    label = "registry"
    default_auto_field = "django.db.models.BigAutoField"
