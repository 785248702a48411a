"""Django's handle on this folder."""

from django.apps import AppConfig


class CasesConfig(AppConfig):
    """Registers the models of ``yikatong.cases``."""

    name = "yikatong.cases"
    label = "cases"
    default_auto_field = "django.db.models.BigAutoField"
