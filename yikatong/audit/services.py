"""Writing the audit trail. Every service calls ``record`` inside its own transaction."""

from datetime import datetime
from typing import Any

from yikatong.audit.actors import Actor
from yikatong.audit.models import AuditEvent


def record(
    action: str,
    *,
    subject: str,
    by: Actor,
    at: datetime,
    person_id: int | None = None,
    **details: Any,
) -> None:
    """Add one event. ``action`` is ``thing.done`` (``card.activated``), ``subject`` ``kind:id`` (``card:42``).

    ``details`` must be JSON-able and must not hold personal data.
    """
    AuditEvent.objects.create(
        at=at, actor=str(by), action=action, subject=subject, person_id=person_id, details=details
    )
