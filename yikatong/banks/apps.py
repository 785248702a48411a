"""Django's handle on this folder."""

from django.apps import AppConfig


class BanksConfig(AppConfig):
    """Registers the models of ``yikatong.banks``, and its part of loading a city."""

    name = "yikatong.banks"
    label = "banks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the city's loader write banks and outlets too."""
        from yikatong.banks.loading import BANKS_PART
        from yikatong.city.loader import add_part

        add_part(BANKS_PART)
