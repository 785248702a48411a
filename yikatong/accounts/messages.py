"""Messages to people. ``MessageProvider`` is the seam; ``ConsoleSms`` only pretends to send, ``http_sms.HttpSms`` really does.

Texts hold codes and names, so they are sealed at rest and never logged. What is sent to a known person may be kept for
that person's page; codes are never kept.
"""

import logging
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from yikatong.accounts.models import ConsoleMessage, SentMessage
from yikatong.foundation.clock import utc_now
from yikatong.foundation.identifiers import new_uuid7
from yikatong.foundation.masks import masked_phone
from yikatong.registry.sealing import field_cipher

log = logging.getLogger(__name__)
KEPT = timedelta(days=1)
KEPT_FOR_RESIDENTS = timedelta(days=366)
"""Source: assumption (the period of one exchange, and a year to look something up)."""


class MessageProvider(Protocol):
    """Whatever carries a text to a phone."""

    def send(self, phone: str, text: str, *, at: datetime) -> None:
        """Send ``text``. Raises an exception of its own when it could not.

        A provider that is to send the same message but once takes a ``key`` too: see ``http_sms``.
        """


class ConsoleSms:
    """Puts messages into the development inbox instead of sending them."""

    def send(self, phone: str, text: str, *, at: datetime) -> None:
        """Keep the text, sealed, for the page /dev/inbox/; older ones than a day go."""
        log.warning("ConsoleSms: no SMS was sent to %s; read it at /dev/inbox/", masked_phone(phone))
        ConsoleMessage.objects.filter(created_at__lt=at - KEPT).delete()
        ConsoleMessage.objects.create(
            to_masked=masked_phone(phone), body_sealed=field_cipher().seal("sms", text), created_at=at
        )


def send(
    phone: str, text: str, *, person_id: int | None = None, kind: str = "notice", english: str = "", key: str = ""
) -> None:
    """Send through the configured provider (``MESSAGE_PROVIDER``).

    With ``person_id`` the text is kept for that person's messages, with ``english`` beside it for who reads the page in
    English. ``key``: equal for repeats of one message, so that a provider that knows keys sends it once.
    """
    at = utc_now()
    provider: MessageProvider = import_string(settings.MESSAGE_PROVIDER)()
    takes_key = key and getattr(provider, "takes_key", False)
    provider.send(phone, text, at=at, **({"key": key} if takes_key else {}))
    if person_id is not None:
        SentMessage.objects.create(
            person_id=person_id,
            message_id=new_uuid7(),
            kind=kind,
            body_sealed=field_cipher().seal("sms", text),
            english_sealed=field_cipher().seal("sms", english) if english else None,
            sent_at=at,
        )


def remove_old(*, at: datetime) -> int:
    """Remove residents' messages whose year is over; how many."""
    removed, _ = SentMessage.objects.filter(sent_at__lt=at - KEPT_FOR_RESIDENTS).delete()
    return removed
