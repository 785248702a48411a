"""Who among staff looked at, or worked on, a person's data: from the audit trail, as role and organisation, never by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from yikatong.acceptance.models import Operator
from yikatong.accounts.models import User
from yikatong.audit.models import AuditEvent
from yikatong.banks.models import Outlet
from yikatong.registry.models import Organisation

_ECHOES = ("application.ready", "application.collected")
"""Written beside the card's own row for the same deed."""
KINDS = ("clerk", "staff", "unit", "outreach", "operator")
"""Actors that are people at work. Residents themselves and the platform are told elsewhere."""


@dataclass(frozen=True, slots=True)
class Looker:
    """One deed of one member of staff. ``role``: the actor's kind.

    ``reason``: a name of ``accounts.looking``, empty when none was asked for; ``note``: what they wrote besides.
    """

    event_id: int
    at: datetime
    role: str
    organisation: str
    action: str
    reason: str
    note: str


def lookers_of(person_id: int, *, before: int | None = None, limit: int) -> list[Looker]:
    """The newest first, from before an event on; four queries however many there are."""
    by_staff = Q()
    for kind in KINDS:
        by_staff |= Q(actor__startswith=f"{kind}:")
    events = AuditEvent.objects.filter(by_staff, person_id=person_id).exclude(action__in=_ECHOES)
    if before is not None:
        events = events.filter(event_id__lt=before)
    page = list(events.order_by("-event_id")[:limit])
    organisations = _organisations([event.actor for event in page])
    return [
        Looker(
            event_id=event.event_id,
            at=event.at,
            role=event.actor.partition(":")[0],
            organisation=organisations.get(event.actor, ""),
            action=event.action,
            reason=_said(event, "reason"),
            note=_said(event, "note"),
        )
        for event in page
    ]


def _said(event: AuditEvent, name: str) -> str:
    return str(event.details.get(name, ""))[:100] if event.action == "person.revealed" else ""


def _organisations(actors: Sequence[str]) -> dict[str, str]:
    """Where each works; only those who have an account that says so."""
    names = {actor.partition(":")[2] for actor in actors}
    users = {user.username: user for user in User.objects.filter(username__in=names)}
    outlets = Outlet.objects.in_bulk({user.outlet_id for user in users.values() if user.outlet_id})
    units = Organisation.objects.in_bulk({u.organisation_code for u in users.values() if u.organisation_code})
    operators = Operator.objects.in_bulk({user.operator_code for user in users.values() if user.operator_code})
    found = {}
    for actor in actors:
        user = users.get(actor.partition(":")[2])
        if user is None:
            continue
        outlet, unit = outlets.get(user.outlet_id), units.get(user.organisation_code)
        operator = operators.get(user.operator_code)
        found[actor] = outlet.name if outlet else unit.name if unit else operator.name_zh if operator else ""
    return found
