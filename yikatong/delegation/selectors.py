"""Who may act for whom on a day. Revoked and expired rights are not seen from the moment they end."""

from datetime import date

from django.db.models import QuerySet

from yikatong.delegation.models import Delegation
from yikatong.delegation.rules import Act
from yikatong.queries.prepared import prepared
from yikatong.registry.models import Person
from yikatong.registry.selectors import guardian_ids_of


def _holding(on: date) -> QuerySet[Delegation]:
    return Delegation.objects.filter(revoked_at=None, since__lte=on, until__gte=on)


def delegate_ids_of(person_id: int, act: Act, on: date) -> frozenset[int]:
    """To whom a person gave the right to an act; guardians are not among them."""
    return frozenset(agent for agent, acts in _agents(person_id, on) if act in acts)


@prepared
def _agents(principal_person_id: int, on: date) -> QuerySet[Delegation, tuple[int, list[str]]]:
    return _holding(on).filter(principal_person_id=principal_person_id).values_list("agent_person_id", "acts")


def may_act(acting_person_id: int, person: Person, act: Act, on: date) -> bool:
    """Whether somebody may do an act for a person: themselves, a guardian, or whom they gave the right."""
    if acting_person_id == person.person_id or acting_person_id in guardian_ids_of(person, on):
        return True
    return acting_person_id in delegate_ids_of(person.person_id, act, on)


def principals_of(agent_person_id: int, act: Act, on: date) -> list[Person]:
    """Those who gave somebody the right to an act, by number."""
    ids = [principal for principal, acts in _principals(agent_person_id, on) if act in acts]
    return list(Person.objects.filter(person_id__in=ids).order_by("person_id")) if ids else []


@prepared
def _principals(agent_person_id: int, on: date) -> QuerySet[Delegation, tuple[int, list[str]]]:
    return _holding(on).filter(agent_person_id=agent_person_id).values_list("principal_person_id", "acts")


def delegations_by(principal_person_id: int, on: date) -> list[Delegation]:
    """What a person gave and still stands, newest first."""
    return list(_holding(on).filter(principal_person_id=principal_person_id).order_by("-made_at"))


def delegations_to(agent_person_id: int, on: date) -> list[Delegation]:
    """What a person was given and still stands, newest first."""
    return list(_holding(on).filter(agent_person_id=agent_person_id).order_by("-made_at"))
