"""Django's handle on this folder."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Registers the models of ``yikatong.audit``."""

    name = "yikatong.audit"
    label = "audit"
    default_auto_field = "django.db.models.BigAutoField"
