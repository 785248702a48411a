"""Django's handle on this folder."""

from django.apps import AppConfig


class CampaignConfig(AppConfig):
    """Registers the models of ``yikatong.campaign``."""

    name = "yikatong.campaign"
    label = "campaign"
    default_auto_field = "django.db.models.BigAutoField"
