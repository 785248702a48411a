"""Django's handle on this folder."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Registers the templates and static files of ``yikatong.portal``."""

    name = "yikatong.portal"
    label = "portal"
    default_auto_field = "django.db.models.BigAutoField"
