"""Messages to people. ``MessageProvider`` is the seam; ``ConsoleSms`` only pretends to send, and says so.

Texts hold codes and names, so they are sealed at rest and never logged.
"""

import logging
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from yikatong.accounts.models import ConsoleMessage
from yikatong.foundation.clock import utc_now
from yikatong.foundation.masks import masked_phone
from yikatong.registry.sealing import field_cipher

log = logging.getLogger(__name__)
KEPT = timedelta(days=1)


class MessageProvider(Protocol):
    """Whatever carries a text to a phone."""

    def send(self, phone: str, text: str, *, at: datetime) -> None:
        """Send ``text``. Raises an exception of its own when it could not."""


class ConsoleSms:
    """Puts messages into the development inbox instead of sending them."""

    def send(self, phone: str, text: str, *, at: datetime) -> None:
        """Keep the text, sealed, for the page /dev/inbox/; older ones than a day go."""
        log.warning("ConsoleSms: no SMS was sent to %s; read it at /dev/inbox/", masked_phone(phone))
        ConsoleMessage.objects.filter(created_at__lt=at - KEPT).delete()
        ConsoleMessage.objects.create(
            to_masked=masked_phone(phone), body_sealed=field_cipher().seal("sms", text), created_at=at
        )


def send(phone: str, text: str) -> None:
    """Send through the configured provider (``MESSAGE_PROVIDER``)."""
    provider: MessageProvider = import_string(settings.MESSAGE_PROVIDER)()
    provider.send(phone, text, at=utc_now())
