"""The top of the house as a Django app: it connects the floors when everything is loaded."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Runs the wiring once models are ready."""

    name = "yikatong.config"
    label = "config"

    def ready(self) -> None:
        """Connect the hooks."""
        from yikatong.config.wiring import connect  # models can be imported only now

        connect()
