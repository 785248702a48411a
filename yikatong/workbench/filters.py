"""The filters of long lists, as the page and its export share them. Each combination is served by an index."""

from collections.abc import Mapping
from datetime import date

from django.db.models import QuerySet

from yikatong.audit.models import AuditEvent
from yikatong.foundation.clock import beijing_day_bounds
from yikatong.issuance.models import Card, CardState

THIRD_GENERATION = 3


def cards_filtered(asked: Mapping[str, str]) -> "QuerySet[Card]":
    """Third-generation cards by ``state`` and ``bank``."""
    found = Card.objects.filter(generation=THIRD_GENERATION)
    state, bank = asked.get("state", ""), asked.get("bank", "")
    if state in CardState.values:
        found = found.filter(state=state)
    if bank:
        found = found.filter(bank_code=bank[:8])
    return found


def events_filtered(asked: Mapping[str, str]) -> "QuerySet[AuditEvent]":
    """The audit trail by ``q`` (subject), ``actor``, ``action``, ``since`` and ``until`` (days of Beijing)."""
    found = AuditEvent.objects.all()
    for name, column in (("q", "subject"), ("actor", "actor"), ("action", "action")):
        if value := asked.get(name, "").strip().replace("\0", ""):
            found = found.filter(**{column: value})
    if since := _day(asked.get("since", "")):
        found = found.filter(at__gte=beijing_day_bounds(since)[0])
    if until := _day(asked.get("until", "")):
        found = found.filter(at__lt=beijing_day_bounds(until)[1])
    return found


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
