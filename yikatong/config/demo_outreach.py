"""The demonstration's helper at home: a street with retirees, some of whom asked to be called on."""

from datetime import datetime

from django.db.models import Count, Q
from django.db.models.functions import Left

from yikatong.audit.actors import Actor
from yikatong.outreach.models import Helper, Visit
from yikatong.outreach.planning import ask_for_visit, assign_helper
from yikatong.registry.models import InsuredCategory, Person

HELPER, ASKED = "helper", 4
_BY = Actor.system("demo")


def ensure_demo_helper(bank_code: str, *, at: datetime) -> None:
    """Bind the helper to the street with the most retirees among those where one has a phone and a pension at this bank."""
    if Helper.objects.filter(username=HELPER).exists():
        return
    retirees = Person.objects.filter(category=InsuredCategory.RETIREE)
    fitting = Q(pension_bank_code=bank_code, phone_index__isnull=False)
    streets = (
        retirees.annotate(street=Left("community_code", 9))
        .values("street")
        .annotate(people=Count("person_id"), fitting=Count("person_id", filter=fitting))
        .order_by("-fitting", "-people", "street")
    )
    street = streets.values_list("street", flat=True).first()
    if street is None:
        return
    assign_helper(HELPER, street, by=_BY, at=at)
    if Visit.objects.exists():
        return
    here = retirees.filter(community_code__startswith=street, needs_home_visit=False)
    for person in here.filter(fitting).order_by("person_id")[:1]:
        ask_for_visit(person.person_id, by=_BY, at=at)
    for person in here.exclude(fitting).order_by("person_id")[: ASKED - 1]:
        ask_for_visit(person.person_id, by=_BY, at=at)
