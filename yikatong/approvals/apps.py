"""Django's handle on this folder."""

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    """Registers the models of ``yikatong.approvals``."""

    name = "yikatong.approvals"
    label = "approvals"
    default_auto_field = "django.db.models.BigAutoField"
