"""What ``tests.dying`` has loaded before it forks."""

import django

django.setup()

from yikatong.issuance import personalisation  # noqa: E402  # models need Django set up
from yikatong.registry import importer  # noqa: E402

__all__ = ["importer", "personalisation"]
