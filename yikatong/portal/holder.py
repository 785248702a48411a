"""Whose page this is: the signed-in resident, and those they may act for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import wraps
from typing import Concatenate

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from yikatong.audit.actors import Actor
from yikatong.delegation.rules import Act
from yikatong.delegation.selectors import principals_of
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.issuance.models import Card
from yikatong.registry.models import Person
from yikatong.registry.selectors import PersonView, clear_view, find_person, wards_of


@dataclass(frozen=True, slots=True)
class Holder:
    """The resident at the phone, as of now."""

    person: Person
    actor: Actor
    at: datetime

    @property
    def today(self) -> date:
        """The day in Beijing."""
        return beijing_day(self.at)

    def may_act_for(self, act: Act | None = None) -> list[Person]:
        """The resident first, then the wards; for an act also those who gave the right to it."""
        people = [self.person, *wards_of(self.person.person_id, self.today)]
        known = {person.person_id for person in people}
        given = principals_of(self.person.person_id, act, self.today) if act is not None else []
        return people + [person for person in given if person.person_id not in known]

    def person_for(self, person_id: int, act: Act | None = None) -> Person:
        """One of them. Raises ``Http404`` for anybody else: existence is not told."""
        if person_id == self.person.person_id:
            return self.person
        for person in self.may_act_for(act):
            if person.person_id == person_id:
                return person
        raise Http404

    def card_for(self, card_id: int, act: Act | None = None) -> Card:
        """A card of one of them. Raises ``Http404``."""
        card = Card.objects.filter(card_id=card_id).first()
        if card is None:
            raise Http404
        self.person_for(card.person_id, act)
        return card

    def name_of(self, person: Person) -> PersonView:
        """Residents see themselves, their children and those who gave them a right in clear."""
        return clear_view(person)


def holder_required[**P](
    view: Callable[Concatenate[HttpRequest, Holder, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Give the view its holder; who has not proved who they are yet is sent to do so."""

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        person_id = request.user.person_id if request.user.is_authenticated else None
        person = find_person(person_id) if person_id else None
        if person is None:
            return redirect("portal:identify")
        request.resident = person  # type: ignore[attr-defined]  # what surrounds the page asks about them too
        holder = Holder(person, Actor("resident", str(person.person_id)), utc_now())
        return view(request, holder, *args, **kwargs)

    return wrapped
