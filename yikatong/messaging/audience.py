"""Whom a message is for: filters over the register and the cards. No list of names is ever made."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from yikatong.issuance.models import Card, CardState, SocialState
from yikatong.registry.models import InsuredCategory, Person
from yikatong.registry.searching import Narrowing, born_between

CARD_STATES: dict[str, Promise] = {
    "none": _("还没有第三代卡"),
    "ready": _("第三代卡待领取"),
    "collected": _("已领取，未启用"),
    "active": _("第三代卡已启用"),
}
_THIRD = 3


@dataclass(frozen=True, slots=True)
class Audience:
    """Everybody who fits all of it; an empty filter lets everybody through. Ages are completed years."""

    district_code: str = ""
    category: str = ""
    card_state: str = ""
    age_from: int | None = None
    age_until: int | None = None
    person_id: int | None = None

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Audience":
        """As ``as_json`` wrote it."""
        return cls(**content)

    def as_json(self) -> dict[str, Any]:
        """For the database."""
        return asdict(self)

    def is_sound(self) -> bool:
        """Whether every filter is one that exists."""
        ages = (self.age_from, self.age_until)
        return (
            self.category in {"", *InsuredCategory.values}
            and self.card_state in {"", *CARD_STATES}
            and all(age is None or 0 <= age <= 150 for age in ages)
            and (self.age_from or 0) <= (self.age_until if self.age_until is not None else 150)
        )

    def people(self, on: date) -> "QuerySet[Person]":
        """Everybody of it on a day, in no order yet."""
        since, until = born_between(self.age_from, self.age_until, on)
        people = Narrowing(self.district_code, since, until).apply(Person.objects.all())
        if self.person_id is not None:
            people = people.filter(person_id=self.person_id)
        if self.category:
            people = people.filter(category=self.category)
        if self.card_state:
            people = people.filter(_has_card(self.card_state))
        return people


def _has_card(state: str) -> Any:
    cards = Card.objects.filter(person_id=OuterRef("person_id"), generation=_THIRD)
    alive = cards.exclude(state=CardState.CANCELLED)
    if state == "none":
        return ~Exists(alive)
    if state == "ready":
        return Exists(cards.filter(state=CardState.READY))
    if state == "collected":
        return Exists(cards.filter(state=CardState.COLLECTED, social_state=SocialState.INACTIVE))
    return Exists(cards.filter(social_state=SocialState.ACTIVE))
