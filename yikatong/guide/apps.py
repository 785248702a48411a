"""Django's handle on this folder."""

from django.apps import AppConfig


class GuideConfig(AppConfig):
    """Registers the models of ``yikatong.guide``, and its parts of loading a city."""

    name = "yikatong.guide"
    label = "guide"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the city's loader write what the finder looks up, and the questions with their first answers."""
        from yikatong.city.loader import add_part
        from yikatong.guide.loading import QUESTIONS_PART, SPOTS_PART

        add_part(SPOTS_PART)
        add_part(QUESTIONS_PART)
