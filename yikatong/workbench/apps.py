"""Django's handle on this folder."""

from django.apps import AppConfig


class WorkbenchConfig(AppConfig):
    """Registers the templates and static files of ``yikatong.workbench``."""

    name = "yikatong.workbench"
    label = "workbench"
    default_auto_field = "django.db.models.BigAutoField"
