"""Reading what helpers did, and what the platform knows of a person when two truths meet."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Count, Q

from yikatong.applications.models import Application
from yikatong.applications.rules import OPEN_STATES
from yikatong.city.models import Division
from yikatong.issuance.models import Card, CardState
from yikatong.issuance.rules import THIRD_GENERATION
from yikatong.outreach.models import Device, Helper, HomeApplication, HomeState, Visit, VisitState

CASES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Standing:
    """A person's open application and living third-generation card, if any."""

    application: Application | None
    card: Card | None


@dataclass(frozen=True, slots=True)
class StreetDay:
    """One street's visits on a day, by state."""

    code: str
    name: str
    planned: int
    done: int
    not_seen: int
    conflict: int


def standing_of(person_id: int) -> Standing:
    """What the platform knows."""
    applications = Application.objects.filter(person_id=person_id, state__in=OPEN_STATES).order_by("-submitted_at")
    cards = Card.objects.filter(person_id=person_id, generation=THIRD_GENERATION).exclude(state=CardState.CANCELLED)
    return Standing(applications.first(), cards.order_by("-card_id").first())


def case_of(application_id: UUID, *, helper: str) -> HomeApplication | None:
    """What a helper brought under this id."""
    return HomeApplication.objects.filter(application_id=application_id, helper=helper).first()


def open_cases() -> list[HomeApplication]:
    """What somebody has to look at, the oldest first."""
    cases = HomeApplication.objects.filter(state__in=[HomeState.CONFLICT, HomeState.NOTED])
    return list(cases.order_by("received_at")[:CASES_SHOWN])


def streets_on(day: date) -> list[StreetDay]:
    """The streets with visits on a day."""
    seen = Q(state__in=[VisitState.NOT_HOME, VisitState.DECLINED])
    rows = (
        Visit.objects.filter(day=day)
        .values("street_code")
        .annotate(
            planned=Count("visit_id", filter=Q(state=VisitState.PLANNED)),
            done=Count("visit_id", filter=Q(state=VisitState.DONE)),
            not_seen=Count("visit_id", filter=seen),
            conflict=Count("visit_id", filter=Q(state=VisitState.CONFLICT)),
        )
        .order_by("street_code")
    )
    names = dict(Division.objects.filter(code__in=[row["street_code"] for row in rows]).values_list("code", "name"))
    return [
        StreetDay(
            row["street_code"],
            names.get(row["street_code"], row["street_code"]),
            row["planned"],
            row["done"],
            row["not_seen"],
            row["conflict"],
        )
        for row in rows
    ]


def helpers_with_devices() -> list[tuple[Helper, str, list[Device]]]:
    """Every helper, with the name of the area, and devices, the newest first."""
    devices: dict[str, list[Device]] = {}
    for device in Device.objects.order_by("-registered_at"):
        devices.setdefault(device.helper, []).append(device)
    helpers = list(Helper.objects.order_by("street_code", "username"))
    areas = Division.objects.filter(code__in=[helper.area_code for helper in helpers])
    names = dict(areas.values_list("code", "name"))
    return [(helper, names.get(helper.area_code, ""), devices.get(helper.username, [])) for helper in helpers]
