"""What every page knows of its surroundings."""

from django.conf import settings
from django.http import HttpRequest


def surroundings(request: HttpRequest) -> dict[str, object]:
    """``large_print``, and ``is_development``, which shows the banner that messages are not really sent."""
    return {
        "large_print": getattr(request, "large_print", False),
        "is_development": not settings.IS_PRODUCTION,
    }
